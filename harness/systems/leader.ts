import type { Environment } from '../environments/environment.ts'
import type { SystemClient } from '../../workloads/workload.ts'
import type { MemberRequest, System } from './system.ts'

export function requestTo(environment: Environment, member: string): MemberRequest {
  return (request, timeoutMs) => environment.request(member, request, timeoutMs)
}

/** A client of one member, with all that the environment reaches of it. */
export function clientOf(system: System, environment: Environment, member: string, operationTimeoutMs: number): SystemClient {
  const { dns } = environment
  return system.client(requestTo(environment, member), operationTimeoutMs, dns === undefined ? undefined : (query, timeoutMs) => dns.query(member, query, timeoutMs))
}

/**
 * The leader's name, or null where no member says that it leads. All are asked
 * at once. A deposed leader that has not heard of it yet may say so too; the
 * highest term is the one that counts.
 */
export async function findLeader(system: System, environment: Environment): Promise<string | null> {
  const claims = await Promise.all(environment.members.map(async (member) =>
    ({ member, leadership: await system.leadership(requestTo(environment, member)) })))
  let newest: { readonly member: string, readonly term: number } | null = null
  for (const { member, leadership } of claims) {
    if (leadership?.leads && (newest === null || leadership.term > newest.term)) newest = { member, term: leadership.term }
  }
  return newest?.member ?? null
}
