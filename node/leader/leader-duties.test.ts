import t from 'tap'
import { silentLog } from '../base/log.ts'
import type { CatalogReader } from '../state/catalog.ts'
import { adjustableMachine } from '../testing/adjustable-machine.ts'
import { LeaderDuties } from './leader-duties.ts'

/** A leader of nobody else, which counts how often it compares its members. */
function leader() {
  const machine = adjustableMachine()
  const seen = { comparisons: 0 }
  const duties = new LeaderDuties({
    self: { id: 'id', name: 'n1' }, scheduler: machine.scheduler, log: silentLog,
    catalog: { nodes: () => [] } as unknown as CatalogReader,
    isLeader: () => true,
    configuration: () => ({ voters: [{ id: 'id', address: 'a', name: 'n1' }], nonVoters: [] }) as never,
    members: () => { seen.comparisons++; return [] },
    awaitRead: (_mode, done) => done({ kind: 'ready' } as never),
    write: () => {}, change: () => {},
  })
  return { ...machine, duties, seen }
}

t.test('what gossip says is compared at once when leading begins, soon after an event, and each minute', async (t) => {
  const { duties, seen, pass } = leader()
  duties.roleChanged()
  pass(0)
  t.equal(seen.comparisons, 1)
  pass(59_999)
  t.equal(seen.comparisons, 1)
  pass(1)
  t.equal(seen.comparisons, 2)
  for (let event = 0; event < 5; event++) {
    duties.membersChanged()
    pass(4)
  }
  t.equal(seen.comparisons, 3, 'a burst of events is one')
  pass(100)
  t.equal(seen.comparisons, 3)
})

t.test('a clock that jumped ahead of its timers while the leader waited for its next minute does not put off what gossip says now', async (t) => {
  const { duties, seen, jump, pass } = leader()
  duties.roleChanged()
  pass(1000)
  jump(3_600_000)
  duties.membersChanged()
  pass(20)
  t.equal(seen.comparisons, 2)
})
