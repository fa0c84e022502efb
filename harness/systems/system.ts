import type { DnsOutcome, HttpOutcome, HttpRequest } from '../environments/environment.ts'
import type { Membership } from './membership.ts'
import type { Services } from './services.ts'
import type { Deployment } from '../environments/deployment.ts'
import type { SystemClient } from '../../workloads/workload.ts'

/** One exchange with one member; never rejects, never retried. */
export type MemberRequest = (request: HttpRequest, timeoutMs: number) => Promise<HttpOutcome>

/** One DNS message to one member, and its answer. Never rejects. */
export type MemberDnsQuery = (query: Uint8Array, timeoutMs: number) => Promise<DnsOutcome>

/** How to drive and read one kind of system under test. */
export interface System {
  readonly name: string
  /** A client that talks to one member only. `dns`: where the environment reaches the member's DNS. */
  client(request: MemberRequest, operationTimeoutMs: number, dns?: MemberDnsQuery): SystemClient
  /** Whom the member takes for the leader: an address that is the same at every member, or why there is none. */
  leaderSeen(request: MemberRequest): Promise<{ readonly leader: string } | { readonly none: string }>
  /** Who belongs to the cluster, and how to change that; absent where it cannot be changed while the system runs. */
  readonly membership?: Membership
  /** How its members run in containers; absent for this project's own, which runs everywhere. */
  readonly deployment?: Deployment
  /** Services and their checks; absent where the system registers none. */
  readonly services?: Services
  /** Whether the member says that it leads, and in which term; null when it does not answer. */
  leadership(request: MemberRequest): Promise<{ readonly leads: boolean, readonly term: number } | null>
}
