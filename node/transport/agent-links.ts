/** A client agent's connections to servers: one for each, dialled when there is something to ask; `agent-messages.ts` says what goes over it. */
import { connect, type Socket } from 'node:net'
import type { Log } from '../base/log.ts'
import type { Cancel } from '../base/scheduler.ts'
import { parseAddress } from './address.ts'
import { type AgentAnswer, type AgentCall, agentMagic, type AgentToServer, parseServerToAgent } from './agent-messages.ts'
import { encodeFrame, FrameReader, ProtocolError } from './frame.ts'

export type CallOutcome =
  | { readonly kind: 'answer', readonly answer: AgentAnswer }
  /** No server has got a byte of it. `reason` in Go's words. */
  | { readonly kind: 'unsent', readonly reason: string }
  /** The connection broke behind it: it may have been carried out. */
  | { readonly kind: 'lost', readonly reason: string }

/** How an agent reaches servers. */
export interface ServerPort {
  /** `address`: a server's `host:port`. `done` is called once, never before `call` returns, and not after the call is cancelled. */
  call(address: string, call: AgentCall, done: (outcome: CallOutcome) => void): Cancel
  close(): void
}

export interface AgentLinksOptions {
  readonly cluster: string
  readonly agent: string
  readonly frameBytesMax?: number
  readonly connectTimeoutMs?: number
  /** While calls wait, a ping goes after this much silence; after twice that much, the server is given up. */
  readonly pingMs?: number
  /** Addresses to dial in place of advertised ones, where a proxy or a tunnel stands between. */
  readonly dialMap?: Readonly<Record<string, string>>
  readonly log: Log
}

type Resolved = Required<AgentLinksOptions>

export function agentLinks(options: AgentLinksOptions): ServerPort {
  const resolved: Resolved = { frameBytesMax: 64 * 1024 * 1024, connectTimeoutMs: 1000, pingMs: 5000, dialMap: {}, ...options }
  const links = new Map<string, Connection>()
  let closed = false
  return {
    call: (address, call, done) => {
      let link = links.get(address)
      if (link === undefined && !closed) {
        const opened: Connection = new Connection(address, resolved, () => { if (links.get(address) === opened) links.delete(address) })
        links.set(address, link = opened)
      }
      if (link !== undefined) return link.call(call, done)
      let cancelled = false
      queueMicrotask(() => { if (!cancelled) done({ kind: 'unsent', reason: 'this agent is shutting down' }) })
      return () => { cancelled = true }
    },
    close: () => {
      closed = true
      for (const link of [...links.values()]) link.close()
    },
  }
}

interface OpenCall {
  readonly call: AgentCall
  readonly done: (outcome: CallOutcome) => void
}

/** One connection, from the dial to its end; the next one is another. */
class Connection {
  readonly #address: string
  readonly #options: Resolved
  readonly #socket: Socket
  readonly #frames: FrameReader
  readonly #calls = new Map<number, OpenCall>()
  readonly #ended: () => void
  #lastCallId = 0
  #welcomed = false
  #reason = 'EOF'
  #heardMs = performance.now()
  #timer: NodeJS.Timeout

  constructor(address: string, options: Resolved, ended: () => void) {
    this.#address = address
    this.#options = options
    this.#ended = ended
    this.#frames = new FrameReader(options.frameBytesMax)
    const target = parseAddress(options.dialMap[address] ?? address) ?? { host: address, port: 0 }
    const socket = this.#socket = connect({ ...target, noDelay: true })
    this.#timer = setTimeout(() => this.#fail('i/o timeout'), options.connectTimeoutMs)
    socket.once('connect', () => {
      socket.write(agentMagic)
      this.#send({ kind: 'hello', cluster: options.cluster, agent: options.agent })
    })
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('error', (error: NodeJS.ErrnoException) => { this.#reason = inGoWords(error) })
    socket.once('close', () => this.#onClosed())
  }

  call(call: AgentCall, done: (outcome: CallOutcome) => void): Cancel {
    const callId = ++this.#lastCallId
    this.#calls.set(callId, { call, done })
    // Before the welcome nothing is sent, so that of a server that is not there nobody can say that it may have.
    if (this.#welcomed) this.#send({ kind: 'call', callId, call })
    return () => {
      if (this.#calls.delete(callId) && this.#welcomed) this.#send({ kind: 'cancel', callId })
    }
  }

  close(): void {
    this.#calls.clear()
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    this.#heardMs = performance.now()
    let messages: unknown[]
    try {
      messages = this.#frames.read(chunk)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return this.#fail(error.message)
    }
    for (const value of messages) {
      const message = parseServerToAgent(value)
      if (message === null) return this.#fail('the server answers what makes no sense')
      switch (message.kind) {
        case 'welcome':
          this.#welcomed = true
          clearTimeout(this.#timer)
          this.#timer = setInterval(() => this.#watch(), this.#options.pingMs)
          this.#timer.unref()
          for (const [callId, { call }] of this.#calls) this.#send({ kind: 'call', callId, call })
          break
        case 'pong': break
        case 'answer': {
          const open = this.#calls.get(message.callId)
          this.#calls.delete(message.callId)
          open?.done({ kind: 'answer', answer: message.answer })
        }
      }
    }
  }

  #watch(): void {
    const { pingMs } = this.#options
    const silentMs = performance.now() - this.#heardMs
    // What came while this process slept is read first.
    if (silentMs > 2.5 * pingMs && this.#calls.size > 0) setImmediate(() => { if (performance.now() - this.#heardMs > 2.5 * pingMs) this.#fail('i/o timeout') })
    else if (silentMs > pingMs / 2) this.#send({ kind: 'ping' })
  }

  #fail(reason: string): void {
    this.#reason = reason
    this.#socket.destroy()
  }

  #onClosed(): void {
    clearTimeout(this.#timer)
    this.#ended()
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    if (this.#welcomed) this.#options.log.info('connection to server lost', { server: this.#address, reason: this.#reason })
    for (const { done } of calls) {
      done(this.#welcomed ? { kind: 'lost', reason: this.#reason } : { kind: 'unsent', reason: `dial tcp ${this.#address}: ${this.#reason}` })
    }
  }

  #send(message: AgentToServer): void {
    if (!this.#socket.destroyed) this.#socket.write(encodeFrame([message]))
  }
}

function inGoWords(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED': return 'connect: connection refused'
    case 'ECONNRESET': return 'connection reset by peer'
    case 'EHOSTUNREACH': return 'connect: no route to host'
    case 'ENETUNREACH': return 'connect: network is unreachable'
    case 'ETIMEDOUT': return 'i/o timeout'
    default: return error.message
  }
}
