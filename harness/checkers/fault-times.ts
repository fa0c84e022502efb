import type { HistoryEvent } from '../history/event.ts'
import type { FaultRecord } from '../runner/fault-record.ts'

/**
 * One fault of a run, with what is certain of its times: it may have been felt
 * from `mayBeginNs` to `overNs`, and was surely on from `onNs` to `untilNs`
 * (an empty span where that is not known). Infinity: it was never proven mended.
 */
export interface FaultSpan {
  /** Its number in `faults.jsonl`. */
  readonly fault: number
  readonly name: string
  readonly value: unknown
  /** What the probe saw at its start; null where it was not proven. */
  readonly observed: unknown
  readonly mayBeginNs: number
  readonly onNs: number
  readonly untilNs: number
  readonly overNs: number
}

/**
 * The faults of a run in order of their beginnings. A start that failed counts
 * as broken from then on: nobody knows what it left. One that was given up as
 * "not now" did what it did until it was given up; one that was never begun is left out.
 */
export function faultSpans(records: readonly FaultRecord[]): FaultSpan[] {
  const spans = new Map<number, FaultSpan>()
  for (const { fault, name, step, value, askedNs, doneNs, observed, error } of records) {
    const base = { fault, name, value, observed, mayBeginNs: askedNs, onNs: Infinity, untilNs: -Infinity, overNs: Infinity }
    switch (step) {
      case 'start':
        spans.set(fault, error === null ? { ...base, onNs: doneNs, untilNs: Infinity } : base)
        break
      case 'skip':
        if (doneNs > askedNs) spans.set(fault, { ...base, overNs: doneNs })
        break
      case 'stop': {
        const span = spans.get(fault)
        if (span === undefined) break
        // The first try ends what is certain, the one that succeeds ends the fault.
        spans.set(fault, { ...span, untilNs: Math.min(span.untilNs, askedNs), overNs: error === null ? doneNs : Infinity })
        break
      }
    }
  }
  return [...spans.values()].sort((a, b) => a.mayBeginNs - b.mayBeginNs)
}

/** Spans that overlap, or follow each other at once, are one stretch of time. */
export interface Stretch<S extends Pick<FaultSpan, 'mayBeginNs' | 'overNs'> = FaultSpan> {
  readonly spans: readonly S[]
  readonly fromNs: number
  readonly toNs: number
}

/** In order; between them all was whole. */
export function stretches<S extends Pick<FaultSpan, 'mayBeginNs' | 'overNs'>>(spans: readonly S[]): Stretch<S>[] {
  const merged: { spans: S[], fromNs: number, toNs: number }[] = []
  for (const span of [...spans].sort((a, b) => a.mayBeginNs - b.mayBeginNs)) {
    const last = merged.at(-1)
    if (last !== undefined && span.mayBeginNs <= last.toNs) {
      last.spans.push(span)
      last.toNs = Math.max(last.toNs, span.overNs)
    } else {
      merged.push({ spans: [span], fromNs: span.mayBeginNs, toNs: span.overNs })
    }
  }
  return merged
}

/** The index in the history of the event with which the fault began, for evidence; empty where it cannot be found. */
export function startEventOf(span: FaultSpan, history: readonly HistoryEvent[]): number[] {
  const event = history.find((candidate) => candidate.process === 'nemesis' && candidate.f === `start-${span.name}` && candidate.time >= span.mayBeginNs - 1e6)
  return event === undefined ? [] : [event.index]
}

/** `pause n2`, `partition n1 n3 (gossip)`: for a reader. */
export function describeSpan({ name, value }: FaultSpan): string {
  const { members, traffic, kind } = (value ?? {}) as { readonly members?: readonly string[], readonly traffic?: string, readonly kind?: string }
  const about = traffic === undefined || traffic === 'all' ? '' : ` (${traffic})`
  return `${name}${kind === undefined ? '' : ` ${kind}`}${members === undefined ? '' : ` of ${members.join(', ')}`}${about}`
}
