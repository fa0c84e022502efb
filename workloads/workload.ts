import type { CheckResult } from '../harness/checkers/verdict.ts'
import type { HistoryEvent } from '../harness/history/event.ts'
import type { ReadConsistency, RunPlan } from '../harness/plan/plan.ts'
import type { Random } from '../node/base/random.ts'

/** One operation to do. */
export interface Operation {
  readonly f: string
  readonly key?: string
  readonly value: unknown
  /** Instead of the plan's, for this read. */
  readonly consistency?: ReadConsistency
}

/** How an operation ended. `value` and `version` replace the invocation's where given. */
export type OperationOutcome =
  | { readonly type: 'ok', readonly value?: unknown, readonly version?: number }
  | { readonly type: 'fail', readonly error: string }
  | { readonly type: 'info', readonly error: string }

/**
 * A file each: what is done, how, and how it is judged. Sees ports, never a
 * concrete environment or system.
 */
export interface Workload {
  readonly name: string
  /** A sentence for `--help`. */
  readonly about: string
  /** Operations of the main phase, drawn one at a time, endless. Pure but for its own state. */
  operations(plan: RunPlan, random: Random): () => Operation
  /** After recovery: what is read at the end, given what was done. Each is done once through every member. */
  finalOperations(plan: RunPlan, history: readonly HistoryEvent[]): readonly Operation[]
  /** Does one operation at one member. Never rejects for a failed operation; a thrown error becomes `info` with the cause. */
  perform(operation: Operation, client: KvClient, plan: RunPlan): Promise<OperationOutcome>
  /** Judges. `history` is complete: each invocation has its completion or is open at the end. */
  check(history: readonly HistoryEvent[], plan: RunPlan): Promise<CheckResult>
}

/** A key-value client of one member, as a workload sees it; made by `harness/systems/`. */
export interface KvClient {
  read(key: string, consistency: ReadConsistency): Promise<KvResult<{ readonly value: string | null, readonly version: number | null }>>
  write(key: string, value: string): Promise<KvResult<{ readonly version?: number }>>
  /** Sets only if the key's version is still `version` (0: absent). `swapped` false: certainly not done. */
  compareAndSet(key: string, value: string, version: number): Promise<KvResult<{ readonly swapped: boolean }>>
}

/** `fail`: did not happen. `info`: may have happened. Decided by one table for every error. */
export type KvResult<T> =
  | ({ readonly type: 'ok' } & T)
  | { readonly type: 'fail', readonly error: string }
  | { readonly type: 'info', readonly error: string }
