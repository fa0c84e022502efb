/**
 * Where a member's measurements go, in the manner of Consul's telemetry
 * (documentation, "Telemetry"). Names are dotted, without the prefix `consul`:
 * `raft.commitTime`. Labels are few and have few values.
 */
export interface Metrics {
  /** What something is at the moment. */
  gauge(name: string, value: number, labels?: MetricLabels): void
  /** That something happened, `times` times. */
  count(name: string, times?: number, labels?: MetricLabels): void
  /** One measured value: a duration in milliseconds, unless the name says otherwise. */
  sample(name: string, value: number, labels?: MetricLabels): void
}

export type MetricLabels = Readonly<Record<string, string>>

/** For simulations and tests that want none. */
export const noMetrics: Metrics = { gauge() {}, count() {}, sample() {} }
