import t from 'tap'
import { leaderLostHoldMs, resolveRaftConfig } from './config.ts'
import { LeaderContact } from './leader-contact.ts'

const config = resolveRaftConfig({ electionTimeoutMs: 400, leaseMs: 120 })
const holdMs = leaderLostHoldMs(config)

t.test('votes are refused for T after the leader was heard (thesis §4.2.3)', async (t) => {
  const contact = new LeaderContact(config, 0, 1)
  t.notOk(contact.refusesVotes(0))
  contact.heard('n1', 1000)
  t.ok(contact.refusesVotes(1000))
  t.ok(contact.refusesVotes(1399.9))
  t.notOk(contact.refusesVotes(1400))
})

t.test('a lost connection to the leader shortens that to the hold, never below the lease', async (t) => {
  const contact = new LeaderContact(config, 0, 1)
  contact.heard('n1', 1000)
  t.notOk(contact.connectionLost('n2'), 'another member')
  t.equal(contact.refusesUntilMs(), 1400)
  t.ok(contact.connectionLost('n1'))
  t.notOk(contact.connectionLost('n1'), 'no news')
  t.equal(contact.refusesUntilMs(), 1000 + holdMs)
  t.ok(contact.refusesVotes(1000 + config.leaseMs), 'the lease may have been renewed at 1000')
})

t.test('hearing the leader again ends the suspicion', async (t) => {
  const contact = new LeaderContact(config, 0, 1)
  contact.heard('n1', 1000)
  contact.connectionLost('n1')
  contact.heard('n1', 1010)
  t.equal(contact.refusesUntilMs(), 1410)
})

t.test('after a restart votes are refused for the hold, for what was heard is forgotten', async (t) => {
  const restarted = new LeaderContact(config, 5000, 7)
  t.ok(restarted.refusesVotes(5000 + config.leaseMs))
  t.notOk(restarted.refusesVotes(5000 + holdMs))
  t.equal(restarted.lastMs, null)
})

t.test('and the hint does not shorten that', async (t) => {
  const restarted = new LeaderContact(config, 5000, 7)
  restarted.heard('n1', 4990)
  restarted.connectionLost('n1')
  t.equal(restarted.refusesUntilMs(), 5000 + holdMs)
})
