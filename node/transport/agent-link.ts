/** A server's half of a client agent's connection; `agent-messages.ts` says what goes over it. */
import type { Socket } from 'node:net'
import type { Log } from '../base/log.ts'
import type { Cancel } from '../base/scheduler.ts'
import { type AgentAnswer, type AgentCall, agentMagic, parseAgentToServer, type ServerToAgent } from './agent-messages.ts'
import { encodeFrame, FrameReader, ProtocolError } from './frame.ts'

/** Answers exactly once unless cancelled; cancelling after the answer does nothing. */
export type ServeAgent = (call: AgentCall, answer: (answer: AgentAnswer) => void) => Cancel

export interface AgentLinkOptions {
  readonly cluster: string
  readonly frameBytesMax: number
  readonly greetingTimeoutMs: number
  readonly log: Log
}

/** Calls of one agent at a time; more close its connection. */
const callsMax = 16_384
/** An agent that takes no answers is not waited for: so much may lie in its socket. */
const unreadBytesMax = 64 * 1024 * 1024
/** An agent pings while it waits; one that says nothing for so long is gone. */
const silenceMs = 60_000

export class AgentLink {
  readonly #socket: Socket
  readonly #options: AgentLinkOptions
  readonly #serve: ServeAgent
  readonly #frames: FrameReader
  readonly #calls = new Map<number, Cancel>()
  #magic: Buffer | null = Buffer.alloc(0)
  #greeted = false

  constructor(socket: Socket, options: AgentLinkOptions, serve: ServeAgent, closed: (link: AgentLink) => void) {
    this.#socket = socket
    this.#options = options
    this.#serve = serve
    this.#frames = new FrameReader(options.frameBytesMax)
    socket.setTimeout(options.greetingTimeoutMs, () => this.#refuse(this.#greeted ? `nothing came for ${silenceMs} ms` : `no greeting within ${options.greetingTimeoutMs} ms`))
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('error', () => {})
    socket.once('close', () => {
      for (const cancel of this.#calls.values()) cancel()
      this.#calls.clear()
      closed(this)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    let rest = chunk
    if (this.#magic !== null) {
      const bytes = Buffer.concat([this.#magic, chunk])
      const seen = Math.min(bytes.length, agentMagic.length)
      if (!bytes.subarray(0, seen).equals(agentMagic.subarray(0, seen))) return this.#refuse('an agent of another version')
      if (seen < agentMagic.length) {
        this.#magic = bytes
        return
      }
      this.#magic = null
      rest = bytes.subarray(seen)
    }
    let messages: unknown[]
    try {
      messages = this.#frames.read(rest)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return this.#refuse(error.message)
    }
    for (const message of messages) {
      if (this.#socket.destroyed) return
      this.#onMessage(message)
    }
  }

  #onMessage(value: unknown): void {
    const message = parseAgentToServer(value)
    if (message === null) return this.#refuse('a message that makes no sense')
    if (message.kind === 'hello') {
      const { cluster } = this.#options
      if (message.cluster !== cluster) return this.#refuse(`the agent ${message.agent} belongs to cluster ${JSON.stringify(message.cluster)}, this server to ${JSON.stringify(cluster)}`)
      this.#greeted = true
      this.#socket.setTimeout(silenceMs)
      return this.#send({ kind: 'welcome' })
    }
    if (!this.#greeted) return this.#refuse('a call before the greeting')
    switch (message.kind) {
      case 'ping': return this.#send({ kind: 'pong' })
      case 'cancel': {
        const cancel = this.#calls.get(message.callId)
        this.#calls.delete(message.callId)
        return cancel?.()
      }
      case 'call': return this.#call(message.callId, message.call)
    }
  }

  #call(callId: number, call: AgentCall): void {
    if (this.#calls.size >= callsMax) return this.#refuse(`${this.#calls.size} calls are open already`)
    let answered = false
    const cancel = this.#serve(call, (answer) => {
      answered = true
      this.#calls.delete(callId)
      this.#send({ kind: 'answer', callId, answer })
    })
    if (!answered) this.#calls.set(callId, cancel)
  }

  #send(message: ServerToAgent): void {
    if (this.#socket.destroyed) return
    if (this.#socket.writableLength > unreadBytesMax) return this.#refuse(`${this.#socket.writableLength} bytes of answers are not taken`)
    this.#socket.write(encodeFrame([message]))
  }

  #refuse(reason: string): void {
    const remote = `${this.#socket.remoteAddress ?? '?'}:${this.#socket.remotePort ?? '?'}`
    this.#options.log.warn('an agent\'s connection refused', { remote, reason })
    this.#socket.destroy()
  }
}

/**
 * Hands a new connection on by what it begins with, to `agent` or, if it is
 * anything else, to `peer`, which refuses strangers; what was read is put back.
 */
export function byMagic(socket: Socket, timeoutMs: number, agent: () => void, peer: () => void): void {
  let seen: Buffer = Buffer.alloc(0)
  const decide = (accept: () => void) => {
    clearTimeout(timer)
    socket.off('data', look).off('error', ignore).off('close', stop)
    socket.pause()
    if (seen.length > 0) socket.unshift(seen)
    accept()
    socket.resume()
  }
  const look = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
    if (seen.length >= decidingBytes) decide(seen.subarray(0, decidingBytes).equals(agentMagic.subarray(0, decidingBytes)) ? agent : peer)
    else if (!seen.equals(agentMagic.subarray(0, seen.length))) decide(peer)
  }
  const ignore = () => {}
  const stop = () => clearTimeout(timer)
  const timer = setTimeout(() => decide(peer), timeoutMs)
  timer.unref()
  socket.on('data', look).on('error', ignore).once('close', stop)
}

/** So many of the first bytes tell an agent from a server. */
const decidingBytes = 6
