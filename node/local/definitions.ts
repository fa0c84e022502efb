import type { CheckStatus } from '../state/catalog-types.ts'

/** How a check of this agent is made. Times are in milliseconds. */
export type CheckMethod =
  /** Told from outside, through the API; critical when nothing was heard for `ttlMs`. */
  | { readonly kind: 'ttl', readonly ttlMs: number }
  | HttpMethod
  | { readonly kind: 'tcp', readonly target: string, readonly intervalMs: number, readonly timeoutMs: number }
  | GrpcMethod
  /** The command's exit code: 0 passes, 1 warns, others are critical. */
  | { readonly kind: 'script', readonly args: readonly string[], readonly intervalMs: number, readonly timeoutMs: number }
  /** As healthy as a node, or one service on it. `node` null: this one. `serviceId` null: the node's own checks. */
  | { readonly kind: 'alias', readonly node: string | null, readonly serviceId: string | null }
  /** Says the same until it is removed. */
  | { readonly kind: 'maintenance' }

export interface HttpMethod {
  readonly kind: 'http'
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly body: string
  readonly tlsSkipVerify: boolean
  readonly intervalMs: number
  readonly timeoutMs: number
}

export interface GrpcMethod {
  readonly kind: 'grpc'
  /** `host:port`, or `host:port/service`. */
  readonly target: string
  readonly useTls: boolean
  readonly tlsSkipVerify: boolean
  readonly intervalMs: number
  readonly timeoutMs: number
}

export interface CheckSpec {
  readonly checkId: string
  readonly name: string
  readonly notes: string
  /** Empty: a check of the node. */
  readonly serviceId: string
  readonly method: CheckMethod
  readonly initialStatus: CheckStatus
  /** So many more successes, or failures, in a row before the status follows; 0: at once. */
  readonly successBeforePassing: number
  readonly failuresBeforeCritical: number
  /** A service that was critical for so long is removed; null: never. */
  readonly deregisterCriticalAfterMs: number | null
  readonly outputBytesMax: number
}

export interface CheckResult {
  readonly status: CheckStatus
  readonly output: string
}

export interface LocalCheck {
  readonly spec: CheckSpec
  readonly status: CheckStatus
  readonly output: string
  /** Since when it is critical without a break, by the scheduler's monotonic clock. */
  readonly criticalSinceMs: number | null
  /** Since when there are other words than were last written to the catalog, under the same status; null: none. */
  readonly outputChangedMs: number | null
}

export const outputBytesMaxDefault = 4096
