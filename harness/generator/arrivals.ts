import type { Random } from '../../node/base/random.ts'

/**
 * Gaps between operations, over all workers: exponential, as if many
 * independent users came by, so that some operations come close together and
 * some apart. Mean 1/rate.
 */
export function arrivalGapsMs(ratePerS: number, random: Random): () => number {
  // 1 - fraction is in (0, 1], whose logarithm is finite.
  return () => -Math.log(1 - random.fraction()) * 1000 / ratePerS
}
