/** Of samples: the median, of an even number of them the mean of the middle two, and nearest-rank quantiles. */
export interface Spread {
  readonly n: number
  readonly min: number
  readonly median: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** At least one sample. */
export function spreadOf(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b)
  const at = (p: number) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))]!
  return { n: sorted.length, min: at(0), median: medianOf(sorted), p95: at(0.95), p99: at(0.99), max: at(1) }
}

/** @param sorted ascending, at least one */
export function medianOf(sorted: ArrayLike<number>): number {
  const upper = sorted[Math.floor(sorted.length / 2)]!
  return sorted.length % 2 === 1 ? upper : (sorted[sorted.length / 2 - 1]! + upper) / 2
}
