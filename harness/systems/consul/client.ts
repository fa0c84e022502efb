import type { SystemClient } from '../../../workloads/workload.ts'
import type { MemberRequest } from '../system.ts'
import { ConsulKvClient } from './kv.ts'
import { ConsulMembersClient } from './members.ts'

/** All that a workload may ask of a member that speaks Consul's HTTP API: a port of `workloads/ports/` each. */
export function consulClient(request: MemberRequest, operationTimeoutMs: number): SystemClient {
  return Object.assign(new ConsulKvClient(request, operationTimeoutMs), {
    members: new ConsulMembersClient(request, operationTimeoutMs),
  } satisfies Partial<SystemClient>)
}
