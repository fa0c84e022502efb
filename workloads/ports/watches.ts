import type { ReadConsistency } from '../../harness/plan/plan.ts'
import type { Answer } from './answer.ts'

/** Blocking queries. Consul documentation: "Blocking Queries". */
export interface WatchClient {
  /**
   * Answers when something below `prefix` has changed after `index` (0: at
   * once), or when `waitMs` is over; with all that is there then.
   */
  wait(prefix: string, index: number, waitMs: number, consistency: ReadConsistency): Promise<Answer<{ readonly index: number, readonly entries: readonly WatchedEntry[] }>>
}

export interface WatchedEntry {
  readonly key: string
  readonly value: string
  readonly version: number
}
