import type { SystemClient } from '../../../workloads/workload.ts'
import type { MemberRequest } from '../system.ts'
import { ConsulKvClient } from './kv.ts'

/** All that a workload may ask of a member that speaks Consul's HTTP API: a port of `workloads/ports/` each. */
export function consulClient(request: MemberRequest, operationTimeoutMs: number): SystemClient {
  return Object.assign(new ConsulKvClient(request, operationTimeoutMs), {
  } satisfies Partial<SystemClient>)
}
