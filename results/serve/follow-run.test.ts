import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { HistoryEvent } from '../../harness/history/event.ts'
import { LineTail, RunFollower } from './follow-run.ts'
import { LiveRun } from './live-state.ts'
import { makeStore } from './testing-store.ts'

const event = (s: number, process: number, type: HistoryEvent['type'], f = 'write') => ({ index: 0, time: s * 1e9, process, type, f, value: 1 }) as HistoryEvent

t.test('whole lines of a file that grows, each once, also where a letter is cut in two', async (t) => {
  using store = makeStore()
  const file = join(store.path, 'history.jsonl')
  const tail = new LineTail(file)
  t.same([...tail.read()], [], 'it is not there yet')
  const bytes = Buffer.from('één\ntwee')
  appendFileSync(file, bytes.subarray(0, 1))
  t.same([...tail.read()], [])
  appendFileSync(file, bytes.subarray(1))
  t.same([...tail.read()], ['één'])
  t.same([...tail.read()], [])
  appendFileSync(file, '!\n\n')
  t.same([...tail.read()], ['twee!', ''])
  const long = 'x'.repeat(3_000_000)
  appendFileSync(file, `${long}\n`)
  t.same([...tail.read()], [long], 'longer than what is read at a time')
})

t.test('rates and latencies of the last seconds, time left, what is open', async (t) => {
  const live = new LiveRun(10)
  t.equal(live.state(0).phase, 'starting')
  // From the first operation on: 10 a second for 4 s, each of 20 ms, every tenth fails.
  for (let i = 0; i < 40; i++) {
    live.event(event(5 + i * 0.1, 0, 'invoke'), 1000)
    live.event(event(5 + i * 0.1 + 0.02, 0, i % 10 === 9 ? 'fail' : 'ok'), 1000)
  }
  live.event(event(9, 1, 'invoke'), 1000)
  const state = live.state(1500)
  t.equal(state.phase, 'running')
  t.ok(Math.abs(state.elapsedS - 4.5) < 1e-9, 'time goes on where nothing is written')
  t.ok(Math.abs(state.leftS - 5.5) < 1e-9)
  t.same(state.counts, { ok: 36, fail: 4, info: 0 })
  t.equal(state.open, 1)
  t.ok(state.perSecond >= 9 && state.perSecond <= 11, String(state.perSecond))
  t.ok(Math.abs(state.latencyMs!.p50 - 20) < 0.01)
  t.same(state.series.ok.reduce((a, b) => a + b), 36)
  t.equal(live.state(9000).phase, 'ending')
})

t.test('a long run shows its last minutes', async (t) => {
  const live = new LiveRun(4000)
  for (let s = 0; s < 1000; s++) {
    live.event(event(s, 0, 'invoke'), 0)
    live.event(event(s + 0.5, 0, 'ok'), 0)
  }
  const { series, counts } = live.state(0)
  t.same([series.fromS, series.ok.length, counts.ok], [700, 300, 1000])
  live.event(event(1000, 1, 'invoke'), 0)
  t.equal(live.state(0).leftS, 3000)
})

t.test('faults come and go; one whose end failed is still on', async (t) => {
  const live = new LiveRun(10)
  const fault = (fault: number, step: 'start' | 'stop' | 'skip', error: string | null = null) =>
    live.fault({ fault, name: 'kill', step, value: { target: 'one', members: [`n${fault}`] }, askedNs: 0, doneNs: 0, sinceMainS: 0, observed: null, error })
  fault(1, 'start')
  fault(2, 'start', 'the engine did not answer')
  t.same(live.state(0).faultsOn, ['kill one n1', 'kill one n2 (its start failed)'])
  fault(1, 'stop', 'not yet')
  fault(2, 'stop')
  t.same(live.state(0).faultsOn, ['kill one n1'])
  fault(1, 'stop')
  t.same(live.state(0).faultsOn, [])
})

t.test('the files of a run, until there is a verdict', async (t) => {
  using store = makeStore()
  store.run('register/now', null)
  const directory = join(store.path, 'register/now')
  const follower = new RunFollower(directory, 10)
  t.match(follower.look(0), { phase: 'starting', ended: null, leader: null })
  store.write('register/now/history.jsonl', `${JSON.stringify(event(1, 0, 'invoke'))}\n${JSON.stringify(event(2, 0, 'ok'))}\n{"torn`)
  store.write('register/now/leaders.jsonl', '{"timeNs":1,"leader":"n2"}\n')
  store.write('register/now/faults.jsonl', '{"fault":0,"name":"pause","step":"start","value":{"members":["n1"]},"error":null}\n')
  t.match(follower.look(0), { phase: 'running', leader: 'n2', faultsOn: ['pause n1'], counts: { ok: 1 }, ended: null })
  store.run('register/now', 'invalid')
  t.match(follower.look(0), { ended: 'judged', verdict: 'invalid', counts: { ok: 1 } })
})
