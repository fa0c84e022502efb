import type { Random } from '../node/base/random.ts'

/**
 * How long a family of faults waits, and how long a fault lasts: uniform
 * between a fifth of the mean and its double less that, so that the mean is
 * kept, short and long ones both occur, and none is too short to be felt.
 */
export function randomIntervals(meanS: number, random: Random): () => number {
  return () => meanS * 1000 * (0.2 + 1.6 * random.fraction())
}
