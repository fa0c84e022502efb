import type { Command } from 'commander'
import type { BenchName, Measurement } from '../../results/bench/bench-record.ts'
import type { Environment, EnvironmentKind } from '../environments/environment.ts'
import type { SystemName } from '../plan/plan.ts'

/** One of `splitbrain bench NAME`: what it measures, and its own flags beyond those that all have. */
export interface Benchmark {
  readonly name: BenchName
  readonly about: string
  /** Where it can be done, best first. */
  readonly environments: readonly EnvironmentKind[]
  /** Where the user says no `--members`; absent: 3. */
  readonly memberCountsDefault?: readonly number[]
  /** Of `--members`; absent: as many as a cluster may have. */
  readonly membersMax?: number
  /** Flags of its own; all have --env, --system, --members, --seed, --member-config, --store, --json. */
  addOptions(command: Command): void
  /** Measures, and tells each measurement as soon as it is whole, so that a benchmark that is ended early has measured something. Rejects with a sentence. */
  measure(context: BenchContext): Promise<void>
}

export interface BenchContext {
  readonly env: EnvironmentKind
  readonly system: SystemName
  /** `--members 3,4,5`. */
  readonly memberCounts: readonly number[]
  readonly seed: number
  /** `--member-config`: already in what `startCluster` starts; for bounds that follow from it. */
  readonly memberConfig: Readonly<Record<string, unknown>>
  /** The benchmark's own flags, as commander read them. */
  readonly flags: Readonly<Record<string, unknown>>
  /** A started cluster with a leader; it goes with its directory when disposed. Rejects with a sentence, also after Ctrl-C. */
  startCluster(memberCount: number, options?: ClusterOptions): Promise<Environment>
  /** Rejects once the user has ended the benchmark; between rounds. */
  throwIfStopped(): void
  /** The task's result; rejects as soon as the user has ended the benchmark. The task goes on unobserved: who began it ends it. */
  orStopped<T>(task: Promise<T>): Promise<T>
  measured(measurement: Measurement): void
  note(line: string): void
  /** For the person who watches; not kept. */
  say(line: string): void
}

export interface ClusterOptions {
  /** Extra keys for each member's config file. */
  readonly memberConfig?: Readonly<Record<string, unknown>>
  /** Families of faults that will be used: some need things made at the start. */
  readonly faults?: readonly string[]
  readonly latencyMs?: number
  /** Clusters of the same name have the same chance, in a simulation the same weather; absent: each has its own. */
  readonly chance?: string
}
