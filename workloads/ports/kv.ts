import type { ReadConsistency } from '../../harness/plan/plan.ts'
import type { Answer } from './answer.ts'

/** A key-value client of one member, as a workload sees it; made by `harness/systems/`. */
export interface KvClient {
  read(key: string, consistency: ReadConsistency): Promise<Answer<{ readonly value: string | null, readonly version: number | null }>>
  write(key: string, value: string): Promise<Answer<{ readonly version?: number }>>
  /** Sets only if the key's version is still `version` (0: absent). `swapped` false: certainly not done. */
  compareAndSet(key: string, value: string, version: number): Promise<Answer<{ readonly swapped: boolean }>>
}
