import t from 'tap'
import { spreadOf } from '../../results/bench/spread.ts'
import { recovery } from './recovery.ts'
import { measureSimulated } from './testing-context.ts'
import { recoveryTimes } from './watch-return.ts'

const ms = 1e6

t.test('the last of all counts, but for the first write', async (t) => {
  const one = { answeredNs: 110 * ms, knewLeaderNs: 130 * ms, ackedNs: 150 * ms, levelNs: 140 * ms }
  const two = { answeredNs: 120 * ms, knewLeaderNs: 125 * ms, ackedNs: 145 * ms, levelNs: 160 * ms }
  t.same(recoveryTimes([one, two], 100 * ms), { answerMs: 20, leaderMs: 30, levelMs: 60, firstAckMs: 45 })
  t.same(recoveryTimes([one, { ...two, ackedNs: null, levelNs: null }], 100 * ms), { answerMs: 20, leaderMs: 30, levelMs: null, firstAckMs: 50 })
  t.equal(recoveryTimes([{ ...one, ackedNs: null }], 100 * ms).firstAckMs, null)
})

const args = ['--times', '2', '--rounds', '1', '--keys', '50', '--missed', '100', '--away-seconds', '1']

t.test('a member comes back from each absence, and so do all', async (t) => {
  const measured = await measureSimulated(recovery, { members: [3], args })
  for (const after of ['cut', 'restart', 'empty', 'all']) {
    const samples = (metric: string) => measured.samples(metric, { members: 3, keys: 50, after })
    for (const metric of ['time until it answers', 'time until it knows the leader', 'time to the first acknowledged write', 'time until it has caught up']) {
      t.equal(samples(metric).length, 2, `${after}: ${metric}`)
      t.ok(samples(metric).every((value) => value > 0 && value < 60_000), `${after}: ${metric}: ${samples(metric).join(', ')}`)
    }
    t.ok(samples('time to the first acknowledged write').every((value, i) => after === 'all' || value >= samples('time until it answers')[i]!))
  }
  t.ok(measured.samples('time until it votes').every((value, i) => value > measured.samples('time until it has caught up', { after: 'empty' })[i]!))
  // A process has to start; a link does not.
  t.ok(measured.samples('time until it answers', { after: 'restart' })[0]! > measured.samples('time until it answers', { after: 'cut' })[0]!)
  t.same(measured.notes, [])
})

t.test('the same seed measures the same, another seed another', async (t) => {
  const measured = async (seed: number) => (await measureSimulated(recovery, { members: [3], seed, args: ['--times', '1', '--keys', '20', '--missed', '20', '--away-seconds', '1', '--ways', 'cut,all'] })).measurements
  const first = await measured(1)
  t.same(await measured(1), first)
  t.notSame(await measured(2), first)
})

t.test('a member with more to take in catches up later', async (t) => {
  const median = async (keys: number) => spreadOf((await measureSimulated(recovery, {
    members: [3], args: ['--times', '2', '--rounds', '1', '--ways', 'empty', '--keys', String(keys), '--value-bytes', '2000', '--missed', '0', '--away-seconds', '0'],
  })).samples('time until it has caught up')).median
  const few = await median(10)
  const many = await median(800)
  t.ok(many > few + 100, `${few} ms, and ${many} ms`)
})

t.test('wrong flags are refused with a sentence', async (t) => {
  await t.rejects(measureSimulated(recovery, { members: [3], args: ['--ways', 'nap'] }), /no "nap"; there are cut, restart, empty, all\./)
  await t.rejects(measureSimulated(recovery, { members: [2], args: [] }), /only --ways all works/)
})
