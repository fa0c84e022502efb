import type { Measurement } from '../../../results/bench/bench-record.ts'

type Metric = Pick<Measurement, 'metric' | 'unit' | 'better'>
export type MetricSample = Metric & { readonly value: number }

/** Samples of all rounds, and what failed in them, by case; told at the end, or when a benchmark is ended early. */
export class CaseSamples {
  readonly #cases = new Map<string, { readonly case: Measurement['case'], readonly metrics: Map<string, Metric & { samples: number[] }>, readonly failures: string[] }>()

  /** @param cases in the order in which they are told, whatever the order of measuring */
  constructor(cases: readonly Measurement['case'][] = []) {
    for (const one of cases) this.#of(one)
  }

  add(of: Measurement['case'], samples: readonly MetricSample[]): void {
    const { metrics } = this.#of(of)
    for (const { metric, unit, better, value } of samples) {
      const known = metrics.get(metric)
      if (known === undefined) metrics.set(metric, { metric, unit, better, samples: [value] })
      else known.samples.push(value)
    }
  }

  /** A half sentence: `round 2: 3 of 400 were answered with another status than 2xx`. */
  fail(of: Measurement['case'], what: string): void {
    this.#of(of).failures.push(what)
  }

  measurements(): Measurement[] {
    return [...this.#cases.values()].flatMap((one) => [...one.metrics.values()].map((metric) => ({ case: one.case, ...metric })))
  }

  notes(): string[] {
    return [...this.#cases.values()].filter(({ failures }) => failures.length > 0).map(({ case: of, metrics, failures }) =>
      `${describeCase(of)}: ${failures.join('; ')}${metrics.size === 0 ? '; so there is no measurement' : ''}.`)
  }

  #of(of: Measurement['case']) {
    const key = JSON.stringify(of)
    const known = this.#cases.get(key)
    if (known !== undefined) return known
    const made = { case: of, metrics: new Map<string, Metric & { samples: number[] }>(), failures: [] }
    this.#cases.set(key, made)
    return made
  }
}

const describeCase = (of: Measurement['case']) => Object.entries(of).map(([key, value]) => `${key} ${value}`).join(', ')
