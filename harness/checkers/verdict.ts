import type { Drawing } from './drawing.ts'
import type { EvidenceSize } from './minimize.ts'

/** `invalid` beats `unknown` beats `valid`. */
export type Verdict = 'valid' | 'invalid' | 'unknown'

export interface CheckResult {
  /** The checker: `linearizability`, `raft`, … */
  readonly checker: string
  readonly verdict: Verdict
  /** It does not apply to this system, as the summary says; then it is `unknown`, and the run's verdict does not depend on it. */
  readonly notRun?: true
  /** One sentence: what was checked and found, or why it cannot be known. */
  readonly summary: string
  /** Says how it went, not whether a promise was kept: has no part in the verdict of the run. */
  readonly informational?: true
  /** More sentences for whoever reads the summary. */
  readonly notes?: readonly string[]
  /** The smallest evidence there is; empty unless invalid. */
  readonly evidence: readonly Evidence[]
  /** Counts and times for the report, JSON. */
  readonly details: Readonly<Record<string, unknown>>
}

/** What contradicts itself, in words and in operations. */
export interface Evidence {
  readonly title: string
  /** Lines of text for a terminal. */
  readonly explanation: readonly string[]
  readonly key: string | null
  /** History indexes of the operations' invocations and completions that matter. */
  readonly eventIndexes: readonly number[]
  /** Of one object that is not linearizable: the order that gets furthest. */
  readonly attempt?: LinearizationAttempt
  /** Of the same, how few its operations are. */
  readonly size?: EvidenceSize
  /** Of others than those: what is to be drawn. */
  readonly drawing?: Drawing
}

/** As many operations in an order that real time and the object allow as can be had, for a picture. */
export interface LinearizationAttempt {
  /** What the object was at first, for people. */
  readonly initial: string
  /** History indexes of the invocations, and what the object was after each. */
  readonly order: readonly { readonly index: number, readonly state: string }[]
  /** The invocation of the operation that no order has room for. */
  readonly impossible: number | null
}
