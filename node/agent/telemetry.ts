import { Counter, Gauge, Registry, Summary } from 'prom-client'
import type { MetricLabels, Metrics } from '../base/metrics.ts'

/** Consul's: one interval is this long, and begins at a multiple of it. */
export const telemetryIntervalMs = 10_000

/** What of an interval is shown at `/v1/agent/metrics`. */
export interface MetricsSummary {
  /** `2026-11-21 12:37:10 +0000 UTC`: the interval's start. */
  readonly Timestamp: string
  readonly Gauges: readonly { readonly Name: string, readonly Value: number, readonly Labels: MetricLabels }[]
  readonly Points: readonly never[]
  readonly Counters: readonly MetricAggregate[]
  readonly Samples: readonly MetricAggregate[]
}

export interface MetricAggregate {
  readonly Name: string
  readonly Count: number
  /** Sum by second of the interval. */
  readonly Rate: number
  readonly Sum: number
  readonly Min: number
  readonly Max: number
  readonly Mean: number
  readonly Stddev: number
  readonly Labels: MetricLabels
}

export interface Telemetry {
  readonly metrics: Metrics
  /** The last interval that is over; the present one while there is none. */
  summary(): MetricsSummary
  /** All since the start, as text for Prometheus; null unless that is enabled. */
  readonly prometheus: (() => Promise<{ readonly contentType: string, readonly text: string }>) | null
}

export interface TelemetryOptions {
  readonly wallMs: () => number
  /** How long Prometheus is told of a measurement that does not come again; 0: no Prometheus. */
  readonly prometheusRetentionMs: number
}

/** Aggregates in memory: one interval that is over, and the present one. */
export function makeTelemetry(options: TelemetryOptions): Telemetry {
  let current = new Interval(intervalStart(options.wallMs()))
  let last: Interval | null = null
  const exporter = options.prometheusRetentionMs > 0 ? new PrometheusExporter(options.prometheusRetentionMs) : null
  /** The interval of now. One in which nothing came is not kept: what was last measured is worth more than nothing. */
  const now = (): Interval => {
    const startMs = intervalStart(options.wallMs())
    // A clock that jumped back begins a new interval too.
    if (startMs !== current.startMs) {
      last = current
      current = new Interval(startMs)
    }
    return current
  }
  return {
    metrics: {
      gauge(name, value, labels) {
        now().gauge(name, value, labels)
        exporter?.gauge(name, value, labels)
      },
      count(name, times = 1, labels) {
        now().count(name, times, labels)
        exporter?.count(name, times, labels)
      },
      sample(name, value, labels) {
        now().sample(name, value, labels)
        exporter?.sample(name, value, labels)
      },
    },
    summary() {
      const present = now()
      return (last ?? present).summary()
    },
    prometheus: exporter === null ? null : () => exporter.text(),
  }
}

const intervalStart = (wallMs: number): number => Math.floor(wallMs / telemetryIntervalMs) * telemetryIntervalMs

const prefix = 'consul'
const noLabels: MetricLabels = {}

interface Aggregate {
  readonly name: string
  readonly labels: MetricLabels
  count: number
  sum: number
  squares: number
  min: number
  max: number
}

class Interval {
  readonly startMs: number
  readonly #gauges = new Map<string, { readonly name: string, readonly labels: MetricLabels, value: number }>()
  readonly #counters = new Map<string, Aggregate>()
  readonly #samples = new Map<string, Aggregate>()

  constructor(startMs: number) {
    this.startMs = startMs
  }

  gauge(name: string, value: number, labels: MetricLabels = noLabels): void {
    this.#gauges.set(keyOf(name, labels), { name, labels, value })
  }

  count(name: string, times: number, labels: MetricLabels = noLabels): void {
    add(this.#counters, name, times, labels)
  }

  sample(name: string, value: number, labels: MetricLabels = noLabels): void {
    add(this.#samples, name, value, labels)
  }

  summary(): MetricsSummary {
    return {
      Timestamp: `${new Date(this.startMs).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`,
      Gauges: sorted(this.#gauges).map(({ name, labels, value }) => ({ Name: `${prefix}.${name}`, Value: value, Labels: labels })),
      Points: [],
      Counters: sorted(this.#counters).map(shown),
      Samples: sorted(this.#samples).map(shown),
    }
  }
}

function keyOf(name: string, labels: MetricLabels): string {
  return labels === noLabels ? name : `${name};${Object.entries(labels).sort().map(([label, value]) => `${label}=${value}`).join(';')}`
}

function add(aggregates: Map<string, Aggregate>, name: string, value: number, labels: MetricLabels): void {
  const key = keyOf(name, labels)
  let aggregate = aggregates.get(key)
  if (aggregate === undefined) aggregates.set(key, aggregate = { name, labels, count: 0, sum: 0, squares: 0, min: Infinity, max: -Infinity })
  aggregate.count++
  aggregate.sum += value
  aggregate.squares += value * value
  aggregate.min = Math.min(aggregate.min, value)
  aggregate.max = Math.max(aggregate.max, value)
}

function sorted<T>(map: ReadonlyMap<string, T>): T[] {
  return [...map.entries()].sort(([a], [b]) => a < b ? -1 : 1).map(([, value]) => value)
}

function shown({ name, labels, count, sum, squares, min, max }: Aggregate): MetricAggregate {
  const variance = count < 2 ? 0 : Math.max(0, (count * squares - sum * sum) / (count * (count - 1)))
  return {
    Name: `${prefix}.${name}`, Count: count, Rate: sum / (telemetryIntervalMs / 1000), Sum: sum,
    Min: min, Max: max, Mean: sum / count, Stddev: Math.sqrt(variance), Labels: labels,
  }
}

/** The same measurements for Prometheus: counters, gauges, and summaries with Consul's three quantiles. */
class PrometheusExporter {
  readonly #registry = new Registry()
  readonly #retentionSeconds: number
  readonly #gauges = new Map<string, Gauge>()
  readonly #counters = new Map<string, Counter>()
  readonly #summaries = new Map<string, Summary>()

  constructor(retentionMs: number) {
    this.#retentionSeconds = retentionMs / 1000
  }

  gauge(name: string, value: number, labels: MetricLabels = noLabels): void {
    this.#made(this.#gauges, name, labels, (base) => new Gauge(base)).set(labels, value)
  }

  count(name: string, times: number, labels: MetricLabels = noLabels): void {
    this.#made(this.#counters, name, labels, (base) => new Counter(base)).inc(labels, times)
  }

  sample(name: string, value: number, labels: MetricLabels = noLabels): void {
    this.#made(this.#summaries, name, labels, (base) => new Summary({
      ...base, percentiles: [0.5, 0.9, 0.99], maxAgeSeconds: this.#retentionSeconds, ageBuckets: 5, pruneAgedBuckets: false,
    })).observe(labels, value)
  }

  async text(): Promise<{ contentType: string, text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() }
  }

  #made<T>(all: Map<string, T>, name: string, labels: MetricLabels, make: (base: { name: string, help: string, labelNames: string[], registers: Registry[] }) => T): T {
    let metric = all.get(name)
    if (metric === undefined) {
      const metricName = `${prefix}_${name.replace(/[^A-Za-z0-9]/g, '_')}`
      all.set(name, metric = make({ name: metricName, help: metricName, labelNames: Object.keys(labels), registers: [this.#registry] }))
    }
    return metric
  }
}
