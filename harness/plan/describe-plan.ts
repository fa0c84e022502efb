import { mutantLabel } from './mutant-label.ts'
import type { RunPlan } from './plan.ts'

/** The plan in words, printed before the first effect. */
export function describePlan(plan: RunPlan): string[] {
  const often = `${plan.schedule === 'fixed' ? 'every' : 'about every'} ${plan.nemesisIntervalS} s for ${plan.schedule === 'fixed' ? '' : 'about '}${plan.nemesisIntervalS} s`
  const faults = plan.nemesis.length === 0
    ? plan.faultScript === null ? 'no faults' : null
    : `faults: ${plan.nemesisAll ? 'all that work here, of ' : ''}${list(plan.nemesis)}, ${often}${plan.faultsAtOnce < plan.nemesis.length ? `, at most ${plan.faultsAtOnce} at once` : ''}`
  const { from, to } = plan.intensity
  const extras = [
    plan.faultScript === null ? null : `${plan.faultScript.faults.length} faults from ${plan.faultScript.file ?? 'a script'}`,
    plan.memberTargets.length === 0 ? null : `targets: ${plan.memberTargets.join(', ')}`,
    plan.traffics.join() === 'all' ? null : `faults on links touch: ${plan.traffics.join(', ')}`,
    plan.firewall === null ? null : `firewall: ${plan.firewall}`,
    from === 1 && to === 1 ? null : from === to ? `intensity ${from}` : `intensity from ${from} to ${to}`,
    plan.mutant === null ? null : `planted bug: ${mutantLabel(plan.mutant)}`,
    plan.latencyMs === 0 ? null : `${plan.latencyMs} ms between members, one way`,
    plan.powerLoss ? 'a kill also loses what was not synced' : null,
    Object.keys(plan.memberConfig).length === 0 ? null : `member config ${JSON.stringify(plan.memberConfig)}`,
  ].filter((line) => line !== null)
  return [
    `${plan.members} member${plan.members === 1 ? '' : 's'} of ${plan.system}, environment ${plan.env}, seed ${plan.seed}`,
    `workload ${plan.workload}: ${plan.timeLimitS} s, ${plan.rate} operations/s by ${plan.concurrency} workers on ${plan.keyCount} keys, ${plan.consistency} reads`,
    ...faults === null ? [] : [plan.partitionTargets.length === 0 ? faults : `${faults}; shapes: ${plan.partitionTargets.join(', ')}`],
    ...extras,
  ]
}

const list = (names: readonly string[]) => names.length <= 2 ? names.join(' and ') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
