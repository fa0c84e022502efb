import type { CheckResult } from '../checkers/verdict.ts'
import type { RunPlan } from '../plan/plan.ts'
import type { FinalReads } from './final-phase.ts'
import type { LeaderReturn } from './leader-return.ts'
import type { Serving } from './recovery.ts'

/**
 * Whether the cluster came back. A cluster that does not serve again after all
 * was healed has kept every promise of safety that can be checked, and what it
 * would have answered cannot be known: `unknown`, with what was pending.
 */
export function recoveryResult(recovery: Serving, leaderReturn: LeaderReturn, finalReads: FinalReads, plan: RunPlan): CheckResult {
  const details = { tookMs: recovery.serving ? recovery.tookMs : null, leader: leaderReturn, finalReads: finalReads.total, unanswered: finalReads.unanswered }
  const base = { checker: 'recovery', evidence: [], details }
  if (!recovery.serving) {
    return { ...base, verdict: 'unknown', summary: `the cluster did not recover within ${plan.recoveryTimeoutS} s after the last healing; pending: ${recovery.pending.join('; ')}` }
  }
  if (finalReads.unanswered.length > 0) {
    return { ...base, verdict: 'unknown', summary: `${finalReads.unanswered.length} of ${finalReads.total} final operations succeeded at no member: ${finalReads.unanswered.slice(0, 3).join('; ')}` }
  }
  return { ...base, verdict: 'valid', summary: `serving again ${(recovery.tookMs / 1000).toFixed(2)} s after the last healing; ${finalReads.total} final operations done at each member` }
}
