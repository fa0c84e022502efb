import type { Environment, EnvironmentOptions } from '../harness/environments/environment.ts'
import type { RunPlan } from '../harness/plan/plan.ts'
import type { Random } from '../node/base/random.ts'

/** What a family of faults needs to see of the run. */
export interface NemesisContext {
  readonly environment: Environment
  readonly plan: RunPlan
  readonly random: Random
  /** The leader's name as the system says now, or null. Asks the members. */
  leader(): Promise<string | null>
}

/** A family of faults: partition, kill, … One file each. */
export interface Nemesis {
  readonly name: string
  readonly about: string
  /** Why this cannot work in such an environment, or null. Asked before the run starts. */
  missing(environment: Environment, plan: RunPlan): string | null
  /** Chooses the next fault, with targets taken from the seed and from what the system says of itself. */
  next(context: NemesisContext): Promise<Fault>
}

/** One thing to break, once. */
export interface Fault {
  /** `partition`, `kill`: histories show `start-partition`, `stop-partition`. */
  readonly name: string
  /** What is asked, JSON: target's name, members, links. */
  readonly value: unknown
  /** Breaks, and proves by a probe that it took effect; rejects if the probe fails. */
  start(): Promise<ActiveFault>
}

export interface ActiveFault {
  /** What the probe saw, JSON. */
  readonly observed: unknown
  /** Mends, and proves it. Returns what the probe saw. */
  stop(): Promise<unknown>
}

export type { Environment, EnvironmentOptions }
