import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { HistoryEvent, OperationEvent } from '../history/event.ts'
import type { FaultRecord } from '../runner/fault-record.ts'
import { availability, type FaultWindow, type Tally } from './availability.ts'

/** One operation at so many seconds, by a worker of its own. */
function operation(process: number, beginS: number, tookS: number, type: OperationEvent['type'], f = 'write', error?: string): HistoryEvent[] {
  const at = { process, f, key: 'k', value: 1 } as const
  return [{ ...at, index: 0, time: beginS * 1e9, type: 'invoke' }, { ...at, index: 0, time: (beginS + tookS) * 1e9, type, ...error === undefined ? {} : { error } }]
}

const history = (...operations: readonly HistoryEvent[][]): HistoryEvent[] =>
  operations.flat().sort((a, b) => a.time - b.time).map((event, index) => ({ ...event, index }))

const fault = (id: number, step: FaultRecord['step'], atS: number, error: string | null = null): FaultRecord =>
  ({ fault: id, name: 'kill', step, value: { member: 'n1' }, askedNs: atS * 1e9, doneNs: (atS + 0.1) * 1e9, sinceMainS: atS - 10, observed: null, error })

// The first operation begins at 10 s; the main phase lasts 20 s.
const run = history(
  operation(0, 10, 0.1, 'ok'),
  operation(1, 11, 0.1, 'fail', 'cas', 'the value is 3, not 4'),
  operation(2, 12, 0.1, 'fail', 'write', '500 No cluster leader'),
  operation(3, 12.5, 3, 'info', 'write', 'lost: timed out'),
  operation(4, 13, 0.1, 'fail', 'cas', 'read before the swap: not-sent: ECONNREFUSED'),
  operation(5, 16, 0.5, 'ok', 'read'),
  operation(6, 20, 0.1, 'ok', 'read'),
  operation(7, 31, 0.1, 'ok', 'read'),
)
const faults = [fault(0, 'start', 11.5), fault(0, 'stop', 14), fault(1, 'start', 17, 'it was not to be done'), fault(2, 'skip', 18), fault(3, 'start', 19)]
const leaders = [{ timeNs: 9e9, leader: 'n1' }, { timeNs: 12e9, leader: null }, { timeNs: 14e9, leader: 'n2' }, { timeNs: 28e9, leader: null }]

t.test('operations by outcome, in all, by operation, within faults and without', async (t) => {
  const { details, informational, verdict } = availability({ history: run, faults, leaders, timeLimitS: 20 })
  t.equal(informational, true)
  t.equal(verdict, 'valid')
  t.same(details['total'], { ok: 3, fail: 3, info: 1, answered: 4 }, 'what is read after the main phase is not counted; a condition that does not hold is an answer')
  t.same(details['byOperation'], { cas: { ok: 0, fail: 2, info: 0, answered: 1 }, read: { ok: 2, fail: 0, info: 0, answered: 2 }, write: { ok: 1, fail: 1, info: 1, answered: 1 } })
  t.same(details['duringFaults'], { ok: 1, fail: 2, info: 1, answered: 1 })
  t.same(details['withoutFaults'], { ok: 2, fail: 1, info: 0, answered: 3 })
})

t.test('each fault: its operations, and how long until the first success after its start and its end', async (t) => {
  const windows = availability({ history: run, faults, leaders, timeLimitS: 20 }).details['windows'] as FaultWindow[]
  t.same(windows.map(({ fault: id }) => id), [0, 3], 'only those that took effect')
  t.match(windows[0], { name: 'kill', fromMs: 1500, toMs: 4100, operations: { ok: 0, fail: 2, info: 1, answered: 0 }, firstSuccessAfterStartMs: 5000 })
  t.equal(Math.round(windows[0]!.firstSuccessAfterEndMs!), 2400)
  t.match(windows[1], { fromMs: 9000, toMs: null, operations: { ok: 1 }, firstSuccessAfterEndMs: null })
})

t.test('time without a success, and without a leader, within the main phase', async (t) => {
  const { details, notes } = availability({ history: run, faults, leaders, timeLimitS: 20 })
  // From 20.1 s to the end of the main phase at 30 s.
  t.equal(Math.round(details['longestWithoutSuccessMs'] as number), 9900)
  t.equal(Math.round(details['longestWithoutSuccessFromMs'] as number), 10100)
  t.match(details, { withoutLeaderMs: 4000, longestWithoutLeaderMs: 2000, leaderChanges: 1 })
  t.equal(notes!.length, 2)
  t.match(notes![0], /longest time without a success 9\.90 s; without a leader 4\.00 s in all, asked once a second, 1 change of leader/)
})

t.test('what is not known is not said to be fine', async (t) => {
  t.match(availability({ history: [], faults: [], leaders: [], timeLimitS: 20 }), { verdict: 'unknown', informational: true })
  const { details, notes } = availability({ history: run, faults: [], leaders: null, timeLimitS: 20 })
  t.equal(details['withoutLeaderMs'], null)
  t.match(notes!.join(), /who led is not recorded/)
  const dead = availability({ history: history(operation(0, 1, 0.1, 'fail', 'write', '500 No cluster leader')), faults: [fault(0, 'start', 1)], leaders: [], timeLimitS: 5 })
  t.match(dead, { summary: /0\.0 % of 1 operations/ })
  t.equal((dead.details['windows'] as FaultWindow[])[0]!.firstSuccessAfterStartMs, null)
})

t.test('windows that overlap, of any lengths: the same as by asking each operation of each window', async () => {
  const types = ['ok', 'fail', 'info'] as const
  const anOperation = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 20 }), fc.constantFrom(...types))
  const aFault = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.option(fc.integer({ min: 1, max: 30 })))
  fc.assert(fc.property(fc.array(anOperation, { minLength: 1, maxLength: 30 }), fc.array(aFault, { maxLength: 5 }), (operations, drawn) => {
    const timed = operations.map(([begin, took, type], process) => ({ beginNs: begin * 1e9, endNs: (begin + took) * 1e9, type, process }))
    const records = drawn.flatMap(([from, length], id) => [fault(id, 'start', from), ...length === null ? [] : [fault(id, 'stop', from + length)]])
    const { details } = availability({ history: history(...timed.map(({ process, beginNs, endNs, type }) => operation(process, beginNs / 1e9, (endNs - beginNs) / 1e9, type))), faults: records, leaders: null, timeLimitS: 1000 })
    const windows = drawn.map(([from, length]) => ({ fromNs: from * 1e9, toNs: length === null ? Number.POSITIVE_INFINITY : fault(0, 'stop', from + length).doneNs }))
    const count = (which: typeof timed) => which.length
    const during = timed.filter(({ beginNs }) => windows.some(({ fromNs, toNs }) => beginNs >= fromNs && beginNs < toNs))
    const sum = ({ ok, fail, info }: Tally) => ok + fail + info
    assert.equal(sum(details['duringFaults'] as Tally), count(during))
    assert.equal(sum(details['withoutFaults'] as Tally), count(timed) - count(during))
    for (const [at, { fromNs, toNs }] of windows.entries()) {
      const told = (details['windows'] as FaultWindow[])[at]!
      assert.equal(sum(told.operations), count(timed.filter(({ beginNs }) => beginNs >= fromNs && beginNs < toNs)))
      const ends = timed.filter(({ type, beginNs }) => type === 'ok' && beginNs >= fromNs).map(({ endNs }) => endNs)
      assert.equal(told.firstSuccessAfterStartMs, ends.length === 0 ? null : (Math.min(...ends) - fromNs) / 1e6)
    }
  }))
})
