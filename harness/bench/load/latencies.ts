import { build, type Histogram } from 'hdr-histogram-js'

/** Ms. */
export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** Latencies of one run: three significant digits, from a microsecond up, and the largest as it was. */
export class Latencies {
  readonly #micros: Histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3, autoResize: true, bitBucketSize: 32 })
  #maxMs = 0

  record(ms: number): void {
    this.#maxMs = Math.max(this.#maxMs, ms)
    this.#micros.recordValue(Math.max(0, Math.round(ms * 1000)))
  }

  get count(): number {
    return this.#micros.totalCount
  }

  /** Null where nothing was recorded. */
  percentiles(): Percentiles | null {
    if (this.count === 0) return null
    const at = (percent: number) => Math.min(this.#maxMs, this.#micros.getValueAtPercentile(percent) / 1000)
    return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: this.#maxMs }
  }
}
