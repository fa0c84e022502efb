import type { SystemClient } from '../../../workloads/workload.ts'
import type { MemberRequest } from '../system.ts'
import { EtcdDeletes } from './deletes.ts'
import { EtcdKvClient } from './kv.ts'
import { EtcdPrefixes } from './prefixes.ts'
import { EtcdTransactions } from './transactions.ts'

/** All that a workload may ask of an etcd member: a port of `workloads/ports/` each. */
export function etcdClient(request: MemberRequest, operationTimeoutMs: number): SystemClient {
  return Object.assign(new EtcdKvClient(request, operationTimeoutMs), {
    prefixes: new EtcdPrefixes(request, operationTimeoutMs),
    deletes: new EtcdDeletes(request, operationTimeoutMs),
    transactions: new EtcdTransactions(request, operationTimeoutMs),
  } satisfies Partial<SystemClient>)
}
