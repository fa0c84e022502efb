import { onAnyPort } from '../../../node/base/any-port.ts'
import type { Gate } from './gate.ts'
import { TcpRelay, type Endpoint, type RelayOptions } from './tcp-relay.ts'
import { UdpRelay } from './udp-relay.ts'

export interface LinkProxyOptions extends Omit<RelayOptions, 'port'> {
  /** Also for datagrams, on the same port; they have gates of their own. */
  readonly udp: { readonly forward: Gate, readonly backward: Gate } | null
}

/** The door of one directed link: who dials it reaches the target, as long as the link lets it. */
export class LinkProxy {
  readonly endpoint: Endpoint
  readonly tcp: TcpRelay
  readonly udp: UdpRelay | null

  private constructor(host: string, tcp: TcpRelay, udp: UdpRelay | null) {
    this.endpoint = { host, port: tcp.port }
    this.tcp = tcp
    this.udp = udp
  }

  static async open({ udp, ...options }: LinkProxyOptions): Promise<LinkProxy> {
    return await onAnyPort(async () => {
      const tcp = await TcpRelay.listen({ ...options, port: 0 })
      if (udp === null) return new LinkProxy(options.host, tcp, null)
      try {
        return new LinkProxy(options.host, tcp, await UdpRelay.listen({ ...options, ...udp, port: tcp.port }))
      } catch (error) {
        tcp.close()
        throw error
      }
    })
  }

  /** Connections and datagrams of members, not probes. */
  get carried(): number {
    return this.tcp.acceptedConnections + (this.udp?.acceptedDatagrams ?? 0)
  }

  /** Ends all connections at once. Idempotent. */
  close(): void {
    this.tcp.close()
    this.udp?.close()
  }
}
