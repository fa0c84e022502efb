import t from 'tap'
import { freshStatus } from '../runner/run-context.ts'
import { Stop } from '../runner/stop.ts'
import { progressLine } from './progress.ts'
import { listenForSignals } from './signals.ts'

t.test('the line tells time, rate, counts, who leads and which faults are on', async (t) => {
  const status = freshStatus()
  const line = progressLine(status, { timeLimitS: 30 })
  status.phase = 'starting the cluster'
  t.equal(line(), 'starting the cluster …')
  status.phase = 'running'
  status.mainStartedNs = 1e9
  status.nowNs = () => 3e9
  status.counts = { ok: 380, fail: 15, info: 5 }
  status.leader = 'n2'
  status.faultsOn = ['partition halves n1', 'kill one n3']
  t.equal(line(), '2.0 of 30 s  200 ops/s  ok 380  fail 15  info 5  leader n2  faults: partition halves n1, kill one n3')
  status.phase = 'recovering (n1: 500 No cluster leader)'
  status.leader = null
  status.faultsOn = []
  t.match(line(), /^recovering \(n1: .*leader none {2}no fault$/)
})

t.test('Ctrl-C: once stops the run, twice only reassures, a third time leaves; an echo counts as the same', async (t) => {
  const listeners = new Map<string, () => void>()
  const exits: number[] = []
  let nowMs = 0
  const interrupt = new Stop()
  const said: string[] = []
  const signals = listenForSignals(interrupt, (line) => said.push(line), {
    on: (signal, listener) => listeners.set(signal, listener),
    off: (signal) => listeners.delete(signal),
    exit: (code) => exits.push(code),
  }, () => nowMs)
  const press = (signal: string, atMs: number) => { nowMs = atMs; listeners.get(signal)!() }
  press('SIGINT', 0)
  press('SIGINT', 20)
  t.equal(interrupt.reason, 'SIGINT')
  t.equal(said.length, 1)
  press('SIGTERM', 1000)
  t.equal(said.length, 2)
  t.same(exits, [])
  press('SIGINT', 2000)
  t.same(exits, [255])
  signals[Symbol.dispose]()
  t.equal(listeners.size, 0)
})
