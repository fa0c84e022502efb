import type { ReadConsistency } from '../../harness/plan/plan.ts'
import type { Answer } from './answer.ts'

/** Services of the agent that is asked, and what the catalog says of everybody's. Consul documentation: "Agent", "Health". */
export interface ServiceClient {
  /** With a TTL check where `ttlMs` is not null. */
  register(service: { readonly id: string, readonly name: string, readonly ttlMs: number | null }): Promise<Answer<object>>
  deregister(id: string): Promise<Answer<object>>
  /** The state of its TTL check. */
  report(id: string, status: 'passing' | 'warning' | 'critical'): Promise<Answer<object>>
  /** All instances of a name that the catalog knows, with the worst status of their checks. */
  instances(name: string, consistency: ReadConsistency): Promise<Answer<{ readonly instances: readonly ServiceInstance[] }>>
}

export interface ServiceInstance {
  readonly id: string
  /** The node on which it is registered. */
  readonly node: string
  readonly status: string
}
