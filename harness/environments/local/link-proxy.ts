import { TcpRelay, type Endpoint, type RelayOptions } from './tcp-relay.ts'
import { UdpRelay } from './udp-relay.ts'

/** The same port must be free for TCP and UDP; the system only looks at one at a time. */
const attemptsMax = 20

export interface LinkProxyOptions extends Omit<RelayOptions, 'port'> {
  /** Also for datagrams, on the same port. */
  readonly udp: boolean
}

/** The door of one directed link: who dials it reaches the target, as long as the link lets it. */
export class LinkProxy {
  readonly endpoint: Endpoint
  readonly #tcp: TcpRelay
  readonly #udp: UdpRelay | null

  private constructor(host: string, tcp: TcpRelay, udp: UdpRelay | null) {
    this.endpoint = { host, port: tcp.port }
    this.#tcp = tcp
    this.#udp = udp
  }

  static async open(options: LinkProxyOptions): Promise<LinkProxy> {
    for (let attempt = 1; ; attempt++) {
      const tcp = await TcpRelay.listen({ ...options, port: 0 })
      if (!options.udp) return new LinkProxy(options.host, tcp, null)
      try {
        return new LinkProxy(options.host, tcp, await UdpRelay.listen({ ...options, port: tcp.port }))
      } catch (error) {
        tcp.close()
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === attemptsMax) throw error
      }
    }
  }

  get udp(): boolean {
    return this.#udp !== null
  }

  /** Probes that have come in, of both kinds. */
  get probesSeen(): number {
    return this.#tcp.probesSeen + (this.#udp?.probesSeen ?? 0)
  }

  /** TCP connections that members have made through this door. */
  get acceptedConnections(): number {
    return this.#tcp.acceptedConnections
  }

  /** Ends all connections at once. Idempotent. */
  close(): void {
    this.#tcp.close()
    this.#udp?.close()
  }
}
