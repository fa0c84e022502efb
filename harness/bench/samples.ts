import type { Measurement } from '../../results/bench/bench-record.ts'
import type { BenchContext } from './benchmark.ts'
import { CaseSamples } from './load/case-samples.ts'

/** How samples of one thing are read. */
export type Metric = Pick<Measurement, 'metric' | 'unit' | 'better'>

/** Gathers one sample an event, over rounds that alternate between cases. */
export class Samples {
  readonly #cases = new CaseSamples()
  #told = false

  /** In order. */
  add(fixed: Measurement['case'], metric: Metric, value: number): void {
    this.#cases.add(fixed, [{ ...metric, value }])
  }

  /** Once, at the end or when it is ended early: before clusters are torn down, which may take longer than is left. */
  tell(context: BenchContext): void {
    if (this.#told) return
    this.#told = true
    for (const measurement of this.#cases.measurements()) context.measured(measurement)
  }
}

/** The same, beginning elsewhere each time: so that no case always comes first in its round. */
export const rotated = <T>(items: readonly T[], by: number): T[] => items.map((_, i) => items[(i + by) % items.length]!)

/** For people who watch. */
export const after = (ms: number | null): string => ms === null ? 'never' : ms < 10_000 ? `after ${ms.toFixed(0)} ms` : `after ${(ms / 1000).toFixed(1)} s`
