import type { HistoryEvent, OperationEvent } from '../history/event.ts'
import type { FaultRecord } from '../runner/fault-record.ts'
import { quantilesOf } from './quantiles.ts'
import type { CheckResult } from './verdict.ts'

export interface AvailabilityInput {
  readonly history: readonly HistoryEvent[]
  readonly faults: readonly FaultRecord[]
  /** Who led from when on, by asking once a second; a leader null: nobody that could be found. Null: not recorded. */
  readonly leaders: readonly { readonly timeNs: number, readonly leader: string | null }[] | null
  /** Of the main phase: what is read at the end is not counted. */
  readonly timeLimitS: number
}

/** Operations that were begun in some time, by how they ended. */
export interface Tally {
  ok: number
  /** Certainly not done. */
  fail: number
  /** May have been done; open ones too. */
  info: number
  /** Of `ok` and `fail`: those to which the system gave an answer of substance, be it that a condition did not hold. */
  answered: number
}

export interface FaultWindow {
  readonly fault: number
  readonly name: string
  readonly value: unknown
  /** From the begin of the first operation. `toMs` null: on until the healing at the end. */
  readonly fromMs: number
  readonly toMs: number | null
  readonly operations: Tally
  /** From its start, and from its end, until an operation that was begun since had succeeded. Null: none did. */
  readonly firstSuccessAfterStartMs: number | null
  readonly firstSuccessAfterEndMs: number | null
}

/**
 * How far the system could be used: information, no verdict. A system that
 * answers nothing breaks no promise of safety.
 */
export function availability({ history, faults, leaders, timeLimitS }: AvailabilityInput): CheckResult {
  const operations = pair(history)
  const base = { checker: 'availability', verdict: 'valid', informational: true, evidence: [] } as const
  const startNs = operations[0]?.beginNs
  if (startNs === undefined) return { ...base, verdict: 'unknown', summary: 'There were no operations.', details: {} }
  const endNs = startNs + timeLimitS * 1e9
  const counted = operations.filter(({ beginNs }) => beginNs < endNs)
  const windows = faultWindows(faults, counted, startNs, endNs)
  const isDuring = duringAny(counted, windows, startNs)
  const total = tally(counted)
  const byOperation = Object.fromEntries([...new Set(counted.map(({ f }) => f))].sort().map((f) => [f, tally(counted.filter((one) => one.f === f))]))
  const silence = longestSilence(counted, startNs, endNs)
  const leaderless = leaders === null ? null : withoutLeader(leaders, startNs, endNs)
  const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null)
  const afterStart = quantilesOf(known(windows.map((window) => window.firstSuccessAfterStartMs)))
  const afterEnd = quantilesOf(known(windows.map((window) => window.firstSuccessAfterEndMs)))
  const details = {
    total, byOperation,
    duringFaults: tally(counted.filter((_, at) => isDuring[at])), withoutFaults: tally(counted.filter((_, at) => !isDuring[at])),
    longestWithoutSuccessMs: silence.lengthMs, longestWithoutSuccessFromMs: silence.fromMs,
    withoutLeaderMs: leaderless?.totalMs ?? null, longestWithoutLeaderMs: leaderless?.longestMs ?? null, leaderChanges: leaderless?.changes ?? null,
    firstSuccessAfterStartMs: afterStart, firstSuccessAfterEndMs: afterEnd,
    byFault: byFaultName(windows),
    windows,
  }
  return {
    ...base, details,
    summary: `${percent(total)} of ${sizeOf(total)} operations were answered (${total.ok} ok, ${total.fail} fail, ${total.info} info): ${Object.entries(byOperation).map(([f, one]) => `${f} ${percent(one)}`).join(', ')}`,
    notes: [
      `longest time without a success ${seconds(silence.lengthMs)}; ${leaderless === null ? 'who led is not recorded' : `without a leader ${seconds(leaderless.totalMs)} in all, asked once a second, ${leaderless.changes} change${leaderless.changes === 1 ? '' : 's'} of leader`}`,
      ...windows.length === 0 ? [] : [`during faults ${percent(details.duringFaults)}, else ${percent(details.withoutFaults)}; first success after a fault began ${spread(afterStart)}, after it ended ${spread(afterEnd)}`],
    ],
  }
}

interface Operation {
  readonly f: string
  readonly beginNs: number
  /** Infinity: never. */
  readonly endNs: number
  readonly outcome: 'ok' | 'fail' | 'info'
  readonly answered: boolean
}

/** In order of begin. */
function pair(history: readonly HistoryEvent[]): Operation[] {
  const operations: Operation[] = []
  const open = new Map<number, { readonly event: OperationEvent, readonly at: number }>()
  for (const event of history) {
    if (event.process === 'nemesis') continue
    if (event.type === 'invoke') {
      open.set(event.process, { event, at: operations.length })
      operations.push({ f: event.f, beginNs: event.time, endNs: Number.POSITIVE_INFINITY, outcome: 'info', answered: false })
      continue
    }
    const begun = open.get(event.process)
    if (begun === undefined) continue
    open.delete(event.process)
    operations[begun.at] = {
      f: begun.event.f, beginNs: begun.event.time, endNs: event.time, outcome: event.type,
      answered: event.type === 'ok' || (event.type === 'fail' && !unanswered.test(event.error ?? '')),
    }
  }
  return operations.sort((a, b) => a.beginNs - b.beginNs)
}

/** As client/definiteness.ts describes what is no answer: a status, or that none came; behind what a workload puts in front. */
const unanswered = /(^|: )(not-sent|lost|[1-5]\d\d)\b/

function tally(operations: readonly Operation[]): Tally {
  const counts: Tally = { ok: 0, fail: 0, info: 0, answered: 0 }
  for (const { outcome, answered } of operations) {
    counts[outcome] += 1
    if (answered) counts.answered += 1
  }
  return counts
}

const sizeOf = ({ ok, fail, info }: Tally) => ok + fail + info

function faultWindows(faults: readonly FaultRecord[], operations: readonly Operation[], startNs: number, endNs: number): FaultWindow[] {
  // The first end of a success among those from each place on.
  const firstEndNs = new Float64Array(operations.length + 1).fill(Number.POSITIVE_INFINITY)
  for (let at = operations.length - 1; at >= 0; at--) {
    const { outcome, endNs: ended } = operations[at]!
    firstEndNs[at] = outcome === 'ok' && ended < firstEndNs[at + 1]! ? ended : firstEndNs[at + 1]!
  }
  const begunSince = (ns: number) => firstFrom(operations, ({ beginNs }) => beginNs >= ns)
  const firstSuccess = (sinceNs: number) => {
    const done = firstEndNs[begunSince(sinceNs)]!
    return Number.isFinite(done) ? (done - sinceNs) / 1e6 : null
  }
  return faults.filter(({ step, error }) => step === 'start' && error === null).map(({ fault, name, value, askedNs }): FaultWindow => {
    const stop = faults.find((record) => record.fault === fault && record.step === 'stop' && record.error === null)
    const stopNs = stop === undefined || stop.doneNs >= endNs ? null : stop.doneNs
    return {
      fault, name, value,
      fromMs: (askedNs - startNs) / 1e6, toMs: stopNs === null ? null : (stopNs - startNs) / 1e6,
      operations: tally(operations.slice(begunSince(askedNs), stopNs === null ? operations.length : begunSince(stopNs))),
      firstSuccessAfterStartMs: firstSuccess(askedNs),
      firstSuccessAfterEndMs: stopNs === null ? null : firstSuccess(stopNs),
    }
  })
}

/** Which of them were begun in a window. Not by asking each of all windows: a run of a day has thousands. */
function duringAny(operations: readonly Operation[], windows: readonly FaultWindow[], startNs: number): Uint8Array {
  const isDuring = new Uint8Array(operations.length)
  for (const { fromMs, toMs } of windows) {
    const sinceStart = (ms: number) => firstFrom(operations, ({ beginNs }) => beginNs - startNs >= ms * 1e6)
    isDuring.fill(1, sinceStart(fromMs), toMs === null ? operations.length : sinceStart(toMs))
  }
  return isDuring
}

/** The place of the first operation for which it `holds`, given that it holds for all behind it; their count if for none. */
function firstFrom(operations: readonly Operation[], holds: (operation: Operation) => boolean): number {
  let from = 0
  let to = operations.length
  while (from < to) {
    const middle = (from + to) >> 1
    if (holds(operations[middle]!)) to = middle
    else from = middle + 1
  }
  return from
}

function byFaultName(windows: readonly FaultWindow[]): Record<string, object> {
  return Object.fromEntries([...new Set(windows.map(({ name }) => name))].sort().map((name) => {
    const its = windows.filter((window) => window.name === name)
    const sum: Tally = { ok: 0, fail: 0, info: 0, answered: 0 }
    for (const { operations } of its) for (const outcome of ['ok', 'fail', 'info', 'answered'] as const) sum[outcome] += operations[outcome]
    const quantiles = (values: readonly (number | null)[]) => quantilesOf(values.filter((value) => value !== null))
    return [name, {
      faults: its.length, operations: sum,
      firstSuccessAfterStartMs: quantiles(its.map((window) => window.firstSuccessAfterStartMs)),
      firstSuccessAfterEndMs: quantiles(its.map((window) => window.firstSuccessAfterEndMs)),
    }]
  }))
}

/** Between the ends of two operations that succeeded, or an end of the main phase. */
function longestSilence(operations: readonly Operation[], startNs: number, endNs: number): { readonly lengthMs: number, readonly fromMs: number } {
  const ends = operations.filter(({ outcome, endNs: ended }) => outcome === 'ok' && ended < endNs).map((one) => one.endNs).sort((a, b) => a - b)
  let longest = { lengthMs: 0, fromMs: 0 }
  let lastNs = startNs
  for (const ended of [...ends, endNs]) {
    if ((ended - lastNs) / 1e6 > longest.lengthMs) longest = { lengthMs: (ended - lastNs) / 1e6, fromMs: (lastNs - startNs) / 1e6 }
    lastNs = ended
  }
  return longest
}

function withoutLeader(leaders: NonNullable<AvailabilityInput['leaders']>, startNs: number, endNs: number): { readonly totalMs: number, readonly longestMs: number, readonly changes: number } {
  let totalMs = 0
  let longestMs = 0
  let changes = 0
  let last: string | null = null
  leaders.forEach(({ timeNs, leader }, i) => {
    if (leader !== null) {
      if (last !== null && last !== leader) changes += 1
      last = leader
      return
    }
    const lengthMs = Math.max(0, Math.min(leaders[i + 1]?.timeNs ?? endNs, endNs) - Math.max(timeNs, startNs)) / 1e6
    totalMs += lengthMs
    longestMs = Math.max(longestMs, lengthMs)
  })
  return { totalMs, longestMs, changes }
}

/** Not rounded up to all where one is missing. */
function percent(counts: Tally): string {
  const size = sizeOf(counts)
  return size === 0 ? 'none' : `${(Math.floor(counts.answered / size * 1000) / 10).toFixed(1)} %`
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`
const spread = ({ p50, max }: { readonly p50: number, readonly max: number }) => `${seconds(p50)} (median) to ${seconds(max)}`
