import type { EnvironmentKind } from '../environments/environment.ts'
import { concurrencyMax, latencyMsMax, membersMax, planDefaults } from './defaults.ts'
import { requireKnown, resolveFaults } from './fault-options.ts'
import type { PlanOptions } from './options.ts'
import type { PlannedScript, RunPlan } from './plan.ts'
import { UsageError } from './usage-error.ts'

/** What there is to choose from, and what is not the user's to say. */
export interface PlanSurroundings {
  /** Used where the user gave no seed. */
  readonly drawSeed: () => number
  /** Where the members live; `auto` already resolved. */
  readonly env: EnvironmentKind
  readonly workloads: readonly string[]
  readonly nemeses: readonly string[]
  readonly partitionTargets: readonly PartitionTargetLimits[]
  /** What `--faults` names, read; null where it names nothing. */
  readonly faultScript?: PlannedScript | null
}

export interface PartitionTargetLimits {
  readonly name: string
  /** The shape makes no sense with fewer. */
  readonly membersMin: number
}

/**
 * A complete plan from what the user said: fills in the defaults, checks the
 * relations between options, changes nothing. Throws UsageError.
 */
export function resolvePlan(options: PlanOptions, surroundings: PlanSurroundings): RunPlan {
  const members = options.members ?? planDefaults.members
  if (!(members >= 1 && members <= membersMax)) {
    throw new UsageError(`--members ${members}: a cluster has 1 to ${membersMax} members.`)
  }
  const workload = options.workload ?? planDefaults.workload
  requireKnown('--workload', [workload], surroundings.workloads)
  const faults = resolveFaults(options, members, surroundings)
  const latencyMs = options.latency ?? planDefaults.latency
  if (latencyMs > latencyMsMax) throw new UsageError(`--latency ${latencyMs}: at most ${latencyMsMax} ms.`)
  return {
    env: surroundings.env,
    system: resolveSystem(options, surroundings.env),
    members,
    workload,
    ...faults,
    nemesisIntervalS: options.interval ?? planDefaults.interval,
    timeLimitS: options.timeLimit ?? planDefaults.timeLimit,
    rate: options.rate ?? planDefaults.rate,
    concurrency: resolveConcurrency(options.concurrency ?? planDefaults.concurrency, members),
    consistency: options.consistency ?? planDefaults.consistency,
    keyCount: options.keys ?? planDefaults.keys,
    opsPerKey: options.opsPerKey ?? planDefaults.opsPerKey,
    operationTimeoutMs: options.operationTimeout ?? planDefaults.operationTimeout,
    recoveryTimeoutS: options.recoveryTimeout ?? planDefaults.recoveryTimeout,
    checkTimeLimitS: options.checkTimeLimit ?? planDefaults.checkTimeLimit,
    checkMemoryMiB: options.checkMemory ?? planDefaults.checkMemory,
    seed: options.seed ?? surroundings.drawSeed(),
    mutant: options.mutant ?? null,
    latencyMs,
    powerLoss: options.powerLoss ?? planDefaults.powerLoss,
    memberConfig: options.memberConfig ?? planDefaults.memberConfig,
  }
}

/** Other systems are programs that only containers can run, and that nobody can edit. */
function resolveSystem(options: PlanOptions, env: EnvironmentKind): RunPlan['system'] {
  const system = options.system ?? planDefaults.system
  if (system === 'registry') return system
  if (env !== 'docker') {
    const chosen = options.env === env ? `--env ${env}` : `environment ${env}, the only one here,`
    throw new UsageError(`--system ${system} runs in containers, and ${chosen} runs this project's registry only. Use --env docker; \`splitbrain doctor\` says what that lacks on this machine.`)
  }
  if (options.mutant !== undefined) throw new UsageError(`--mutant ${options.mutant} edits the source of this project's registry; ${system} is a program without one.`)
  return system
}

/** `2n` is twice the members, `n` once; `6` is six. */
export function resolveConcurrency(asked: string | number, members: number): number {
  const match = /^(\d*)(n?)$/.exec(String(asked).trim())
  if (match === null || match[0] === '') {
    throw new UsageError(`--concurrency ${asked}: give a number of workers, or a multiple of the members such as 2n.`)
  }
  const workers = (match[1] === '' ? 1 : Number(match[1])) * (match[2] === 'n' ? members : 1)
  if (workers < 1) throw new UsageError(`--concurrency ${asked}: there must be at least one worker.`)
  if (workers > concurrencyMax) throw new UsageError(`--concurrency ${asked}: at most ${concurrencyMax} workers.`)
  return workers
}
