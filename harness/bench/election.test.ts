import t from 'tap'
import { spreadOf } from '../../results/bench/spread.ts'
import { UsageError } from '../plan/usage-error.ts'
import { electionTimes, tracedElection, transitionsIn, type ElectionSeen } from './election-times.ts'
import { election } from './election.ts'
import { measureSimulated } from './testing-context.ts'

const ms = 1e6
const seen: ElectionSeen = {
  calledNs: 1000 * ms, provenNs: 1500 * ms, leaderAckedNs: [990 * ms, 1004 * ms], oldLeader: 'a', others: 4,
  namings: [
    { member: 'n2', leader: 'a', atNs: 1001 * ms },
    { member: 'n2', leader: null, atNs: 1400 * ms },
    { member: 'n3', leader: 'b', atNs: 1600 * ms },
    { member: 'n2', leader: 'b', atNs: 1604 * ms },
    { member: 'n4', leader: 'c', atNs: 1610 * ms },
    { member: 'n5', leader: 'b', atNs: 1614 * ms },
  ],
  acks: [{ begunNs: 1003 * ms, ackedNs: 1605 * ms }, { begunNs: 1100 * ms, ackedNs: 1620 * ms }, { begunNs: 1615 * ms, ackedNs: 1617 * ms }],
}

t.test('times run from the last acknowledgement between the call and the proof', async (t) => {
  t.same(electionTimes(seen), { effectNs: 1004 * ms, newLeaderMs: 610, firstAckMs: 613 }, 'three of four name b; a write begun before the effect does not count')
  t.equal(electionTimes({ ...seen, leaderAckedNs: [990 * ms] }).effectNs, 1000 * ms, 'no earlier than the call')
  t.equal(electionTimes({ ...seen, leaderAckedNs: [1004 * ms, 1700 * ms] }).effectNs, 1004 * ms, 'one that ran on after its pause does not count')
})

t.test('what was not seen is null', async (t) => {
  t.same(electionTimes({ ...seen, namings: seen.namings.slice(0, 5), acks: seen.acks.slice(0, 1) }), { effectNs: 1004 * ms, newLeaderMs: null, firstAckMs: null })
  t.equal(electionTimes({ ...seen, namings: seen.namings.map((naming) => ({ ...naming, leader: 'a' })) }).newLeaderMs, null, 'the old leader is no new one')
})

t.test('a trace tells when somebody stood, and who won', async (t) => {
  const line = (member: string, timeMs: number, role: string) => `${JSON.stringify({ event: 'transition', member, timeMs, id: member, term: 2, role, leader: null })}\n`
  const trace = line('n1', 90, 'pre-candidate') + line('n2', 130, 'pre-candidate') + '{"event":"apply","member":"n2","timeMs":131}\n' + line('n3', 120, 'pre-candidate') + line('n3', 125, 'candidate') + line('n3', 140, 'leader') + '{"event":"transition","mem'
  const transitions = transitionsIn(trace)
  t.equal(transitions.length, 5)
  t.same(tracedElection(transitions, 'n1', 100, 200), { standsMs: 20, leadsMs: 40 })
  t.same(tracedElection(transitions, 'n3', 100, 135), { standsMs: 30, leadsMs: null })
})

const args = ['--times', '3', '--rounds', '2', '--calm-seconds', '2', '--connections', '4']

t.test('every way at every member count', async (t) => {
  const measured = await measureSimulated(election, { members: [3, 4], args })
  for (const members of [3, 4]) {
    for (const fault of ['kill', 'pause', 'cut']) {
      const samples = (metric: string) => measured.samples(metric, { members, fault })
      t.equal(samples('time to a new leader').length, 3, `${members} members, ${fault}`)
      // A kill may be heard of at once, because connections broke; nothing else is, and heartbeats are half an election timeout apart at most.
      t.ok(samples('time to a new leader').every((value) => value > (fault === 'kill' ? 20 : 200) && value < 20_000), String(samples('time to a new leader')))
      t.ok(samples('terms per fault').every((value) => value >= 1))
      const elected = samples('time until a member is elected (trace)')
      t.equal(elected.length, 3)
      t.ok(samples('time to a new leader').every((value, i) => value > elected[i]!), 'a leader is named after it was elected')
      t.ok(samples('time to the first acknowledged write').every((value, i) => value > elected[i]!))
    }
    t.same(measured.samples('elections when nothing is wrong', { members }), [0, 0])
    t.ok(measured.samples('writes acknowledged when nothing is wrong', { members }).every((value) => value > 10))
  }
  t.same(measured.notes, ['Nobody is short of CPU in a simulation: under full load each of 4 clients waits 100 ms after a write.'])
})

t.test('the same seed measures the same, another seed another', async (t) => {
  const measured = async (seed: number) => (await measureSimulated(election, { members: [3], seed, args: ['--times', '1', '--calm-seconds', '1', '--connections', '2'] })).measurements
  const first = await measured(1)
  t.same(await measured(1), first)
  t.notSame(await measured(2), first)
})

t.test('members that wait longer before an election take longer', async (t) => {
  const median = async (memberConfig: Record<string, unknown>) =>
    spreadOf((await measureSimulated(election, { members: [3], memberConfig, args: ['--times', '4', '--calm-seconds', '0', '--ways', 'cut'] })).samples('time to a new leader', { fault: 'cut' })).median
  const usual = await median({})
  const slow = await median({ performance: { raft_multiplier: 5 } })
  t.ok(slow > 3 * usual, `${usual} ms, and ${slow} ms`)
})

t.test('wrong flags are refused with a sentence', async (t) => {
  await t.rejects(measureSimulated(election, { members: [3], args: ['--ways', 'kill,nuke'] }), /no "nuke"; there are kill, pause, cut\./)
  await t.rejects(measureSimulated(election, { members: [3], args: ['--times', '0'] }), new UsageError('--times 0: give a whole number of at least 1.'))
  await t.rejects(measureSimulated(election, { members: [2] }), /fewer than three/)
})

t.test('one that is ended early tells what it has measured', async (t) => {
  let asked = 0
  const throwIfStopped = () => { if (++asked > 400) throw new Error('enough') }
  const told: string[] = []
  const bench = { ...election, measure: (context: Parameters<typeof election.measure>[0]) => election.measure({ ...context, measured: (one) => told.push(one.metric) }) }
  await t.rejects(measureSimulated(bench, { members: [3], throwIfStopped, args: ['--calm-seconds', '0'] }), /enough/)
  t.ok(told.includes('time to a new leader'), told.join(', '))
})
