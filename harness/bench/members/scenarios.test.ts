import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { goesOnByQuorum, groupSizes, membersFaults, quorumOf } from '../../../results/compare/members-faults.ts'
import { windowAvailability, type SeenOperation } from './availability-window.ts'
import { drawScenario, linksBetween } from './scenarios.ts'

t.test('what quorums predict of 3, 4 and 5 members', async (t) => {
  t.same([1, 2, 3, 4, 5, 6, 7].map(quorumOf), [1, 2, 2, 3, 3, 4, 4])
  const table = membersFaults.map((fault) => [3, 4, 5].map((members) => `${groupSizes(fault, members)!.join('|')} ${goesOnByQuorum(fault, members) ? 'yes' : 'no'}`))
  t.same(table, [
    ['2 yes', '3 yes', '4 yes'], ['2 yes', '3 yes', '4 yes'],
    ['1 no', '2 no', '3 yes'], ['1 no', '2 no', '3 yes'],
    ['2|1 yes', '2|2 no', '3|2 yes'], ['2|1 yes', '3|1 yes', '4|1 yes'],
  ])
  t.equal(groupSizes('2 lost, followers', 2), null)
})

t.test('laws of scenarios: everybody is somewhere, groups are as large as said, the leader stands where it is said to', async () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(), fc.constantFrom(...membersFaults), fc.integer(), (count, at, fault, seed) => {
    const sizes = groupSizes(fault, count)
    if (sizes === null) return true
    const members = Array.from({ length: count }, (_, i) => `n${i + 1}`)
    const leader = members[at % count]!
    const { killed, groups } = drawScenario(fault, members, leader, seededRandom(seed))
    const everybody = [...killed, ...groups.flat()].sort()
    const links = linksBetween(groups)
    const pairs = groups.length < 2 ? 0 : 2 * groups[0]!.length * groups[1]!.length
    const leaderFits = fault.endsWith('split') ? groups.at(-1)!.includes(leader) : killed.includes(leader) === fault.includes('leader')
    return JSON.stringify(everybody) === JSON.stringify([...members].sort())
      && JSON.stringify(groups.map(({ length }) => length)) === JSON.stringify(sizes)
      && leaderFits && links.length === pairs && new Set(links.map(({ from, to }) => `${from}>${to}`)).size === pairs
      && links.every(({ from, to }) => groups.findIndex((one) => one.includes(from)) !== groups.findIndex((one) => one.includes(to)))
  }))
})

t.test('availability of a window, by hand', async (t) => {
  const ms = 1e6
  const operation = (member: string, kind: 'write' | 'read', begunMs: number, ok: boolean, tookMs = 10): SeenOperation => ({ member, kind, begunNs: begunMs * ms, endedNs: (begunMs + tookMs) * ms, ok })
  const operations = [
    operation('n1', 'write', 50, true), // before
    operation('n1', 'write', 100, false, 300), operation('n1', 'write', 190, true, 300), operation('n1', 'write', 200, true), operation('n1', 'write', 290, true),
    operation('n2', 'write', 100, false), operation('n2', 'write', 250, false),
    operation('n1', 'read', 150, true), operation('n2', 'read', 150, false),
    operation('n1', 'write', 300, true), // after
  ]
  t.same(windowAvailability(operations, { fromNs: 100 * ms, toNs: 300 * ms, largest: new Set(['n1']) }), {
    writesByLargestPercent: 75, writesByAllPercent: 50, readsByLargestPercent: 100, readsByAllPercent: 50, writesSettledPercent: 100,
    // From 100 to the acknowledgement at 210; that of the write begun at 190 came after the end.
    longestWithoutAckMs: 110,
  })
  t.equal(windowAvailability(operations, { fromNs: 400 * ms, toNs: 500 * ms, largest: new Set(['n1']) }), null)
  const none = windowAvailability(operations.map((one) => ({ ...one, ok: false })), { fromNs: 100 * ms, toNs: 300 * ms, largest: new Set(['n1']) })!
  t.same([none.writesByAllPercent, none.longestWithoutAckMs], [0, 200], 'the whole window')
})
