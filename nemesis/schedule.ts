import type { RunPlan } from '../harness/plan/plan.ts'
import type { Random } from '../node/base/random.ts'

/**
 * How long a family of faults waits, and how long a fault lasts: uniform
 * between a fifth of the mean and its double less that, so that the mean is
 * kept, short and long ones both occur, and none is too short to be felt.
 */
export function randomIntervals(meanS: number, random: Random): () => number {
  return () => meanS * 1000 * (0.2 + 1.6 * random.fraction())
}

/** The pauses of a plan: drawn, or always the same. */
export function intervals(schedule: RunPlan['schedule'], meanS: number, random: Random): () => number {
  return schedule === 'fixed' ? () => meanS * 1000 : randomIntervals(meanS, random)
}

/** How hard faults are, at this share of the main phase: a straight ramp. */
export function intensityAt({ from, to }: RunPlan['intensity'], share: number): number {
  return from + (to - from) * Math.min(1, Math.max(0, share))
}
