import type { Environment, EnvironmentOptions } from '../harness/environments/environment.ts'
import type { RunPlan } from '../harness/plan/plan.ts'
import type { System } from '../harness/systems/system.ts'
import type { Random } from '../node/base/random.ts'

/** What a family of faults needs to see of the run. */
export interface NemesisContext {
  readonly environment: Environment
  readonly plan: RunPlan
  readonly system: System
  readonly random: Random
  /** The leader's name as the system says now, or null. Asks the members. */
  leader(): Promise<string | null>
  /** What is on now. */
  running(): readonly Impact[]
  /** How hard faults shall be now, 0 (as mild as they come) to 1; a ramp changes it while the run goes on. */
  intensity(): number
}

/** A family of faults: partition, kill, … One file each. */
export interface Nemesis {
  readonly name: string
  readonly about: string
  /** Why this cannot work in such an environment, or null. Asked before the run starts. */
  missing(environment: Environment, plan: RunPlan, system: System): string | null
  /**
   * Chooses the next fault, with targets taken from the seed and from what the system says of itself.
   * @param asked what a script wants of it, already found right by `objection`; what it leaves open is drawn
   */
  next(context: NemesisContext, asked?: unknown): Promise<Fault>
  /** The kinds of this fault, one by one: what `doctor --probe` tries, and what the documentation lists. */
  variants?(environment: Environment): readonly Variant[]
  /** Why a script cannot ask this of the family, or null. Absent: the family cannot be scripted. */
  objection?(asked: unknown, members: readonly string[]): string | null
}

/**
 * The fault does not fit the cluster as it is (no snapshot to damage yet, no
 * leader who would remove a member): nothing is broken, and that is no failure.
 */
export class NotNowError extends Error {
  override readonly name = 'NotNowError'
}

/** One kind of a family's faults. */
export interface Variant {
  /** `jump back, wall clock`; empty where the family has one kind only. */
  readonly kind: string
  /** For `next`. */
  readonly asked: object
  /** Why it cannot work in this environment, though others of the family may; or null. */
  readonly missing: string | null
}

/** One thing to break, once. */
export interface Fault {
  /** `partition`, `kill`: histories show `start-partition`, `stop-partition`. */
  readonly name: string
  /** What is asked, JSON: target's name, members, links. Given to the family's `next` as `asked` it makes the same fault again. */
  readonly value: unknown
  /** What it touches, so that faults that would hide each other's probes are not on together, and all are healed in an order that works. */
  readonly impact?: Impact
  /** Breaks, and proves by a probe that it took effect; rejects if the probe fails. */
  start(): Promise<ActiveFault>
}

export interface ActiveFault {
  /** What the probe saw, JSON. */
  readonly observed: unknown
  /** Mends, and proves it. Returns what the probe saw. May be called again after it failed. */
  stop(): Promise<unknown>
}

/**
 * Where a fault sits, in the order in which all is healed: the network first (a
 * member that starts needs it), then what a member stands on (its disk, its
 * resources, its clock), then the processes, and last who is a member at all
 * (a change that needs a quorum).
 */
export const layers = ['links', 'clients', 'disk', 'resources', 'clock', 'process', 'registry', 'membership', 'data'] as const
export type Layer = (typeof layers)[number]

export interface Impact {
  readonly layer: Layer
  readonly members: readonly string[]
  /** Of faults on links: which, as `n1>n2`. */
  readonly links?: readonly string[]
  /** All that is done to the links is that nothing passes. */
  readonly cut?: boolean
}

export type { Environment, EnvironmentOptions }
