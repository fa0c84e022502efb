import type { Workload } from '../../workloads/workload.ts'
import { availability } from '../checkers/availability.ts'
import { checkRaftLiveness } from '../checkers/raft-liveness.ts'
import type { CheckResult } from '../checkers/verdict.ts'
import type { HistoryEvent } from '../history/event.ts'
import { memberNames } from '../plan/fault-options.ts'
import type { RunPlan } from '../plan/plan.ts'
import type { FaultRecord } from './fault-record.ts'
import { judge, type Judgement } from './judge.ts'
import type { LeaderChange } from './main-phase.ts'

/** A run that is over: just now, or long ago and read from its directory. */
export interface FinishedRun {
  readonly plan: RunPlan
  readonly workload: Workload
  readonly history: readonly HistoryEvent[]
  readonly faults: readonly FaultRecord[]
  /** Null: not recorded. */
  readonly leaders: readonly LeaderChange[] | null
  /** What only the run itself could see: whether the cluster recovered, whether faults took effect. */
  readonly known: readonly CheckResult[]
  /** Of what members left. */
  readonly checkMembers: () => Promise<readonly CheckResult[]>
}

/** The one way to a verdict. */
export function judgeRun({ plan, workload, history, faults, leaders, known, checkMembers }: FinishedRun): Promise<Judgement> {
  return judge([
    { checker: plan.workload, check: () => workload.check(history, plan, { members: memberNames(plan.members), faults }) },
    { checker: 'members', check: checkMembers },
    { checker: 'raft-liveness', check: async (before) => checkRaftLiveness(before, { exactTime: plan.env === 'simulated', faults }) },
    { checker: 'availability', check: async () => availability({ history, faults, leaders, timeLimitS: plan.timeLimitS }), informational: true },
  ], known)
}
