import type { FaultScript } from '../../nemesis/script.ts'
import type { EnvironmentKind } from '../environments/environment.ts'

/** Everything a run depends on: printed before the first effect, stored as `plan.json`, enough to run it again. */
export interface RunPlan {
  readonly env: EnvironmentKind
  readonly system: SystemName
  /** Members in the cluster. */
  readonly members: number
  readonly workload: string
  /** Names of nemeses; empty for none. */
  readonly nemesis: readonly string[]
  /** All were asked for: those that cannot work here are left out, and said, instead of refused. */
  readonly nemesisAll: boolean
  /** Shapes of partitions, and members to cut off, to draw from. */
  readonly partitionTargets: readonly string[]
  /** Whom other faults strike, to draw from; empty: each family's own. */
  readonly memberTargets: readonly string[]
  /** What faults on links touch, to draw from. */
  readonly traffics: readonly PlannedTraffic[]
  /** Rules for the firewall nemesis; null: drawn. */
  readonly firewall: string | null
  /** Times drawn around the interval, or always the interval. */
  readonly schedule: 'random' | 'fixed'
  /** How hard faults are, 0 to 1, at the main phase's start and end; between them a ramp. */
  readonly intensity: { readonly from: number, readonly to: number }
  /** Most faults that are begun while others are on. */
  readonly faultsAtOnce: number
  /** Faults with their times, besides those of `nemesis`; null for none. */
  readonly faultScript: PlannedScript | null
  /** Mean seconds between a fault's end and the next fault's start, and the mean length of a fault. */
  readonly nemesisIntervalS: number
  readonly timeLimitS: number
  /** Operations per second over all workers, on average. */
  readonly rate: number
  /** Workers, already multiplied out (`2n` with 3 members is 6). */
  readonly concurrency: number
  /** Of reads: `default`, `consistent` or `stale`. */
  readonly consistency: ReadConsistency
  /** Keys that are in use at one time. */
  readonly keyCount: number
  /** After so many operations a key is retired for a fresh one. */
  readonly opsPerKey: number
  readonly operationTimeoutMs: number
  /** How long after the last healing the system may take to recover. */
  readonly recoveryTimeoutS: number
  /** Budget of the checker. */
  readonly checkTimeLimitS: number
  readonly checkMemoryMiB: number
  readonly seed: number
  readonly mutant: string | null
  /** One-way delay between members. */
  readonly latencyMs: number
  readonly powerLoss: boolean
  /** Extra keys for each member's config file. */
  readonly memberConfig: Readonly<Record<string, unknown>>
}

/** What is tested: this project's own registry, or somebody else's program. */
export const systemNames = ['registry', 'consul', 'etcd'] as const
export type SystemName = (typeof systemNames)[number]

export type PlannedTraffic = 'all' | 'raft' | 'gossip' | 'clients'

export interface PlannedScript extends FaultScript {
  /** Where it was read from, absolute; null where it stands in the option itself. */
  readonly file: string | null
}

export type ReadConsistency = 'default' | 'consistent' | 'stale'
