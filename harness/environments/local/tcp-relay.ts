import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Gate } from './gate.ts'
import { Pump } from './pump.ts'
import { resetSocket } from './reset-socket.ts'

/** Where something listens. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface RelayOptions {
  /** Address to listen on. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Where what comes in goes to. */
  readonly target: Endpoint
  /** Governs what the dialling side sends. */
  readonly forward: Gate
  /** Governs what comes back. */
  readonly backward: Gate
  /** A first chunk that begins with these bytes is a probe: it goes to `probeTarget`, by the same gates. */
  readonly probeMark: Buffer
  readonly probeTarget: Endpoint
}

/**
 * One link's TCP door. Each connection has two streams of bytes, each governed
 * by its own directed link.
 *
 * A dialler's handshake is answered by the kernel before this program can say
 * no, and refusing would look like a dead member, not like a dead link. So
 * while the link is cut a new connection is accepted and stays silent, as one
 * does that was made just before the cut; the target sees nothing of it until
 * the first bytes may pass. If the dialler gives up before that, the connection
 * never was: a SYN that got no answer has sent no data.
 */
export class TcpRelay {
  readonly #options: RelayOptions
  #server: Server
  /** The same after it has been shut for a while. */
  readonly port: number
  readonly #connections = new Set<RelayedConnection>()
  /** While one of these holds it, nobody listens: who dials is refused. */
  readonly #refusals = new Set<symbol>()
  #accepted = 0
  #probes = 0

  private constructor(options: RelayOptions, server: Server) {
    this.#options = options
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (client: Socket) => this.#accept(client))
  }

  /** Rejects with the system's error if it cannot listen. */
  static async listen(options: RelayOptions): Promise<TcpRelay> {
    return new TcpRelay(options, await listening(options.host, options.port))
  }

  /** Probes that have come in, whether or not they may pass. */
  get probesSeen(): number {
    return this.#probes
  }

  /** Connections so far, without probes. */
  get acceptedConnections(): number {
    return this.#accepted
  }

  get refuses(): boolean {
    return this.#refusals.size > 0
  }

  /** From now on nobody listens, until every refusal has ended. */
  refuse(id: symbol): void {
    if (!this.refuses) this.#server.close()
    this.#refusals.add(id)
  }

  /** Ends one refusal. Rejects with the system's error where the port cannot be had again; may be called again then. */
  async admit(id: symbol): Promise<void> {
    if (!this.#refusals.has(id)) return
    if (this.#refusals.size === 1) {
      this.#server = await listening(this.#options.host, this.port)
      this.#server.on('connection', (client: Socket) => this.#accept(client))
    }
    this.#refusals.delete(id)
  }

  /** Resets every connection, on both sides, now. */
  reset(): void {
    for (const connection of this.#connections) connection.reset()
  }

  /** Ends every connection at once. */
  close(): void {
    this.#server.close()
    for (const connection of this.#connections) connection.destroy()
  }

  #accept(client: Socket): void {
    client.on('error', () => {}) // is followed by 'close'
    const connection = new RelayedConnection(client, this.#options, {
      began: (isProbe) => isProbe ? this.#probes++ : this.#accepted++,
      done: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
  }
}

interface ConnectionEvents {
  /** Its first bytes have come. */
  began(isProbe: boolean): void
  done(): void
}

class RelayedConnection {
  readonly #client: Socket
  readonly #options: RelayOptions
  readonly #tell: ConnectionEvents
  #upstream: Socket | null = null
  #pumps: Pump[] = []

  constructor(client: Socket, options: RelayOptions, tell: ConnectionEvents) {
    this.#client = client
    this.#options = options
    this.#tell = tell
    client.once('data', (first: Buffer) => this.#begin(first))
    client.once('end', () => { if (this.#pumps.length === 0) client.end() }) // it had nothing to say
    client.once('close', () => this.#finish())
  }

  destroy(): void {
    for (const pump of this.#pumps) pump.destroy()
    this.#client.destroy()
    this.#upstream?.destroy()
  }

  reset(): void {
    for (const pump of this.#pumps) pump.destroy()
    resetSocket(this.#client)
    if (this.#upstream !== null) resetSocket(this.#upstream)
  }

  #begin(first: Buffer): void {
    const { forward, backward, probeMark, probeTarget, target } = this.#options
    const isProbe = first.subarray(0, probeMark.length).equals(probeMark)
    this.#tell.began(isProbe)
    const pump = new Pump(this.#client, forward, () => {
      const { host, port } = isProbe ? probeTarget : target
      const upstream = this.#upstream = connect({ host, port, allowHalfOpen: true, noDelay: true })
      upstream.once('close', () => this.#finish())
      this.#pumps.push(new Pump(upstream, backward, () => this.#client))
      return upstream
    })
    this.#pumps.push(pump)
    const abandon = () => { if (!pump.started && !forward.open) this.destroy() }
    this.#client.prependListener('end', abandon).prependListener('close', abandon)
    pump.push(first)
  }

  /** Over when neither side is there any more; while one is, something may still wait for a gate. */
  #finish(): void {
    const waitsToStart = this.#pumps.length === 1 && !this.#pumps[0]!.started && !this.#pumps[0]!.destroyed
    if (!this.#client.destroyed || waitsToStart || this.#upstream?.destroyed === false) return
    for (const pump of this.#pumps) pump.destroy()
    this.#tell.done()
  }
}

async function listening(host: string, port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  server.listen({ host, port, exclusive: true })
  await once(server, 'listening')
  return server
}
