import t from 'tap'
import { encodeCommand, type Command } from '../state/commands.ts'
import { StateMachine } from '../state/state-machine.ts'
import { everythingRegistered } from '../state/testing/catalog-samples.ts'
import type { KvOperation } from '../state/txn.ts'
import { LockDelays } from './lock-delays.ts'
import { LockGate } from './lock-gate.ts'
import type { ProposalOutcome } from './raft-driver.ts'

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const create = (n: number, lockDelayNs = 3e9): Command => ({
  kind: 'session-create', session: { id: uuid(n), name: '', node: 'n1', lockDelayNs, behavior: 'release', ttl: '', nodeChecks: [], serviceChecks: [] },
})
const lock = (key: string, n: number): Command => ({ kind: 'lock', key, session: uuid(n), flags: 0n, value: Buffer.from('') })
const op = (verb: string, key: string, n: number): KvOperation => ({ kind: 'kv', verb, key, session: uuid(n), flags: 0n, value: Buffer.from(''), index: 0 })
const txn = (...operations: KvOperation[]): Command => ({ kind: 'txn', operations })
const destroy = (n: number): Command => ({ kind: 'session-destroy', id: uuid(n) })

/** A leader whose proposals are applied when the test says so. */
class Leader {
  nowMs = 0
  readonly delays = new LockDelays({ nowMs: () => this.nowMs })
  readonly machine = new StateMachine({ renewed() {}, ended() {}, lockDelayed: (key, delayMs) => this.delays.delay(key, delayMs) }, everythingRegistered)
  readonly log: { command: Uint8Array, done: (outcome: ProposalOutcome) => void }[] = []
  readonly gate: LockGate

  constructor() {
    const leader = this
    this.gate = new LockGate({
      sessions: this.machine.sessions,
      delays: this.delays, kv: this.machine.kv,
      driver: { propose: (command, done) => { this.log.push({ command, done }) }, get appliedIndex() { return leader.machine.appliedIndex } },
    })
  }

  /** The outcome comes when it is applied, or at once. */
  propose(command: Command): { outcome: unknown } {
    const proposal = { outcome: null as unknown }
    this.gate.propose(encodeCommand(command), (outcome) => {
      proposal.outcome = outcome.kind !== 'applied' ? outcome.kind
        : outcome.result.kind === 'kv' ? outcome.result.succeeded
          : outcome.result.kind === 'txn' ? outcome.result.outcome.errors.map(({ what }) => what) : outcome.result.problem
    })
    return proposal
  }

  applyAll(): void {
    for (const { command, done } of this.log.splice(0)) {
      const index = this.machine.appliedIndex + 1
      done({ kind: 'applied', index, result: this.machine.apply(index, command) })
    }
  }

  now(command: Command): unknown {
    const proposal = this.propose(command)
    this.applyAll()
    return proposal.outcome
  }
}

t.test('a lock whose delay is not over is refused and stands in no log', async (t) => {
  const leader = new Leader()
  for (const n of [1, 2]) leader.now(create(n))
  t.equal(leader.now(lock('k', 1)), true)
  leader.now(destroy(1))
  t.equal(leader.propose(lock('k', 2)).outcome, false)
  t.same(leader.propose(txn(op('set', 'x', 2), op('lock', 'k', 2), op('lock', '', 2))).outcome, ['failed to lock key "k" due to lock delay', 'Must provide key'])
  t.equal(leader.log.length, 0)
  t.equal(leader.now(lock('other', 2)), true)
  t.same(leader.now(txn(op('set', 'k', 2), op('unlock', 'other', 2))), [], 'what is no lock passes')
  leader.nowMs = 3000
  t.equal(leader.now(lock('k', 2)), true)
})

t.test('a lock behind the end of the holder in the same log has to come again', async (t) => {
  const leader = new Leader()
  for (const n of [1, 2, 3]) leader.now(create(n))
  leader.now(lock('k', 1))
  const end = leader.propose({ kind: 'session-expire', id: uuid(1), renewedIndex: 1 })
  for (const command of [lock('k', 2), txn(op('lock', 'other', 2), op('lock', 'k', 2)), lock('k', 1)]) t.equal(leader.propose(command).outcome, 'not-leader')
  const other = leader.propose(lock('other', 2))
  leader.applyAll()
  t.same([end.outcome, other.outcome], [true, true])
  t.equal(leader.now(lock('k', 2)), false, 'now the delay is known')
})

t.test('also if the holder has not got its lock yet', async (t) => {
  const leader = new Leader()
  for (const n of [1, 2]) leader.now(create(n))
  const taking = leader.propose(lock('k', 1))
  const ending = leader.propose(destroy(1))
  t.equal(leader.propose(lock('k', 2)).outcome, 'not-leader')
  leader.applyAll()
  t.same([taking.outcome, ending.outcome], [true, true])
  t.equal(leader.now(lock('k', 2)), false)
  leader.nowMs = 3000
  t.equal(leader.now(lock('k', 2)), true)
})

t.test('a proposal that came to nothing holds nobody up', async (t) => {
  const leader = new Leader()
  for (const n of [1, 2]) leader.now(create(n))
  leader.now(lock('k', 1))
  leader.propose(destroy(1))
  leader.propose(destroy(1))
  const [first, second] = leader.log.splice(0)
  first!.done({ kind: 'lost' })
  t.equal(leader.propose(lock('k', 2)).outcome, 'not-leader', 'another is under way')
  second!.done({ kind: 'not-leader' })
  t.equal(leader.now(lock('k', 2)), false, 'held by the first, which lives')
})

t.test('a new leader has to have applied what earlier ones left', async (t) => {
  const leader = new Leader()
  for (const n of [1, 2]) leader.now(create(n))
  leader.gate.lead(4)
  t.equal(leader.propose(lock('k', 2)).outcome, 'not-leader')
  t.equal(leader.propose(txn(op('lock', 'k', 2))).outcome, 'not-leader')
  t.same(leader.now(txn(op('set', 'k', 2))), [], 'others go on')
  leader.now({ kind: 'delete', key: 'k' })
  t.equal(leader.now(lock('k', 2)), true)
})

t.test('delays that are over are forgotten', async (t) => {
  let nowMs = 0
  const delays = new LockDelays({ nowMs: () => nowMs })
  for (let i = 0; i < 100_000; i++) {
    nowMs = i
    delays.delay(`k${i}`, 500)
  }
  t.ok(delays.size < 3000, `${delays.size} are remembered`)
  t.equal(delays.isDelayed('k99999'), true)
  t.equal(delays.isDelayed('k99000'), false)
})
