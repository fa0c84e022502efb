import type { SystemClient } from '../../../workloads/workload.ts'
import type { MemberRequest } from '../system.ts'
import { ConsulKvClient } from './kv.ts'
import { ConsulPrefixes } from './prefixes.ts'
import { ConsulTransactions } from './transactions.ts'
import { ConsulSessionClient } from './sessions.ts'
import { ConsulDeleteClient, ConsulWatchClient } from './watches.ts'

/** All that a workload may ask of a member that speaks Consul's HTTP API: a port of `workloads/ports/` each. */
export function consulClient(request: MemberRequest, operationTimeoutMs: number): SystemClient {
  return Object.assign(new ConsulKvClient(request, operationTimeoutMs), {
    prefixes: new ConsulPrefixes(request, operationTimeoutMs),
    transactions: new ConsulTransactions(request, operationTimeoutMs),
    sessions: new ConsulSessionClient(request, operationTimeoutMs),
    watches: new ConsulWatchClient(request, operationTimeoutMs),
    deletes: new ConsulDeleteClient(request, operationTimeoutMs),
  } satisfies Partial<SystemClient>)
}
