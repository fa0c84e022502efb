import t from 'tap'
import type { RaftCore } from '../raft/core.ts'
import { silentLog } from '../base/log.ts'
import type { Message } from '../raft/message.ts'
import type { StateMachine } from '../state/state-machine.ts'
import { RaftDriver } from './raft-driver.ts'

const heard: Message = { kind: 'heartbeat-response', from: 'b', to: 'a', term: 1, round: 1 }

/** A driver whose core is told what to say; time stands at 100 ms and what is due at once runs when asked. */
function makeDriver() {
  const said = { ready: false, dueMs: 200, steps: 0, ticks: 0, taken: 0 }
  const core = {
    newestSnapshot: null,
    step: () => { said.steps++ },
    tick: () => { said.ticks++ },
    nextDeadlineMs: () => said.dueMs,
    hasReady: () => said.ready,
    takeReady: () => {
      said.ready = false
      said.taken++
      return { messages: [], persist: null, committed: [], reads: [], transitions: [], leaderCommits: [], snapshotChunks: [] }
    },
  }
  let turns: (() => void)[] = []
  const timersMs: number[] = []
  const driver = new RaftDriver({
    name: 'a', id: 'a', core: core as unknown as RaftCore, wal: { append: () => {} }, stateMachine: {} as StateMachine, log: silentLog, trace: null,
    scheduler: {
      nowMs: () => 100, wallMs: () => 0,
      after: (delayMs, task) => {
        if (delayMs === 0) turns.push(task)
        else timersMs.push(100 + delayMs)
        return () => {}
      },
    },
    send: () => {}, onFatal: (error) => { throw error }, onTransition: () => {}, onApplied: () => {}, snapshotter: null,
  })
  const runTurns = () => {
    const count = turns.length
    for (const turn of turns.splice(0)) turn()
    return count
  }
  driver.schedulePump()
  runTurns()
  return { driver, said, timersMs, runTurns }
}

t.test('a message after which there is nothing to do takes no turn', async (t) => {
  const { driver, said, timersMs, runTurns } = makeDriver()
  t.same(timersMs, [200], 'the timer stands at what is due next')
  driver.step(heard)
  said.dueMs = 300
  driver.step(heard)
  t.equal(said.steps, 2)
  t.equal(runTurns(), 0, 'what is due later waits for the timer')
})

t.test('what a message brings is done at the end of its turn, once', async (t) => {
  const { driver, said, runTurns } = makeDriver()
  said.ready = true
  driver.step(heard)
  driver.step(heard)
  t.equal(runTurns(), 1)
  t.equal(said.taken, 1)
})

t.test('an earlier deadline moves the timer, one that is past is kept in this turn', async (t) => {
  const { driver, said, timersMs, runTurns } = makeDriver()
  said.dueMs = 150
  driver.step(heard)
  t.equal(runTurns(), 1)
  t.same(timersMs, [200, 150])
  t.equal(said.ticks, 0)
  said.dueMs = 100
  driver.step(heard)
  t.equal(runTurns(), 1)
  t.equal(said.ticks, 1)
})
