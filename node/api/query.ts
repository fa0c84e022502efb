import { parseDurationNs } from '../base/duration.ts'
import type { RaftStatus, ReadMode } from '../raft/core.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { errorResponse } from './responses.ts'

/** How a read is served: from the leader's lease, after a round of the quorum, or from this member as it stands. */
export type Consistency = 'default' | 'consistent' | 'stale'

/**
 * A query as Go 1.15 reads it: separated by `&` or `;`. Null if a percent sign
 * stands before anything but two hexadecimal digits.
 */
export function parseQuery(text: string): URLSearchParams | null {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return null
  return new URLSearchParams(text.includes(';') ? text.replaceAll(';', '&') : text)
}

/** As Go encodes a query: by name in order, values of a name in theirs. */
export function encodeQuery(query: URLSearchParams): string {
  const sorted = new URLSearchParams(query)
  sorted.sort()
  return sorted.toString().replaceAll('*', '%2A').replaceAll('%7E', '~')
}

/** Query flags count by presence, whatever their value, as in Consul. */
export function isSet(query: URLSearchParams, name: string): boolean {
  return query.has(name)
}

/** The consistency mode, or the error that Consul gives. */
export function parseConsistency(query: URLSearchParams): Consistency | ApiResponse {
  const stale = isSet(query, 'stale')
  const consistent = isSet(query, 'consistent')
  const maxStale = query.get('max_stale')
  if (maxStale !== null && maxStale !== '' && parseDurationNs(maxStale) === null) return errorResponse(400, `Invalid max_stale value ${JSON.stringify(maxStale)}`)
  if (stale && consistent) return errorResponse(400, 'Cannot specify ?stale with ?consistent, conflicting semantics.')
  return stale ? 'stale' : consistent ? 'consistent' : 'default'
}

/** What other parameters of reads have to say, or null. */
export function checkReadParameters(query: URLSearchParams): ApiResponse | null {
  const index = query.get('index')
  if (index !== null && index !== '' && !(/^\d+$/.test(index) && BigInt(index) < 2n ** 64n)) return errorResponse(400, 'Invalid index')
  const wait = query.get('wait')
  if (wait !== null && wait !== '' && parseDurationNs(wait) === null) return errorResponse(400, 'Invalid wait time')
  return null
}

/** A request for another data centre than this one goes nowhere. */
export function checkDatacenter(query: URLSearchParams, context: Pick<ApiContext, 'datacenter'>): ApiResponse | null {
  const datacenter = query.get('dc')
  return datacenter === null || datacenter === '' || datacenter === context.datacenter ? null : errorResponse(500, 'No path to datacenter')
}

/** Waits as the mode wants and goes on with what to say of the freshness, or answers that there is no leader. */
export function awaitConsistency(
  context: ApiContext, consistency: Consistency, respond: (response: ApiResponse) => void,
  proceed: (freshness: Record<string, string>) => void,
): void {
  if (consistency === 'stale') {
    const status = context.status()
    // A member that has met no leader since its start has nothing to be stale from: it waits, as Consul's does.
    if (status.role === 'leader' || status.lastLeaderContactMs !== null) return proceed(freshnessNow(context, 'stale'))
  }
  const mode: ReadMode = consistency === 'consistent' ? 'quorum' : 'lease'
  context.awaitRead(mode, (outcome) => {
    if (outcome.kind === 'ready') proceed(fresh)
    else respond(errorResponse(500, 'No cluster leader'))
  })
}

/** What to say of an answer from the state as it is now, to a query that was let through before. */
export function freshnessNow(context: ApiContext, consistency: Consistency): Record<string, string> {
  return consistency === 'stale' ? staleness(context, context.status()) : fresh
}

/** What Consul says of the freshness of a read that did not come to be. */
export const unknownFreshness = { 'X-Consul-Index': '1', 'X-Consul-Knownleader': 'false', 'X-Consul-Lastcontact': '0' }

const fresh = { 'X-Consul-Knownleader': 'true', 'X-Consul-Lastcontact': '0' }

function staleness(context: ApiContext, { role, leader, lastLeaderContactMs }: RaftStatus): Record<string, string> {
  const contactMs = role === 'leader' || lastLeaderContactMs === null ? 0 : Math.max(0, Math.round(context.scheduler.nowMs() - lastLeaderContactMs))
  return { 'X-Consul-Knownleader': String(leader !== null), 'X-Consul-Lastcontact': String(contactMs) }
}
