import t from 'tap'
import type { Measurement } from '../bench/bench-record.ts'
import { goesOnByQuorum, groupSizes, membersFaults, type MembersFault } from './members-faults.ts'
import { membersMetrics, type MembersMetric } from './members-metrics.ts'
import { membersWords } from './members-words.ts'

interface Made {
  readonly throughput?: Readonly<Record<number, number>>
  readonly newLeader?: Readonly<Record<number, number>>
  /** Where the share is another than quorums predict. */
  readonly shares?: Readonly<Record<string, number>>
  readonly rounds?: number
}

/** A comparison as quorums predict it, but for what is said. */
function made({ throughput = { 3: 1000, 4: 1000, 5: 1000 }, newLeader = { 3: 500, 4: 500, 5: 500 }, shares = {}, rounds = 6 }: Made = {}): Measurement[] {
  const spread = (value: number) => Array.from({ length: rounds }, (_, i) => value * (1 + i / 1000))
  const one = (metric: MembersMetric, its: Measurement['case'], samples: number[]): Measurement => ({ ...membersMetrics[metric], case: its, samples })
  return [3, 4, 5].flatMap((members) => [
    one('throughput', { members, connections: 8 }, spread(throughput[members]!)),
    one('latencyP50', { members, connections: 8 }, spread(2)),
    one('newLeader', { members }, spread(newLeader[members]!)),
    ...membersFaults.flatMap((fault) => {
      const its = { members, fault, groups: groupSizes(fault, members)!.join('|') }
      const share = shares[`${members} ${fault}`] ?? (goesOnByQuorum(fault, members) ? 100 : 0)
      return [one('writesSettled', its, [share]), one('writesByLargest', its, [share * 0.9]), one('writesByAll', its, [share / 2]), one('withoutAck', its, [share > 50 ? 600 : 4000])]
    }),
  ])
}
const words = (given: Made = {}) => membersWords(made(given)).join('\n')
const all = (fault: MembersFault, share: number) => Object.fromEntries([3, 4, 5].map((members) => [`${members} ${fault}`, share]))

t.test('as quorums predict: an even number buys nothing, and why', async (t) => {
  const said = words({ throughput: { 3: 1000, 4: 800, 5: 790 } })
  t.match(said, /Throughput of writes: 3 members 1003\/s, 4 members 802\/s \(−20.0 %, worse beyond the spread\), 5 members 792\/s/)
  t.match(said, /With one follower lost, 3, 4 and 5 members go on/)
  t.match(said, /With two followers lost, 5 members go on \(100.0 % of writes at the survivors once settled, 90.0 % from the fault on\); 3 and 4 members stop \(0.0 % of writes at the survivors\)\./)
  t.match(said, /3 and 5 members go on \(3 as 2\|1: .*; 4 members stop \(4 as 2\|2: 0.0 % of writes at both halves\)/)
  t.match(said, /The loss of the leader leaves 3 members 600 ms, 4 members 600 ms and 5 members 600 ms without an acknowledged write/)
  t.match(said, /All 18 outcomes are what quorums predict/)
  t.match(said, /An even number buys nothing: 4 members survive the loss of 1, and so do 3; a quorum of 4 is 3, of 3 it is 2, .* It costs: throughput of writes −20.0 %; split as evenly as can be, the leader on the smaller side \(2\|2 against 2\|1\), 4 stop where 3 go on: 0.0 % of writes against 100.0 %\. Nothing got better/)
  t.match(said, /the smallest that survives the loss of 1 has 3 members and the smallest that survives the loss of 2 has 5 members/)
  t.notMatch(said, /disagrees/)
})

t.test('where four do better, the words do not claim the theory but say that the measurement disagrees', async (t) => {
  const survives = words({ shares: { '4 2 lost, followers': 97, '4 2 lost, the leader too': 95, '4 even split': 99 } })
  t.notMatch(survives, /buys nothing:|All 18/)
  t.match(survives, /The measurement disagrees with what quorums predict: with two followers lost, 4 members should stop \(their largest group is 2, a quorum 3\); they go on: 97.0 % of writes at the survivors once settled/)
  t.match(survives, /4 members survive the loss of 2, 3 the loss of 1; .*Quorums predict that the additional member buys nothing, and the measurement disagrees; it gains: with two followers lost \(2 against 1\), 4 go on where 3 stop: 97.0 % of writes against 0.0 %/)
  t.match(survives, /the smallest that survives the loss of 2 has 4 members/)

  const faster = words({ throughput: { 3: 1000, 4: 1500, 5: 1000 } })
  t.notMatch(faster, /buys nothing:/)
  t.match(faster, /the measurement disagrees; it gains: throughput of writes \+50.0 %\. It costs: split as evenly/)
  t.match(faster, /All 18 outcomes/, 'availability is as predicted all the same')
})

t.test('where clusters do worse than predicted that is said too', async (t) => {
  const said = words({ shares: { ...all('1 lost, the leader', 0), '5 odd split': 50 } })
  t.match(said, /With the leader lost, 3, 4 and 5 members stop/)
  t.match(said, /with the leader lost, 5 members should go on \(their largest group is 4, a quorum 3\); they stop: 0.0 %/)
  t.match(said, /with the leader cut off from all others, 5 members should go on .*; they go on in part: 50.0 % of writes at the larger side once settled/)
  t.match(said, /4 members survive the loss of 0, and so do 3/)
  t.notMatch(said, /smallest that survives|The loss of the leader leaves/)
})

t.test('with few samples nothing is claimed of speed', async (t) => {
  const said = words({ throughput: { 3: 1000, 4: 500, 5: 400 }, rounds: 2 })
  t.match(said, /4 members 500\/s \(−50.0 %, too few samples to tell\)/)
  t.match(said, /An even number buys nothing: .* It costs: split as evenly.* Of speed there are too few samples to tell/)
})

t.test('what was not measured is not spoken of', async (t) => {
  t.same(membersWords([]), [])
  const speedOnly = membersWords(made().filter((one) => one.case['fault'] === undefined)).join('\n')
  t.match(speedOnly, /What 4 members buy over 3 was not measured/)
  t.match(speedOnly, /Throughput of writes: 3 members/)
  t.notMatch(speedOnly, /quorums predict|survives/)
  const alone = membersWords(made().filter((one) => one.case['members'] === 4)).join('\n')
  t.notMatch(alone, /buys nothing|buy over|in brackets/)
})
