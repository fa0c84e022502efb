/**
 * The Transport of a real member: TCP, one dialled connection per server and
 * direction, used for sending only. `frame.ts` has the bytes.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { ClientConnections } from '../base/client-connections.ts'
import type { Log } from '../base/log.ts'
import { formatAddress, parseAddress } from './address.ts'
import { AgentLink, byMagic, type ServeAgent } from './agent-link.ts'
import { encodeGreeting } from './frame.ts'
import { IncomingLink } from './incoming-link.ts'
import { freshCounters, type LinkOptions, type TransportStats } from './link-options.ts'
import { OutgoingLink } from './outgoing-link.ts'
import { listen } from './listen.ts'
import type { Transport } from './transport.ts'

export type { TransportStats }

export interface TcpTransportOptions extends Partial<Omit<LinkOptions, 'log'>> {
  readonly bindHost: string
  /** 0: any free port. */
  readonly bindPort: number
  /** What others know this server by. Default: `bindHost` with the port it got. */
  readonly advertise?: string
  /** Addresses to dial in place of advertised ones, where a proxy or a tunnel stands between. */
  readonly dialMap?: Readonly<Record<string, string>>
  /** Connections that one address may have here (Consul's `rpc_max_conns_per_client`). Default 100. */
  readonly connectionsPerClientMax?: number
  readonly log: Log
}

export interface TcpTransport extends Transport {
  /**
   * Called with a peer's advertised address when an established connection
   * from or to it breaks: likely its process died. Hearing it twice for one
   * death is normal. One receiver. Not called for this side's own `close`.
   */
  onPeerLost(callback: (address: string) => void): void
  /**
   * Called with messages that were dropped before any connection got a byte of
   * them: they certainly do not arrive, while of all others nobody knows. May
   * come during `send`. One receiver.
   */
  onUnsent(callback: (address: string, messages: readonly unknown[]) => void): void
  /** Takes back what waits for a connection to `address`: it is not sent, and `onUnsent` is not told. */
  takeUnsent(address: string): readonly unknown[]
  /** Client agents are served on the same port from now on. */
  serveAgents(serve: ServeAgent): void
  /** Counts since the start. */
  stats(): TransportStats
}

export const connectionsPerClientMaxDefault = 100
/** To so many addresses at a time: servers, and who looks for them. */
const linksMax = 256

const defaults: Omit<LinkOptions, 'log'> = {
  cluster: 'splitbrain',
  frameBytesMax: 64 * 1024 * 1024,
  queueMessagesMax: 4096,
  queueBytesMax: 32 * 1024 * 1024,
  connectTimeoutMs: 1000,
  backoffMsMin: 50,
  backoffMsMax: 1000,
  stallTimeoutMs: 2000,
  receivedReportMs: 100,
  greetingTimeoutMs: 5000,
}

/** Listens, then resolves. Rejects with the operating system's error if it cannot listen. */
export async function tcpTransport(options: TcpTransportOptions): Promise<TcpTransport> {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 })
  const port = await listen(server, options.bindHost, options.bindPort)
  return new TcpLinks(server, options.advertise ?? formatAddress(options.bindHost, port), options)
}

class TcpLinks implements TcpTransport {
  readonly address: string
  readonly #server: Server
  readonly #options: LinkOptions
  readonly #dialMap: Readonly<Record<string, string>>
  readonly #greeting: Buffer
  readonly #counters = freshCounters()
  /** By advertised address; null for one that cannot be dialled. */
  readonly #outgoing = new Map<string, OutgoingLink | null>()
  readonly #incoming = new Set<IncomingLink>()
  /** The newest greeted connection of each peer. */
  readonly #greeted = new Map<string, IncomingLink>()
  readonly #agents = new Set<AgentLink>()
  /** Open connections, whoever they turn out to be. */
  readonly #accepted = new Set<Socket>()
  #receive: ((message: unknown) => void) | null = null
  #serveAgent: ServeAgent | null = null
  #peerLost: (address: string) => void = () => {}
  #unsent: (address: string, messages: readonly unknown[]) => void = () => {}
  #closed = false
  /** Counts what was sent, to tell which link was used last. */
  #uses = 0

  constructor(server: Server, address: string, options: TcpTransportOptions) {
    this.address = address
    this.#server = server
    this.#options = resolveOptions(options)
    this.#dialMap = options.dialMap ?? {}
    this.#greeting = encodeGreeting({ cluster: this.#options.cluster, address })
    const clients = new ClientConnections(options.connectionsPerClientMax ?? connectionsPerClientMaxDefault)
    server.on('connection', (socket) => {
      this.#counters.connectionsAccepted++
      const leave = clients.enter(socket.remoteAddress ?? '')
      if (leave === null) return this.#refuse(socket)
      socket.once('close', leave)
      const serve = this.#serveAgent
      if (serve === null) return this.#acceptPeer(socket)
      this.#accepted.add(socket)
      socket.once('close', () => this.#accepted.delete(socket))
      byMagic(socket, this.#options.greetingTimeoutMs, () => this.#acceptAgent(socket, serve), () => this.#acceptPeer(socket))
    })
    server.on('error', (error) => this.#options.log.error('the listening socket failed', { address, reason: error.message }))
  }

  send(address: string, message: unknown): void {
    if (this.#closed) return
    const link = this.#outgoing.get(address)
    if (link === null) return void this.#counters.messagesDropped++
    const open = link ?? this.#open(address)
    if (open === null) return
    open.lastUse = ++this.#uses
    open.send(message)
  }

  onMessage(receive: (message: unknown) => void): void {
    this.#receive = receive
  }

  serveAgents(serve: ServeAgent): void {
    this.#serveAgent = serve
  }

  onPeerLost(callback: (address: string) => void): void {
    this.#peerLost = callback
  }

  onUnsent(callback: (address: string, messages: readonly unknown[]) => void): void {
    this.#unsent = callback
  }

  takeUnsent(address: string): readonly unknown[] {
    return this.#outgoing.get(address)?.takeUnsent() ?? []
  }

  stats(): TransportStats {
    return { ...this.#counters }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#server.close()
    for (const link of this.#outgoing.values()) link?.close()
    for (const link of [...this.#incoming, ...this.#agents]) link.close()
    for (const socket of this.#accepted) socket.destroy()
  }

  #acceptPeer(socket: Socket): void {
    this.#incoming.add(new IncomingLink(socket, this.#options, this.#counters, {
      greeted: (link, peer) => this.#onGreeted(link, peer),
      message: (message) => this.#receive?.(message),
      closed: (link, peer) => this.#onIncomingClosed(link, peer),
    }))
  }

  #acceptAgent(socket: Socket, serve: ServeAgent): void {
    this.#agents.add(new AgentLink(socket, this.#options, serve, (link) => this.#agents.delete(link)))
  }

  #open(address: string): OutgoingLink | null {
    const target = parseAddress(this.#dialMap[address] ?? address)
    if (target === null) {
      this.#options.log.error('a peer cannot be dialled: its address is not host:port', { peer: address, dial: this.#dialMap[address] ?? address })
      if (this.#outgoing.size < linksMax) this.#outgoing.set(address, null)
      this.#counters.messagesDropped++
      return null
    }
    if (this.#outgoing.size >= linksMax) this.#closeUnused()
    const link = new OutgoingLink(address, target, this.#greeting, this.#options, this.#counters, {
      lost: () => this.#peerLost(address),
      unsent: (messages) => this.#unsent(address, messages),
    })
    this.#outgoing.set(address, link)
    return link
  }

  /** Whoever calls names the address for the answer: callers that name ever others must not make ever more links. */
  #closeUnused(): void {
    let unused: [string, OutgoingLink | null] | null = null
    for (const one of this.#outgoing) if (unused === null || (one[1]?.lastUse ?? 0) < (unused[1]?.lastUse ?? 0)) unused = one
    if (unused === null) return
    this.#outgoing.delete(unused[0])
    unused[1]?.close()
  }

  #refuse(socket: Socket): void {
    const count = ++this.#counters.connectionsRefused
    // Powers of two: a flood of connections must not become a flood of lines.
    if ((count & (count - 1)) === 0) this.#options.log.warn('connection refused', { remote: socket.remoteAddress ?? '?', reason: 'its address has as many as it may', refusedSoFar: count })
    socket.on('error', () => {})
    socket.destroy()
  }

  #onGreeted(link: IncomingLink, peer: string): void {
    const older = this.#greeted.get(peer)
    this.#greeted.set(peer, link)
    // A peer dials anew only when it has given the old connection up, which may look alive from here.
    older?.close()
    this.#outgoing.get(peer)?.peerIsUp()
  }

  #onIncomingClosed(link: IncomingLink, peer: string | null): void {
    this.#incoming.delete(link)
    // Not the newest: the peer is there, on another connection.
    if (peer === null || this.#greeted.get(peer) !== link) return
    this.#greeted.delete(peer)
    if (!this.#closed) this.#peerLost(peer)
  }
}

function resolveOptions(options: TcpTransportOptions): LinkOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([name, value]) => name in defaults && value !== undefined))
  return { ...defaults, ...given, log: options.log }
}
