import type { Verdict } from '../checkers/verdict.ts'
import type { PlanOptions } from '../plan/options.ts'
import type { Coverage } from './coverage.ts'

/** One run that somebody wants, as it goes to a process that does it. */
export interface Job {
  readonly id: number
  /** Complete but for defaults; `seed` and `store` are said. */
  readonly options: PlanOptions
  /** `failures`: the directory of a run that is valid is removed. */
  readonly keep: 'all' | 'failures'
}

export type JobEnd = JudgedJob | FailedJob

export interface JudgedJob {
  readonly kind: 'judged'
  readonly id: number
  readonly verdict: Verdict
  /** Of the results that are not valid. */
  readonly findings: readonly { readonly checker: string, readonly verdict: Verdict, readonly summary: string }[]
  /** Null where it was removed. */
  readonly directory: string | null
  readonly rerun: string
  /** Over all files that a simulation reproduces. */
  readonly digest: string
  readonly coverage: Coverage
  /** From the last healing until all served again; null where they did not. */
  readonly recoveredMs: number | null
  /** Of the main phase. */
  readonly simulatedS: number
  readonly tookS: number
}

/** The run itself failed, or the process that did it. */
export interface FailedJob {
  readonly kind: 'failed'
  readonly id: number
  readonly error: string
  readonly directory: string | null
  /** It cannot be done at all on this machine: `error` is the sentence that says why, and nothing was tried. */
  readonly refused?: true
}

export type ToProcess = { readonly kind: 'job', readonly job: Job } | { readonly kind: 'stop' }
