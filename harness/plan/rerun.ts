import { trafficNames } from '../../nemesis/links.ts'
import { planDefaults as everybodysDefaults } from './defaults.ts'
import { defaultFaultsAtOnce, formatIntensity } from './fault-options.ts'
import { shellWord } from './flag-values.ts'
import type { PlanOptions } from './options.ts'
import type { RunPlan } from './plan.ts'

/**
 * The command that runs a plan again, complete in itself: what differs from a
 * default is said, and the environment and the seed always, so that neither a
 * config file nor the machine's engine changes it.
 * @param workloadDefaults of the plan's workload, which stand before everybody's
 */
export function rerunCommand(plan: RunPlan, workloadDefaults: PlanOptions = {}): string {
  const planDefaults = { ...everybodysDefaults, ...workloadDefaults }
  const words = ['npx', 'splitbrain', 'test', '--env', plan.env]
  const say = (flag: string, value: string | number, byDefault: unknown) => {
    if (value !== byDefault) words.push(flag, shellWord(String(value)))
  }
  // Else a config file that is picked up unnamed could change the defaults.
  words.push('--config', 'none')
  say('--system', plan.system, planDefaults.system)
  say('--members', plan.members, planDefaults.members)
  say('--workload', plan.workload, null)
  say('--nemesis', plan.nemesisAll ? 'all' : plan.nemesis.length === 0 ? 'none' : plan.nemesis.join(','), null)
  const targets = [...new Set([...plan.partitionTargets, ...plan.memberTargets])]
  if (targets.length > 0) say('--targets', targets.join(','), null)
  if (plan.nemesis.length > 0) {
    // All traffic by name is not the default of `all`, which takes each protocol apart too.
    if (plan.traffics.join() !== (plan.nemesisAll ? trafficNames.join() : 'all')) say('--traffic', plan.traffics.join(','), null)
    say('--at-once', plan.faultsAtOnce, defaultFaultsAtOnce(plan.nemesis.length))
  }
  if (plan.firewall !== null) say('--firewall', plan.firewall, null)
  say('--schedule', plan.schedule, planDefaults.schedule)
  say('--intensity', formatIntensity(plan.intensity), String(planDefaults.intensity))
  if (plan.faultScript !== null) say('--faults', plan.faultScript.file ?? JSON.stringify({ faults: plan.faultScript.faults }), null)
  say('--interval', plan.nemesisIntervalS, planDefaults.interval)
  say('--time-limit', plan.timeLimitS, null)
  say('--rate', plan.rate, null)
  say('--concurrency', plan.concurrency, null)
  say('--consistency', plan.consistency, planDefaults.consistency)
  say('--keys', plan.keyCount, planDefaults.keys)
  say('--ops-per-key', plan.opsPerKey, planDefaults.opsPerKey)
  say('--operation-timeout', plan.operationTimeoutMs, planDefaults.operationTimeout)
  say('--recovery-timeout', plan.recoveryTimeoutS, planDefaults.recoveryTimeout)
  say('--check-time-limit', plan.checkTimeLimitS, planDefaults.checkTimeLimit)
  say('--check-memory', plan.checkMemoryMiB, planDefaults.checkMemory)
  if (plan.mutant !== null) words.push('--mutant', shellWord(plan.mutant))
  say('--latency', plan.latencyMs, planDefaults.latency)
  if (plan.powerLoss) words.push('--power-loss')
  if (Object.keys(plan.memberConfig).length > 0) words.push('--member-config', shellWord(JSON.stringify(plan.memberConfig)))
  words.push('--seed', String(plan.seed))
  return words.join(' ')
}
