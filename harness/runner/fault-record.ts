/** One line of `faults.jsonl`: a fault's start or its end, or that it was not begun (`askedNs` = `doneNs`) or begun and given up. Times as in the history. */
export interface FaultRecord {
  /** Counts the faults of a run from 0. */
  readonly fault: number
  readonly name: string
  readonly step: 'start' | 'stop' | 'skip'
  readonly value: unknown
  readonly askedNs: number
  readonly doneNs: number
  /** `askedNs` from the begin of the main phase, in seconds: what a script calls `at`. Null before there is one. */
  readonly sinceMainS: number | null
  /** What the probe saw; null where the step failed. */
  readonly observed: unknown
  readonly error: string | null
}
