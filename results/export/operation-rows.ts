import type { HistoryEvent, OperationEvent } from '../../harness/history/event.ts'

/** A whole operation, for whoever counts and averages. Null: there is none. */
export interface OperationRow {
  /** Of the invocation. */
  readonly index: number
  readonly process: number
  readonly node: string | null
  readonly f: string
  readonly key: string | null
  /** `open`: no end was recorded. */
  readonly outcome: 'ok' | 'fail' | 'info' | 'open'
  readonly start_ns: number
  readonly end_ns: number | null
  readonly duration_ns: number | null
  /** What was asked, and what was answered; JSON. */
  readonly input: unknown
  readonly output: unknown
  readonly version: number | null
  readonly consistency: string | null
  readonly error: string | null
  readonly end_index: number | null
}

/**
 * Operations in the order in which they ended, then those that did not. Holds
 * only what is open, so a history may be of any length. A completion without an
 * invocation is passed over: this is no judge.
 */
export function* operationRows(events: Iterable<HistoryEvent>): Generator<OperationRow> {
  const open = new Map<number, OperationEvent>()
  for (const event of events) {
    if (event.process === 'nemesis') continue
    const begun = open.get(event.process)
    if (event.type === 'invoke') {
      if (begun !== undefined) yield rowOf(begun, null)
      open.set(event.process, event)
    } else if (begun !== undefined) {
      open.delete(event.process)
      yield rowOf(begun, event)
    }
  }
  for (const begun of open.values()) yield rowOf(begun, null)
}

function rowOf(begun: OperationEvent, end: OperationEvent | null): OperationRow {
  return {
    index: begun.index, process: begun.process, node: begun.node ?? null, f: begun.f, key: begun.key ?? null,
    outcome: end === null ? 'open' : end.type as 'ok' | 'fail' | 'info',
    start_ns: begun.time, end_ns: end?.time ?? null, duration_ns: end === null ? null : end.time - begun.time,
    input: begun.value, output: end?.value ?? null,
    version: end?.version ?? null, consistency: begun.consistency ?? null, error: end?.error ?? null, end_index: end?.index ?? null,
  }
}
