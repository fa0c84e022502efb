import type { CheckResult, Verdict } from '../../harness/checkers/verdict.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'
import type { RunPlan } from '../../harness/plan/plan.ts'

/** All that `report.html` is drawn from. */
export interface ReportInput {
  readonly plan: RunPlan
  readonly verdict: Verdict
  readonly results: readonly CheckResult[]
  readonly history: readonly HistoryEvent[]
  /** The command that runs it again. */
  readonly rerun: string
  /** ISO 8601, or null in a simulation, whose report must not depend on the day. */
  readonly startedAt: string | null
  /** `splitbrain 0.1.0, node 26.10.0, commit abc (dirty)`. */
  readonly versions: string
}
