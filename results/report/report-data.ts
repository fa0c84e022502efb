import type { HistoryEvent, NemesisEvent, OperationEvent } from '../../harness/history/event.ts'
import { faultBands, type FaultBand } from './fault-bands.ts'

/**
 * The history in columns instead of objects, times in ms with three digits,
 * strings once. `packReport` makes of it what the page carries.
 */
export interface ReportData {
  /** One entry an operation, all columns of the same length, in order of invocation. */
  readonly operations: {
    readonly process: number[]
    /** Index into `functions`. */
    readonly f: number[]
    /** 0 ok, 1 fail, 2 info, 3 never answered. */
    readonly outcome: number[]
    readonly startMs: number[]
    /** Null: never answered. */
    readonly endMs: (number | null)[]
    /** Index into `keys`, or -1. */
    readonly key: number[]
    /** Index into `nodes`, or -1. */
    readonly node: number[]
    readonly input: string[]
    readonly output: string[]
    readonly error: string[]
    /** The history index of the invocation. */
    readonly invokeIndex: number[]
  }
  readonly functions: string[]
  readonly keys: string[]
  readonly nodes: string[]
  /** Workers side by side: a retired worker's successor keeps its lane. */
  readonly lanes: number
  readonly bands: FaultBand[]
  readonly endMs: number
  /** Invocation indexes that the evidence names. */
  readonly highlighted: number[]
}

const toMs = (ns: number) => Math.round(ns / 1e3) / 1e3

const show = (value: unknown) => value === undefined ? '' : JSON.stringify(value)

/** Columns from events. `concurrency`: lanes; worker p stands in lane p mod concurrency. */
export function reportData(history: readonly HistoryEvent[], concurrency: number, highlightedEvents: readonly number[]): ReportData {
  const operations: ReportData['operations'] = {
    process: [], f: [], outcome: [], startMs: [], endMs: [], key: [], node: [], input: [], output: [], error: [], invokeIndex: [],
  }
  const functions = interner()
  const keys = interner()
  const nodes = interner()
  const open = new Map<number, number>()
  const invocationOf = new Map<number, number>()
  const nemesis: NemesisEvent[] = []
  let endMs = 0
  for (const event of history) {
    endMs = Math.max(endMs, toMs(event.time))
    if (event.process === 'nemesis') {
      nemesis.push(event)
      continue
    }
    if (event.type === 'invoke') {
      const row = openRow(operations, event, functions, keys, nodes)
      open.set(event.process, row)
      invocationOf.set(event.index, event.index)
      continue
    }
    const row = open.get(event.process)
    if (row === undefined) continue
    open.delete(event.process)
    invocationOf.set(event.index, operations.invokeIndex[row]!)
    operations.outcome[row] = event.type === 'ok' ? 0 : event.type === 'fail' ? 1 : 2
    operations.endMs[row] = toMs(event.time)
    operations.output[row] = event.type === 'ok' ? show(event.value) : ''
    operations.error[row] = event.error ?? ''
  }
  const highlighted = new Set<number>()
  for (const index of highlightedEvents) {
    const invocation = invocationOf.get(index)
    if (invocation !== undefined) highlighted.add(invocation)
  }
  return {
    operations,
    functions: functions.all,
    keys: keys.all,
    nodes: nodes.all,
    lanes: Math.max(1, concurrency),
    bands: faultBands(nemesis, endMs),
    endMs,
    highlighted: [...highlighted],
  }
}

function openRow(operations: ReportData['operations'], event: OperationEvent, functions: Interner, keys: Interner, nodes: Interner): number {
  operations.process.push(event.process)
  operations.f.push(functions.index(event.f))
  operations.outcome.push(3)
  operations.startMs.push(toMs(event.time))
  operations.endMs.push(null)
  operations.key.push(event.key === undefined ? -1 : keys.index(event.key))
  operations.node.push(event.node === undefined ? -1 : nodes.index(event.node))
  operations.input.push(show(event.value))
  operations.output.push('')
  operations.error.push('')
  operations.invokeIndex.push(event.index)
  return operations.process.length - 1
}

interface Interner { readonly all: string[], index(text: string): number }

function interner(): Interner {
  const all: string[] = []
  const indexes = new Map<string, number>()
  return {
    all,
    index(text) {
      let index = indexes.get(text)
      if (index === undefined) {
        index = all.length
        all.push(text)
        indexes.set(text, index)
      }
      return index
    },
  }
}
