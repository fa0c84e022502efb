import type { CheckMethod, CheckResult } from './definitions.ts'
import type { Cancel } from '../base/scheduler.ts'

/** Methods that look at the world, each within its `timeoutMs`. */
export type ProbeMethod = Extract<CheckMethod, { readonly kind: 'http' | 'tcp' | 'grpc' | 'script' }>

/**
 * The port through which checks meet the world. `done` is called once, later,
 * unless it was cancelled. Output is cut to `outputBytesMax`.
 */
export interface Probes {
  probe(method: ProbeMethod, outputBytesMax: number, done: (result: CheckResult) => void): Cancel
}

/** Nothing can be reached: for members without a world. */
export const noProbes: Probes = {
  probe: (_method, _outputBytesMax, done) => {
    let cancelled = false
    queueMicrotask(() => { if (!cancelled) done({ status: 'critical', output: 'checks are not made here' }) })
    return () => { cancelled = true }
  },
}
