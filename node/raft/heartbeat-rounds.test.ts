import t from 'tap'
import { HeartbeatRounds } from './heartbeat-rounds.ts'
import { Progress } from './progress.ts'

function followers(count: number): Progress[] {
  return Array.from({ length: count }, (_, i) => new Progress(`n${i + 2}`, 1, 1, 0))
}

t.test('a round counts once a quorum, the leader included, has answered it or a later one', async (t) => {
  const rounds = new HeartbeatRounds()
  const [a, b, c, d] = followers(4) as [Progress, Progress, Progress, Progress]
  const all = [a, b, c, d]
  rounds.start(0)
  rounds.start(10)
  a.ackedRound = 2
  t.notOk(rounds.count(all))
  b.ackedRound = 1
  t.ok(rounds.count(all))
  t.equal(rounds.confirmed, 1)
  c.ackedRound = 2
  t.ok(rounds.count(all))
  t.equal(rounds.confirmed, 2)
  d.ackedRound = 2
  t.notOk(rounds.count(all), 'nothing new')
})

t.test('the lease runs from when the round was sent (thesis §6.4.1)', async (t) => {
  const rounds = new HeartbeatRounds()
  const all = followers(2)
  t.notOk(rounds.leaseHolds(0, 100), 'no lease before the first answer')
  rounds.start(1000)
  rounds.start(1060)
  all[0]!.ackedRound = 1
  rounds.count(all)
  t.ok(rounds.leaseHolds(1099, 100))
  t.notOk(rounds.leaseHolds(1100, 100))
  all[0]!.ackedRound = 2
  rounds.count(all)
  t.ok(rounds.leaseHolds(1159, 100))
})

t.test('a lone leader needs no answer', async (t) => {
  const rounds = new HeartbeatRounds()
  rounds.start(5)
  t.ok(rounds.count([]))
  t.ok(rounds.leaseHolds(6, 100))
})
