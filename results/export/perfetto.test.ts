import fc from 'fast-check'
import t from 'tap'
import { z } from 'zod'
import type { HistoryEvent } from '../../harness/history/event.ts'
import type { RunPlan } from '../../harness/plan/plan.ts'
import type { FaultRecord } from '../../harness/runner/fault-record.ts'
import { toPerfetto, type TracedRun } from './perfetto.ts'

/** What the Trace Event Format asks of the events that we write: names, numbers, µs. */
const base = { pid: z.int().min(1), tid: z.int().min(0) }
const eventSchema = z.union([
  z.strictObject({ ...base, ph: z.literal('X'), name: z.string().min(1), cat: z.string().min(1), ts: z.number().min(0), dur: z.number().min(0), args: z.record(z.string(), z.unknown()).optional() }),
  z.strictObject({ ...base, ph: z.literal('C'), name: z.string().min(1), ts: z.number().min(0), args: z.record(z.string(), z.number()) }),
  z.strictObject({ ...base, ph: z.literal('M'), name: z.enum(['process_name', 'thread_name']), args: z.object({ name: z.string().min(1) }) }),
  z.strictObject({ ...base, ph: z.literal('M'), name: z.enum(['process_sort_index', 'thread_sort_index']), args: z.object({ sort_index: z.int() }) }),
])
const traceSchema = z.strictObject({ displayTimeUnit: z.enum(['ms', 'ns']), otherData: z.record(z.string(), z.unknown()), traceEvents: z.array(z.unknown()) })
type TraceEvent = z.infer<typeof eventSchema>
type Slice = Extract<TraceEvent, { ph: 'X' }>

const plan = { workload: 'register', env: 'local', seed: 1, concurrency: 2, members: 3 } as unknown as RunPlan
const calm: TracedRun = { name: 'a run', plan, faults: [], leaders: null, traces: [], zeroWallMs: null }

function traceOf(events: readonly HistoryEvent[], run: Partial<TracedRun> = {}) {
  const { traceEvents } = traceSchema.parse(JSON.parse([...toPerfetto(events, { ...calm, ...run })].join('')))
  const all = traceEvents.map((event) => eventSchema.parse(event))
  const slices = all.filter((event): event is Slice => event.ph === 'X')
  const nameOf = (wanted: string, match: (event: TraceEvent) => boolean) => {
    const named = all.find((event) => event.ph === 'M' && event.name === wanted && match(event))
    return named === undefined ? null : (named.args as { name: string }).name
  }
  /** `workers/worker 0 at n1`. */
  const trackOf = ({ pid, tid }: Slice) => `${nameOf('process_name', (event) => event.pid === pid)}/${nameOf('thread_name', (event) => event.pid === pid && event.tid === tid)}`
  const of = (track: string) => slices.filter((slice) => trackOf(slice) === track).map(({ name, ts, dur }) => [name, ts, dur])
  return { all, slices, trackOf, of }
}

/** On one track a slice lies within another, or beside it. In ns, for µs with fractions are no exact numbers. */
function improperlyNested(slices: readonly Slice[]): string[] {
  return [...Map.groupBy(slices, ({ pid, tid }) => `${pid}/${tid}`).values()].flatMap((its) => {
    const open: number[] = []
    return its.map(({ name, ts, dur }) => ({ name, from: Math.round(ts * 1000), to: Math.round(ts * 1000) + Math.round(dur * 1000) }))
      .sort((a, b) => a.from - b.from || b.to - a.to)
      .flatMap(({ name, from, to }) => {
        while (open.length > 0 && open.at(-1)! <= from) open.pop()
        const bad = open.length > 0 && open.at(-1)! < to
        open.push(to)
        return bad ? [`${name} from ${from} to ${to}`] : []
      })
  })
}

const invoke = (index: number, time: number, process: number, node = 'n1'): HistoryEvent => ({ index, time, type: 'invoke', process, f: 'write', key: 'k', value: index, node })
const end = (index: number, time: number, process: number, type: 'ok' | 'fail' | 'info', error?: string): HistoryEvent => ({ index, time, type, process, f: 'write', key: 'k', value: index, ...error === undefined ? {} : { error } })

t.test('workers: an operation is a slice, a successor stays on the track, what never ended lasts to the end', async (t) => {
  const { of, slices, all } = traceOf([
    invoke(0, 1000, 0), invoke(1, 1500, 1, 'n2'), end(2, 2000, 0, 'ok'), end(3, 2_500_000_000, 1, 'info', 'timed out'), invoke(4, 2_600_000_000, 3, 'n2'), invoke(5, 2_700_000_000, 0), end(6, 2_800_000_000, 0, 'fail', 'no'),
  ])
  t.same(of('workers/worker 0 at n1'), [['write k', 1, 1], ['write k', 2_700_000, 100_000]])
  t.same(of('workers/worker 1 at n2'), [['write k', 1.5, 2_499_998.5], ['write k', 2_600_000, 200_000]], '3 follows 1, which was retired: 2 workers')
  t.match(slices[0]!.args, { outcome: 'ok', asked: 0, answered: 2, node: 'n1' })
  t.match(slices.find(({ cat }) => cat === 'operation,info')!.args, { error: 'timed out' })
  const counted = all.filter((event) => event.ph === 'C').map((event) => [event.name, event.ts, (event.args as { value: number }).value])
  t.same(counted.filter(([name]) => name === 'ok operations/s').map(([, ts, value]) => [ts, value]), [[0, 1], [1e6, 0], [2e6, 0], [3e6, 0]])
  t.same(counted.filter(([name, , value]) => value !== 0 && name !== 'ok operations/s'), [['fail operations/s', 2e6, 1], ['info operations/s', 2e6, 1]])
})

t.test('faults: until they are mended, or to the end; two of one family at once are on two tracks', async (t) => {
  const record = (fault: number, step: 'start' | 'stop', askedNs: number, doneNs: number): FaultRecord => ({ fault, name: 'pause', step, value: { members: [`n${fault}`] }, askedNs, doneNs, sinceMainS: 0, observed: null, error: null })
  const { of } = traceOf([invoke(0, 0, 0), end(1, 9000, 0, 'ok')], { faults: [record(0, 'start', 1000, 2000), record(1, 'start', 3000, 4000), record(0, 'stop', 5000, 6000), record(2, 'start', 7000, 8000)] })
  t.same(of('faults/pause'), [['pause of n0', 1, 5], ['on', 2, 3], ['pause of n2', 7, 2], ['on', 8, 1]])
  t.same(of('faults/pause (2)'), [['pause of n1', 3, 6], ['on', 4, 5]])
})

t.test('who led, and what members were: a member that died ends where it last spoke', async (t) => {
  const line = (event: object) => JSON.stringify(event)
  const lines = [
    line({ event: 'start', timeMs: 100, term: 1 }), line({ event: 'transition', timeMs: 101, term: 1, role: 'follower', leader: null }), line({ event: 'transition', timeMs: 102, term: 1, role: 'follower', leader: 'x' }),
    line({ event: 'transition', timeMs: 103, term: 2, role: 'leader', leader: 'y' }), line({ event: 'apply', timeMs: 107 }),
    line({ event: 'start', timeMs: 120, term: 2 }), line({ event: 'transition', timeMs: 121, term: 2, role: 'follower', leader: null }), '{"event":"transi',
  ]
  const { of } = traceOf([invoke(0, 0, 0), end(1, 30e6, 0, 'ok')], {
    zeroWallMs: 100, traces: [{ member: 'n1', lines }], leaders: [{ timeNs: 5e6, leader: 'n1' }, { timeNs: 9e6, leader: null }, { timeNs: 25e6, leader: 'n2' }],
  })
  t.same(of('members/n1'), [['follower, term 1', 1000, 2000], ['leader, term 2', 3000, 4000], ['follower, term 2', 21000, 9000]])
  t.same(of('cluster/leader, asked once a second'), [['n1', 5000, 4000], ['n2', 25000, 5000]])
  t.same(traceOf([invoke(0, 0, 0)], { traces: [{ member: 'n1', lines }] }).of('members/n1'), [], 'nobody knows how its clock lies to ours')
})

t.test('whatever the history: the format is kept, and slices of a track are nested properly', async (t) => {
  const events = fc.array(fc.record({ process: fc.nat(5), type: fc.constantFrom('invoke', 'ok', 'fail', 'info'), later: fc.nat(3_000_000) }), { maxLength: 40 }).map((steps) => {
    let time = 0
    return steps.map(({ process, type, later }, index): HistoryEvent => ({ index, time: time += later, type: type as 'ok', process, f: 'read', value: null }))
  })
  const faults = fc.array(fc.record({ fault: fc.nat(4), step: fc.constantFrom('start', 'stop', 'skip'), askedNs: fc.nat(9e6), tookNs: fc.nat(1e6), error: fc.constantFrom(null, null, 'no') }), { maxLength: 12 })
    .map((records) => records.map(({ tookNs, ...record }) => ({ ...record, name: `f${record.fault % 2}`, value: null, doneNs: record.askedNs + tookNs, sinceMainS: null, observed: null }) as FaultRecord))
  const trace = fc.array(fc.record({ event: fc.constantFrom('start', 'transition', 'apply'), timeMs: fc.nat(20), term: fc.nat(3), role: fc.constantFrom('follower', 'leader'), leader: fc.constant(null) }), { maxLength: 15 })
  fc.assert(fc.property(events, faults, trace, (events, faults, lines) => {
    const { slices } = traceOf(events, { faults, zeroWallMs: 5, traces: [{ member: 'n1', lines: lines.map((line) => JSON.stringify(line)) }], leaders: [{ timeNs: 1e6, leader: 'n1' }] })
    const bad = improperlyNested(slices)
    if (bad.length > 0) throw new Error(bad.join('; '))
  }), { numRuns: 300 })
  t.ok(improperlyNested([{ ph: 'X', name: 'a', cat: 'c', pid: 1, tid: 1, ts: 0, dur: 5 }, { ph: 'X', name: 'b', cat: 'c', pid: 1, tid: 1, ts: 3, dur: 5 }]).length > 0, 'the test can fail')
})
