import type { Answer } from './answer.ts'

/** What the member's own DNS says. Consul documentation: "DNS Interface". */
export interface DnsClient {
  /** Where the healthy instances of a service are (SRV); none where there is no such name. */
  locations(service: string): Promise<Answer<{ readonly locations: readonly DnsLocation[] }>>
}

export interface DnsLocation {
  /** The node's, out of the target's name; the whole target where it names no node. */
  readonly node: string
  readonly port: number
}
