/**
 * A trace that https://ui.perfetto.dev opens, in the JSON of the Trace Event
 * Format (Perfetto, "Visualizing external trace formats"). Tracks:
 *
 * - cluster: who led, as asked once a second; operations a second that ended ok, fail and info
 * - members: each one's role and term, from its Raft trace
 * - workers: each operation, with what was asked and answered
 * - faults: each from when it may have been felt until it was proven mended, and within that when it was surely on
 *
 * `ts` and `dur` are µs since the start of the run. Slices of one track do not
 * overlap unless one lies within the other, as the format demands: what would,
 * gets a track of its own, `partition (2)`.
 */
import { describeSpan, faultSpans } from '../../harness/checkers/fault-times.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'
import type { RunPlan } from '../../harness/plan/plan.ts'
import type { FaultRecord } from '../../harness/runner/fault-record.ts'
import type { LeaderChange } from '../../harness/runner/main-phase.ts'
import { memberRoles, type MemberTraceText } from './member-roles.ts'
import { operationRows, type OperationRow } from './operation-rows.ts'
import { WorkerTracks } from './worker-tracks.ts'

export interface TracedRun {
  /** For the trace's own metadata. */
  readonly name: string
  readonly plan: RunPlan
  readonly faults: readonly FaultRecord[]
  readonly leaders: readonly LeaderChange[] | null
  /** Members' Raft traces; empty where there are none. */
  readonly traces: readonly MemberTraceText[]
  /** The wall clock at the history's time 0, by which members write; null where the run does not say it, and then there are no tracks of members. */
  readonly zeroWallMs: number | null
}

/** A group of tracks is a process of the format. */
const groups = { cluster: 1, members: 2, workers: 3, faults: 4 } as const
type Group = keyof typeof groups

interface Slice {
  readonly name: string
  readonly category: string
  readonly startNs: number
  readonly endNs: number
  readonly args?: Readonly<Record<string, unknown>>
}

export function* toPerfetto(events: Iterable<HistoryEvent>, run: TracedRun): Generator<string> {
  const tracks = new Tracks()
  yield `{"displayTimeUnit":"ms","otherData":${JSON.stringify({ run: run.name, workload: run.plan.workload, env: run.plan.env, seed: run.plan.seed })},"traceEvents":[\n`
  yield Object.entries(groups).flatMap(([name, pid]) => [
    { ph: 'M', name: 'process_name', pid, tid: 0, args: { name } },
    { ph: 'M', name: 'process_sort_index', pid, tid: 0, args: { sort_index: pid } },
  ]).map((event) => JSON.stringify(event)).join(',\n')
  const workers = new WorkerTracks(run.plan)
  const rates = new Rates()
  let endNs = 0
  const seen = function* () {
    for (const event of events) {
      endNs = Math.max(endNs, event.time)
      yield event
    }
  }
  for (const row of operationRows(seen())) {
    const end = row.end_ns ?? endNs
    if (row.outcome !== 'open') rates.count(row.outcome, end)
    yield* tracks.place('workers', workers.trackOf(row), { name: row.key === null ? row.f : `${row.f} ${row.key}`, category: `operation,${row.outcome}`, startNs: row.start_ns, endNs: end, args: argsOf(row) })
  }
  for (const span of faultSpans(run.faults)) {
    const overNs = Math.max(span.mayBeginNs, Number.isFinite(span.overNs) ? span.overNs : endNs)
    const on = { from: span.onNs, to: Math.min(span.untilNs, overNs) }
    const nested = on.from <= on.to ? [{ name: 'on', category: 'fault', startNs: on.from, endNs: on.to, args: { seen: span.observed } }] : []
    yield* tracks.place('faults', span.name, { name: describeSpan(span), category: 'fault', startNs: span.mayBeginNs, endNs: overNs, args: { value: span.value, mended: Number.isFinite(span.overNs) } }, nested)
  }
  const { leaders } = run
  for (const [at, { timeNs, leader }] of (leaders ?? []).entries()) {
    if (leader !== null) yield* tracks.place('cluster', 'leader, asked once a second', { name: leader, category: 'leader', startNs: timeNs, endNs: Math.max(timeNs, leaders![at + 1]?.timeNs ?? endNs) })
  }
  for (const { member, role, term, startNs, endNs: until, leader } of run.zeroWallMs === null ? [] : memberRoles(run.traces, run.zeroWallMs, endNs)) {
    yield* tracks.place('members', member, { name: `${role}, term ${term}`, category: `role,${role}`, startNs, endNs: until, args: { role, term, leader } })
  }
  yield* rates.counters()
  yield '\n]}\n'
}

function argsOf({ outcome, process, index, input, output, version, consistency, error, node }: OperationRow): Record<string, unknown> {
  return {
    outcome, process, node, index, asked: input,
    ...outcome === 'ok' ? { answered: output } : {},
    ...version === null ? {} : { version }, ...consistency === null ? {} : { consistency }, ...error === null ? {} : { error },
  }
}

const line = (event: object) => `,\n${JSON.stringify(event)}`
const us = (ns: number) => ns / 1000

/** Slices come in the order of their ends. */
class Tracks {
  readonly #lanes = new Map<string, { readonly tid: number, endNs: number }[]>()
  #count = 0

  /** The slice, and those within it, on the first lane of the track that is free. */
  place(group: Group, track: string, slice: Slice, within: readonly Slice[] = []): string[] {
    const lines: string[] = []
    const pid = groups[group]
    const lanes = this.#lanes.get(`${pid} ${track}`) ?? []
    let lane = lanes.find(({ endNs }) => endNs <= slice.startNs)
    if (lane === undefined) {
      lane = { tid: ++this.#count, endNs: 0 }
      lanes.push(lane)
      this.#lanes.set(`${pid} ${track}`, lanes)
      const { tid } = lane
      lines.push(line({ ph: 'M', name: 'thread_name', pid, tid, args: { name: lanes.length === 1 ? track : `${track} (${lanes.length})` } }))
      lines.push(line({ ph: 'M', name: 'thread_sort_index', pid, tid, args: { sort_index: tid } }))
    }
    lane.endNs = slice.endNs
    for (const { name, category, startNs, endNs, args } of [slice, ...within]) {
      lines.push(line({ ph: 'X', name, cat: category, pid, tid: lane.tid, ts: us(startNs), dur: us(endNs - startNs), ...args === undefined ? {} : { args } }))
    }
    return lines
  }
}

/** Operations that ended in each second. */
class Rates {
  readonly #seconds = new Map<number, { ok: number, fail: number, info: number }>()

  count(outcome: 'ok' | 'fail' | 'info', endNs: number): void {
    const second = Math.floor(endNs / 1e9)
    const counts = this.#seconds.get(second) ?? { ok: 0, fail: 0, info: 0 }
    counts[outcome]++
    this.#seconds.set(second, counts)
  }

  *counters(): Generator<string> {
    if (this.#seconds.size === 0) return
    const none = { ok: 0, fail: 0, info: 0 }
    const last = Math.max(...this.#seconds.keys())
    for (let second = 0; second <= last + 1; second++) {
      const counts = this.#seconds.get(second) ?? none
      for (const [outcome, value] of Object.entries(counts)) yield line({ ph: 'C', name: `${outcome} operations/s`, pid: groups.cluster, tid: 0, ts: second * 1e6, args: { value } })
    }
  }
}
