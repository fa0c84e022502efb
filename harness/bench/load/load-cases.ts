import type { Random } from '../../../node/base/random.ts'
import type { ReadConsistency } from '../../plan/plan.ts'
import { rotated } from '../samples.ts'

export type Placement = 'leader' | 'spread'

/** What is held fixed in one case, on a cluster of a given size. */
export interface LoadCase {
  readonly connections: number
  readonly valueBytes: number
  readonly at: Placement
  /** Absent for writes. */
  readonly consistency?: ReadConsistency
}

export interface LoadDimensions {
  readonly connections: readonly number[]
  readonly valueBytes: readonly number[]
  readonly at: readonly Placement[]
  /** Empty for writes. */
  readonly consistency: readonly ReadConsistency[]
}

/** Every combination. */
export function loadCases({ connections, valueBytes, at, consistency }: LoadDimensions): LoadCase[] {
  const modes = consistency.length === 0 ? [{}] : consistency.map((mode) => ({ consistency: mode }))
  return at.flatMap((placement) => modes.flatMap((mode) => valueBytes.flatMap((bytes) => connections.map((count) => ({ connections: count, valueBytes: bytes, at: placement, ...mode })))))
}

export interface Round<T> {
  readonly memberCount: number
  readonly cases: readonly T[]
}

/**
 * Alternation: rounds are outermost, in each every cluster once, on each every
 * case once. Cases stand in an order drawn once, and begin elsewhere in each
 * round, so that none is always the first after the start of a cluster or
 * always follows the same amount of work; so do the clusters.
 */
export function alternate<T>(memberCounts: readonly number[], cases: readonly T[], rounds: number, random: Random): Round<T>[][] {
  const drawn = random.shuffle(cases)
  return Array.from({ length: rounds }, (_, round) =>
    rotated(memberCounts, round).map((memberCount) => ({ memberCount, cases: rotated(drawn, Math.floor(round * drawn.length / rounds)) })))
}
