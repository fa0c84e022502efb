import { formatIntensity } from './fault-options.ts'
import type { PlanOptions } from './options.ts'
import type { RunPlan } from './plan.ts'

/**
 * The options from which this plan is resolved again, all said, whatever the
 * defaults have become since it was stored.
 */
export function optionsOf(plan: RunPlan): PlanOptions {
  const targets = [...new Set([...plan.partitionTargets, ...plan.memberTargets])]
  return {
    env: plan.env,
    system: plan.system,
    members: plan.members,
    workload: plan.workload,
    nemesis: plan.nemesisAll ? ['all'] : plan.nemesis.length === 0 ? ['none'] : [...plan.nemesis],
    ...targets.length > 0 ? { targets } : {},
    ...plan.nemesis.length > 0 ? { traffic: [...plan.traffics] } : {},
    ...plan.firewall === null ? {} : { firewall: plan.firewall },
    ...plan.faultScript === null ? {} : { faults: JSON.stringify({ faults: plan.faultScript.faults }) },
    schedule: plan.schedule,
    intensity: formatIntensity(plan.intensity),
    atOnce: plan.faultsAtOnce,
    interval: plan.nemesisIntervalS,
    timeLimit: plan.timeLimitS,
    rate: plan.rate,
    concurrency: plan.concurrency,
    consistency: plan.consistency,
    keys: plan.keyCount,
    opsPerKey: plan.opsPerKey,
    operationTimeout: plan.operationTimeoutMs,
    recoveryTimeout: plan.recoveryTimeoutS,
    checkTimeLimit: plan.checkTimeLimitS,
    checkMemory: plan.checkMemoryMiB,
    seed: plan.seed,
    ...plan.mutant === null ? {} : { mutant: plan.mutant },
    latency: plan.latencyMs,
    powerLoss: plan.powerLoss,
    memberConfig: plan.memberConfig,
  }
}
