import * as packet from 'dns-packet'
import type { Answer } from '../../../workloads/ports/answer.ts'
import type { DnsClient, DnsLocation } from '../../../workloads/ports/dns.ts'
import type { MemberDnsQuery } from '../system.ts'

/** Consul's, where nothing else is configured. */
const domain = 'consul'
const nxdomain = 3

/** Services as a member's DNS gives them: `<name>.service.consul`, SRV. */
export class ConsulDnsClient implements DnsClient {
  readonly #query: MemberDnsQuery
  readonly #timeoutMs: number
  #id = 0

  constructor(query: MemberDnsQuery, timeoutMs: number) {
    this.#query = query
    this.#timeoutMs = timeoutMs
  }

  async locations(service: string): Promise<Answer<{ locations: readonly DnsLocation[] }>> {
    const id = this.#id = this.#id + 1 & 0xffff
    const name = `${service}.service.${domain}`
    const outcome = await this.#query(packet.encode({ type: 'query', id, questions: [{ type: 'SRV', name }] }), this.#timeoutMs)
    if (outcome.kind === 'none') return { type: 'fail', error: outcome.error }
    return decodeLocations(outcome.message, id, name)
  }
}

/** Whatever is no answer to this question is a failed read: nothing has happened. */
export function decodeLocations(message: Uint8Array, id: number, name: string): Answer<{ locations: readonly DnsLocation[] }> {
  const bad = (why: string) => ({ type: 'fail', error: `malformed answer: ${why}` }) as const
  let decoded: packet.DecodedPacket
  try {
    decoded = packet.decode(Buffer.from(message))
  } catch (error) {
    return bad((error as Error).message)
  }
  if (decoded.type !== 'response' || decoded.id !== id) return bad('it answers another question')
  if (decoded.flag_tc) return bad('it is cut off')
  const code = (decoded.flags ?? 0) & 0xf
  if (code === nxdomain) return { type: 'ok', locations: [] }
  if (code !== 0) return { type: 'fail', error: `DNS answered with code ${code}` }
  const locations: DnsLocation[] = []
  for (const answer of decoded.answers ?? []) {
    if (answer.type !== 'SRV' || answer.name.toLowerCase() !== name) return bad(`${answer.type} of ${answer.name} was not asked for`)
    const { target, port } = answer.data
    locations.push({ node: /^([^.]+)\.node\./.exec(target)?.[1] ?? target, port })
  }
  return { type: 'ok', locations }
}
