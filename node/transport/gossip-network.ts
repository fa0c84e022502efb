/**
 * The gossip network of a real member: UDP and TCP on the same port. A TCP
 * connection carries one request and one answer. Everything that a stranger can
 * make it hold is bounded: connections, bytes of a request, and time.
 */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { onAnyPort } from '../base/any-port.ts'
import type { Log } from '../base/log.ts'
import type { GossipNetwork, RequestOutcome } from '../gossip/network.ts'
import { streamSizeBytes } from '../gossip/wire.ts'
import { formatAddress, parseAddress } from './address.ts'
import { listen } from './listen.ts'

export interface GossipNetworkLimits {
  /** A larger request or answer is not read. */
  readonly streamBytesMax: number
  /** Connections that others may hold open at a time; more are closed at once. */
  readonly incomingMax: number
  /** Requests of this member at a time; more fail at once. */
  readonly outgoingMax: number
  /** An incoming connection must bring its request, and take the answer, within this. */
  readonly incomingTimeoutMs: number
  /** A larger datagram is dropped unread. */
  readonly packetBytesMax: number
}

export interface GossipNetworkOptions extends Partial<GossipNetworkLimits> {
  readonly bindHost: string
  /** 0: any port that is free for both. */
  readonly bindPort: number
  /** What others know this member by. Default: `bindHost` with the port it got. */
  readonly advertise?: string
  /** Addresses to dial, and to send datagrams to, in place of advertised ones, where a proxy or a tunnel stands between. */
  readonly dialMap?: Readonly<Record<string, string>>
  readonly log: Log
}

export interface GossipNetworkStats {
  readonly packetsSent: number
  readonly packetsReceived: number
  /** Could not be sent, or were too large to be read. */
  readonly packetsDropped: number
  readonly connectionsAccepted: number
  /** Too many, too slow, too large, or no gossip. */
  readonly connectionsRefused: number
  readonly requestsSent: number
  readonly requestsFailed: number
}

export interface UdpTcpNetwork extends GossipNetwork {
  readonly stats: GossipNetworkStats
  /** Resolves when the port is free again. Requests under way get no outcome. */
  close(): Promise<void>
}

const defaults: GossipNetworkLimits = {
  streamBytesMax: 16 * 1024 * 1024,
  incomingMax: 128,
  outgoingMax: 64,
  incomingTimeoutMs: 10_000,
  packetBytesMax: 8192,
}

/** Listens on both, then resolves. Rejects with the operating system's error if it cannot. */
export async function udpTcpNetwork(options: GossipNetworkOptions): Promise<UdpTcpNetwork> {
  return options.bindPort === 0 ? await onAnyPort(() => open(options)) : await open(options)
}

async function open(options: GossipNetworkOptions): Promise<UdpTcpNetwork> {
  const { bindHost, bindPort } = options
  const server = createServer({ noDelay: true, allowHalfOpen: true })
  const port = await listen(server, bindHost, bindPort)
  try {
    const datagrams = await bind(bindHost, port)
    return new SocketNetwork(server, datagrams, options.advertise ?? formatAddress(bindHost, port), options)
  } catch (error) {
    await new Promise((resolve) => server.close(resolve))
    throw error
  }
}

class SocketNetwork implements UdpTcpNetwork {
  readonly address: string
  readonly #server: Server
  readonly #datagrams: DatagramSocket
  readonly #limits: GossipNetworkLimits
  readonly #dialMap: Readonly<Record<string, string>>
  readonly #log: Log
  readonly #incoming = new Set<Socket>()
  readonly #outgoing = new Set<Socket>()
  readonly #stats = { packetsSent: 0, packetsReceived: 0, packetsDropped: 0, connectionsAccepted: 0, connectionsRefused: 0, requestsSent: 0, requestsFailed: 0 }
  #receive: (from: string, bytes: Uint8Array) => void = () => {}
  #answer: (bytes: Uint8Array) => Uint8Array | null = () => null
  #closed = false

  constructor(server: Server, datagrams: DatagramSocket, address: string, options: GossipNetworkOptions) {
    this.address = address
    this.#server = server
    this.#datagrams = datagrams
    this.#log = options.log
    this.#dialMap = options.dialMap ?? {}
    const given = Object.fromEntries(Object.entries(options).filter(([name, value]) => name in defaults && value !== undefined))
    this.#limits = { ...defaults, ...given }
    server.on('connection', (socket) => this.#accept(socket))
    server.on('error', (error) => this.#log.error('the listening gossip socket failed', { address, reason: error.message }))
    datagrams.on('error', (error) => this.#log.error('the gossip datagram socket failed', { address, reason: error.message }))
    datagrams.on('message', (bytes, from) => {
      this.#stats.packetsReceived++
      if (bytes.length > this.#limits.packetBytesMax) this.#stats.packetsDropped++
      else this.#receive(formatAddress(from.address, from.port), bytes)
    })
  }

  get stats(): GossipNetworkStats {
    return { ...this.#stats }
  }

  sendPacket(address: string, bytes: Uint8Array): void {
    const target = this.#closed ? null : this.#targetOf(address)
    // Port 0 is parsed, but the socket throws.
    if (target === null || target.port === 0) {
      this.#stats.packetsDropped++
      return
    }
    this.#stats.packetsSent++
    this.#datagrams.send(bytes, target.port, target.host, (error) => {
      if (error !== null) this.#stats.packetsDropped++
    })
  }

  onPacket(receive: (from: string, bytes: Uint8Array) => void): void {
    this.#receive = receive
  }

  onRequest(answer: (bytes: Uint8Array) => Uint8Array | null): void {
    this.#answer = answer
  }

  request(address: string, bytes: Uint8Array, timeoutMs: number, done: (outcome: RequestOutcome) => void): void {
    const target = this.#targetOf(address)
    this.#stats.requestsSent++
    const refuse = (reason: string) => {
      this.#stats.requestsFailed++
      // Never before `request` has returned.
      queueMicrotask(() => { if (!this.#closed) done({ ok: false, reason }) })
    }
    if (target === null || target.port === 0) return refuse(`${JSON.stringify(address)} is not host:port`)
    if (this.#closed) return
    if (this.#outgoing.size >= this.#limits.outgoingMax) return refuse(`${this.#outgoing.size} requests are under way already`)
    if (bytes.length > this.#limits.streamBytesMax) return refuse(`the request has ${bytes.length} bytes, more than ${this.#limits.streamBytesMax}`)

    const socket = connect({ ...target, noDelay: true })
    this.#outgoing.add(socket)
    let outcome: RequestOutcome = { ok: false, reason: 'closed without an answer' }
    const timer = setTimeout(() => {
      outcome = { ok: false, reason: `no answer within ${Math.round(timeoutMs)} ms` }
      socket.destroy()
    }, timeoutMs)
    timer.unref()
    const reader = new WholeMessage(this.#limits.streamBytesMax)
    socket.once('connect', () => socket.write(bytes))
    socket.on('data', (chunk) => {
      const read = reader.add(chunk as Buffer)
      if (read.kind === 'partial') return
      outcome = read.kind === 'whole' ? { ok: true, bytes: read.bytes } : { ok: false, reason: read.reason }
      socket.destroy()
    })
    socket.on('error', (error) => { outcome = { ok: false, reason: error.message } })
    socket.once('close', () => {
      clearTimeout(timer)
      this.#outgoing.delete(socket)
      if (!outcome.ok) this.#stats.requestsFailed++
      if (!this.#closed) done(outcome)
    })
  }

  /** An answer to a datagram goes where that came from, which is in no map. */
  #targetOf(address: string): ReturnType<typeof parseAddress> {
    return parseAddress(this.#dialMap[address] ?? address)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const freed = [
      new Promise<void>((resolve) => this.#server.close(() => resolve())),
      new Promise<void>((resolve) => this.#datagrams.close(() => resolve())),
    ]
    for (const socket of [...this.#incoming, ...this.#outgoing]) socket.destroy()
    await Promise.all(freed)
  }

  #accept(socket: Socket): void {
    this.#stats.connectionsAccepted++
    socket.on('error', () => {})
    if (this.#incoming.size >= this.#limits.incomingMax) {
      this.#refuse(socket, `${this.#incoming.size} connections are open already`)
      return
    }
    this.#incoming.add(socket)
    const { incomingTimeoutMs, streamBytesMax } = this.#limits
    const timer = setTimeout(() => this.#refuse(socket, `not done within ${incomingTimeoutMs} ms`), incomingTimeoutMs)
    timer.unref()
    socket.once('close', () => {
      clearTimeout(timer)
      this.#incoming.delete(socket)
    })
    const reader = new WholeMessage(streamBytesMax)
    let answered = false
    socket.on('data', (chunk) => {
      // What follows the request is of no interest.
      if (answered || this.#closed) return
      const read = reader.add(chunk as Buffer)
      if (read.kind === 'partial') return
      answered = true
      if (read.kind === 'refused') return this.#refuse(socket, read.reason)
      const answer = this.#answer(read.bytes)
      if (answer === null) return this.#refuse(socket, 'the request makes no sense, or is for another member')
      socket.end(answer)
    })
    socket.once('end', () => { if (!answered) socket.destroy() })
  }

  #refuse(socket: Socket, reason: string): void {
    const count = ++this.#stats.connectionsRefused
    const remote = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? '?'}`
    // Powers of two: a flood of connections must not become a flood of lines.
    if ((count & (count - 1)) === 0) this.#log.warn('gossip connection refused', { remote, reason, refusedSoFar: count })
    socket.destroy()
  }
}

type Read = { readonly kind: 'partial' } | { readonly kind: 'whole', readonly bytes: Uint8Array } | { readonly kind: 'refused', readonly reason: string }

/** Gathers the chunks of one message; knows early if it will not be one. */
class WholeMessage {
  readonly #bytesMax: number
  #chunks: Buffer[] = []
  #length = 0
  #wanted: number | null = null

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  add(chunk: Buffer): Read {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#wanted === null) {
      this.#chunks = [Buffer.concat(this.#chunks, this.#length)]
      const size = streamSizeBytes(this.#chunks[0]!)
      if (!size.ok) return { kind: 'refused', reason: size.error }
      if (size.value === null) return { kind: 'partial' }
      if (size.value > this.#bytesMax) return { kind: 'refused', reason: `a message of ${size.value} bytes is above the limit of ${this.#bytesMax}` }
      this.#wanted = size.value
    }
    if (this.#length < this.#wanted) return { kind: 'partial' }
    return { kind: 'whole', bytes: Buffer.concat(this.#chunks, this.#length).subarray(0, this.#wanted) }
  }
}

function bind(host: string, port: number): Promise<DatagramSocket> {
  return new Promise((resolve, reject) => {
    // Bursts of news must not be lost while the process is busy; the system may grant less.
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 2 * 1024 * 1024 })
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}
