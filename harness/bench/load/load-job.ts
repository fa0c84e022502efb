import type { KvLoad } from './kv-requests.ts'
import type { Percentiles } from './latencies.ts'

/** Load as it goes to the process that makes it. */
export interface LoadJob {
  readonly id: number
  /** `http://host:port`; connections go to them in turn. */
  readonly urls: readonly string[]
  readonly connections: number
  readonly seconds: number
  /** Null: every connection sends as soon as it has been answered. Else so many a second over all, at times fixed beforehand. */
  readonly ratePerS: number | null
  readonly load: KvLoad
  /** What is sent is drawn from it. */
  readonly seed: number
}

export interface LoadOutcome {
  /** Answered with 2xx. */
  readonly ok: number
  readonly non2xx: number
  /** Connections that broke, requests without an answer in time. */
  readonly errors: number
  /** From the first request to the end. */
  readonly seconds: number
  /** Of the process that made the load. */
  readonly cpuMs: number
  /** Null where every connection sent as fast as it could: such a run measures no latency. */
  readonly latency: PacedLatency | null
}

/** Of requests that were answered with 2xx, and of those that were not answered in time, which count as long as they waited. */
export interface PacedLatency {
  /** How many the percentiles rest on. */
  readonly requests: number
  /** From when each request was due. */
  readonly corrected: Percentiles
  /** From when it was really sent: blind to requests that a slow answer held up. */
  readonly uncorrected: Percentiles
  /** How late the sender itself was with requests whose connection was free; null where none was. */
  readonly lateness: Percentiles | null
  /** Were due, and still waited for their connection when waiting for the end was given up. */
  readonly neverSent: number
}

export type ToLoadProcess = { readonly kind: 'job', readonly job: LoadJob } | { readonly kind: 'stop' }
export type FromLoadProcess = { readonly kind: 'done', readonly id: number, readonly outcome: LoadOutcome } | { readonly kind: 'failed', readonly id: number, readonly error: string }
