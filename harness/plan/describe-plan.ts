import type { RunPlan } from './plan.ts'

/** The plan in words, printed before the first effect. */
export function describePlan(plan: RunPlan): string[] {
  const faults = plan.nemesis.length === 0
    ? 'no faults'
    : `faults: ${plan.nemesis.join(' and ')}, about every ${plan.nemesisIntervalS} s for about ${plan.nemesisIntervalS} s`
  const extras = [
    plan.mutant === null ? null : `planted bug: ${plan.mutant}`,
    plan.latencyMs === 0 ? null : `${plan.latencyMs} ms between members, one way`,
    plan.powerLoss ? 'a kill also loses what was not synced' : null,
    Object.keys(plan.memberConfig).length === 0 ? null : `member config ${JSON.stringify(plan.memberConfig)}`,
  ].filter((line) => line !== null)
  return [
    `${plan.members} member${plan.members === 1 ? '' : 's'} of ${plan.system}, environment ${plan.env}, seed ${plan.seed}`,
    `workload ${plan.workload}: ${plan.timeLimitS} s, ${plan.rate} operations/s by ${plan.concurrency} workers on ${plan.keyCount} keys, ${plan.consistency} reads`,
    plan.partitionTargets.length === 0 ? faults : `${faults}; shapes: ${plan.partitionTargets.join(', ')}`,
    ...extras,
  ]
}
