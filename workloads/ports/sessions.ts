import type { ReadConsistency } from '../../harness/plan/plan.ts'
import type { Answer } from './answer.ts'

/** Sessions, and the locks on keys that they hold. Consul documentation: "Sessions and Distributed Locks". */
export interface SessionClient {
  create(options: SessionOptions): Promise<Answer<{ readonly session: string }>>
  /** `known` false: there is no such session any more. */
  renew(session: string): Promise<Answer<{ readonly known: boolean }>>
  destroy(session: string): Promise<Answer<object>>
  /** `held` false: certainly not acquired. `known` false: because there is no such session; else another holds it, or its lock-delay runs. */
  acquire(key: string, session: string, value: string): Promise<Answer<{ readonly held: boolean, readonly known: boolean }>>
  /** Writes `value` and gives the lock back, both or neither. */
  release(key: string, session: string, value: string): Promise<Answer<{ readonly released: boolean }>>
  read(key: string, consistency: ReadConsistency): Promise<Answer<{ readonly lock: LockEntry | null }>>
}

export interface SessionOptions {
  /** 0: it does not expire. */
  readonly ttlMs: number
  readonly lockDelayMs: number
  /** What becomes of its locks' keys when it ends. */
  readonly behavior: 'release' | 'delete'
  /** Whether it also ends when gossip finds the member dead that it was created at. */
  readonly endsWithMember: boolean
}

/** A key as a lock. */
export interface LockEntry {
  readonly value: string
  /** Null: nobody holds it. */
  readonly session: string | null
  /** Grows with each acquisition: the fencing token ("LockIndex"). */
  readonly lockIndex: number
  readonly version: number
}
