import type { ReadConsistency } from '../../harness/plan/plan.ts'
import type { Answer } from './answer.ts'

/** Services of the agent that is asked, and what the catalog says of everybody's. Consul documentation: "Agent", "Health". */
export interface ServiceClient {
  register(service: ServiceRegistration): Promise<Answer<object>>
  /** Also ok where the agent has no such service. */
  deregister(id: string): Promise<Answer<object>>
  /** The state of its TTL check. */
  report(id: string, status: CheckStatus): Promise<Answer<object>>
  /** All instances of a name that the catalog knows, healthy or not. */
  instances(name: string, consistency: ReadConsistency): Promise<Answer<{ readonly instances: readonly ServiceInstance[] }>>
}

export type CheckStatus = 'passing' | 'warning' | 'critical'

export interface ServiceRegistration {
  readonly id: string
  readonly name: string
  readonly port: number
  /** With a TTL check, critical until something is reported; null: without a check. */
  readonly ttlMs: number | null
}

export interface ServiceInstance {
  readonly id: string
  /** The node on which it is registered. */
  readonly node: string
  readonly port: number
  /** The worst of the instance's own checks; passing where it has none. */
  readonly status: CheckStatus
  /** The worst of its node's checks, which gossip is behind. */
  readonly nodeStatus: CheckStatus
}
