import type { SystemClient } from '../../../workloads/workload.ts'
import type { MemberDnsQuery, MemberRequest } from '../system.ts'
import { ConsulDnsClient } from './dns.ts'
import { ConsulKvClient } from './kv.ts'
import { ConsulPrefixes } from './prefixes.ts'
import { ConsulTransactions } from './transactions.ts'
import { ConsulSessionClient } from './sessions.ts'
import { ConsulDeleteClient, ConsulWatchClient } from './watches.ts'
import { ConsulMembersClient } from './members.ts'
import { ConsulServiceClient } from './services.ts'

/** All that a workload may ask of a member that speaks Consul's HTTP API: a port of `workloads/ports/` each. */
export function consulClient(request: MemberRequest, operationTimeoutMs: number, dns?: MemberDnsQuery): SystemClient {
  return Object.assign(new ConsulKvClient(request, operationTimeoutMs), {
    prefixes: new ConsulPrefixes(request, operationTimeoutMs),
    transactions: new ConsulTransactions(request, operationTimeoutMs),
    sessions: new ConsulSessionClient(request, operationTimeoutMs),
    watches: new ConsulWatchClient(request, operationTimeoutMs),
    deletes: new ConsulDeleteClient(request, operationTimeoutMs),
    members: new ConsulMembersClient(request, operationTimeoutMs),
    services: new ConsulServiceClient(request, operationTimeoutMs),
    ...dns === undefined ? {} : { dns: new ConsulDnsClient(dns, operationTimeoutMs) },
  } satisfies Partial<SystemClient>)
}
