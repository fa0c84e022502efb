import type { CheckResult, Verdict } from '../../harness/checkers/verdict.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'
import type { RunPlan } from '../../harness/plan/plan.ts'
import type { MemberRecord } from './member-records.ts'

/** All that `report.html` is drawn from. */
export interface ReportInput {
  readonly plan: RunPlan
  readonly verdict: Verdict
  readonly results: readonly CheckResult[]
  readonly history: readonly HistoryEvent[]
  /** Who led, asked once a second; null: not recorded. */
  readonly leaders: readonly { readonly timeNs: number, readonly leader: string | null }[] | null
  /** What members left: their Raft roles and logs. Empty where it could not be had. */
  readonly members: readonly MemberRecord[]
  /** The command that runs it again. */
  readonly rerun: string
  /** ISO 8601, or null in a simulation, whose report must not depend on the day. */
  readonly startedAt: string | null
  /** `splitbrain 0.1.0, node 26.10.0, commit abc (dirty)`. */
  readonly versions: string
}
