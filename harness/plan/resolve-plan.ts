import type { EnvironmentKind } from '../environments/environment.ts'
import { concurrencyMax, latencyMsMax, membersMax, planDefaults } from './defaults.ts'
import type { PlanOptions } from './options.ts'
import type { RunPlan } from './plan.ts'
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
  const nemesis = resolveNemesis(options, members, surroundings)
  const latencyMs = options.latency ?? planDefaults.latency
  if (latencyMs > latencyMsMax) throw new UsageError(`--latency ${latencyMs}: at most ${latencyMsMax} ms.`)
  return {
    env: surroundings.env,
    system: 'registry',
    members,
    workload,
    nemesis,
    partitionTargets: resolveTargets(options, members, nemesis, surroundings),
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

function resolveNemesis(options: PlanOptions, members: number, surroundings: PlanSurroundings): readonly string[] {
  // Defaults must fit whatever else was said: one member alone has no link to cut.
  const asked: readonly string[] = options.nemesis ?? (members === 1 ? [] : planDefaults.nemesis)
  const nemesis = asked.filter((name) => name !== 'none')
  if (nemesis.length < asked.length && nemesis.length > 0) {
    throw new UsageError(`--nemesis ${asked.join(',')}: "none" stands alone.`)
  }
  requireKnown('--nemesis', nemesis, [...surroundings.nemeses, 'none'])
  if (new Set(nemesis).size < nemesis.length) throw new UsageError(`--nemesis ${nemesis.join(',')}: each name once.`)
  return nemesis
}

function resolveTargets(options: PlanOptions, members: number, nemesis: readonly string[], surroundings: PlanSurroundings): readonly string[] {
  const all = surroundings.partitionTargets
  const fitting = all.filter((target) => members >= target.membersMin).map((target) => target.name)
  if (options.targets === undefined) return nemesis.includes('partition') ? fitting : []
  if (!nemesis.includes('partition')) {
    throw new UsageError('--targets says what a partition looks like, and there is no partition: add --nemesis partition.')
  }
  if (options.targets.length === 0) throw new UsageError(`--targets is empty; there are ${fitting.join(', ')}.`)
  requireKnown('--targets', options.targets, all.map((target) => target.name))
  for (const name of options.targets) {
    const limits = all.find((target) => target.name === name)!
    if (members < limits.membersMin) {
      throw new UsageError(`--targets ${name} needs at least ${limits.membersMin} members, and there are ${members}.`)
    }
  }
  return [...new Set(options.targets)]
}

function requireKnown(flag: string, names: readonly string[], known: readonly string[]): void {
  for (const name of names) {
    if (!known.includes(name)) throw new UsageError(`${flag} ${name}: there is no such thing; there are ${known.join(', ')}.`)
  }
}
