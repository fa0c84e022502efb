import type { ReadConsistency } from '../../harness/plan/plan.ts'
import type { Answer } from './answer.ts'

/** Keys that share a beginning, all at one moment. Consul documentation: KV store, `recurse`. */
export interface PrefixClient {
  /** As the answer has them: in its order, whatever is in it twice. None where nothing is there. */
  list(prefix: string, consistency: ReadConsistency): Promise<Answer<{ readonly entries: readonly ListedEntry[] }>>
}

export interface ListedEntry {
  readonly key: string
  readonly value: string
  readonly version: number
}
