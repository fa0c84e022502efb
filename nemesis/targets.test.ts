import fc from 'fast-check'
import t from 'tap'
import type { Link } from '../harness/environments/environment.ts'
import { seededRandom } from '../node/base/random.ts'
import { majorityOf, partitionShapes, type CutPlan, type PartitionShape } from './targets.ts'

const shape = (name: string): PartitionShape => partitionShapes.find((candidate) => candidate.name === name)!
const cluster = (count: number) => Array.from({ length: count }, (_, i) => `n${i + 1}`)
const linkTexts = (links: readonly Link[]) => new Set(links.map(({ from, to }) => `${from}>${to}`))

/** Whom `member` still hears, itself included. */
function heardBy(member: string, members: readonly string[], { links }: CutPlan): string[] {
  const cut = linkTexts(links)
  return members.filter((from) => !cut.has(`${from}>${member}`))
}

/** Who is connected to whom, both ways, directly. */
function isSymmetric({ links }: CutPlan): boolean {
  const cut = linkTexts(links)
  return links.every(({ from, to }) => cut.has(`${to}>${from}`))
}

/** Holds `law` against 200 draws of the number of members and the seed. */
function forAll(subject: PartitionShape, law: (members: string[], plan: CutPlan) => boolean): void {
  fc.assert(fc.property(fc.integer({ min: subject.membersMin, max: 9 }), fc.integer(), (count, seed) => {
    const members = cluster(count)
    return law(members, subject.links(members, seededRandom(seed), null))
  }), { numRuns: 200 })
}

for (const subject of partitionShapes) {
  t.test(`${subject.name}: cuts links between different members, each once, the same for the same seed`, async () => {
    fc.assert(fc.property(fc.integer({ min: subject.membersMin, max: 9 }), fc.integer(), (count, seed) => {
      const members = cluster(count)
      const plan = subject.links(members, seededRandom(seed), 'n1')
      const again = subject.links(members, seededRandom(seed), 'n1')
      return plan.links.length > 0
        && linkTexts(plan.links).size === plan.links.length
        && plan.links.every(({ from, to }) => from !== to && members.includes(from) && members.includes(to))
        && plan.members.length > 0
        && JSON.stringify(plan) === JSON.stringify(again)
    }))
  })
}

t.test('halves: two sides that differ by one member at most', async () => {
  forAll(shape('halves'), (members, plan) => {
    const sizes = members.map((member) => heardBy(member, members, plan).length)
    return isSymmetric(plan) && sizes.every((size) => size === Math.floor(members.length / 2) || size === Math.ceil(members.length / 2))
      && plan.links.length === 2 * Math.floor(members.length / 2) * Math.ceil(members.length / 2)
  })
})

t.test('majority-minority: the larger side is the smallest majority', async () => {
  forAll(shape('majority-minority'), (members, plan) => {
    const majority = majorityOf(members.length)
    return isSymmetric(plan)
      && members.filter((member) => heardBy(member, members, plan).length === majority).length >= majority
      && plan.members.length === members.length - majority
      && plan.links.length === 2 * majority * (members.length - majority)
  })
})

t.test('isolate-one, isolate-leader: one member hears and is heard by nobody, the others each other', async () => {
  for (const name of ['isolate-one', 'isolate-leader']) {
    forAll(shape(name), (members, plan) => {
      const [alone] = plan.members
      return isSymmetric(plan) && plan.members.length === 1
        && members.every((member) => heardBy(member, members, plan).length === (member === alone ? 1 : members.length - 1))
    })
  }
})

t.test('isolate-leader takes the leader, and any member where there is none', async (t) => {
  const members = cluster(5)
  for (let seed = 0; seed < 20; seed++) {
    t.same(shape('isolate-leader').links(members, seededRandom(seed), 'n4').members, ['n4'])
  }
  const drawn = new Set(Array.from({ length: 100 }, (_, seed) => shape('isolate-leader').links(members, seededRandom(seed), null).members[0]))
  t.equal(drawn.size, 5, 'each member is drawn by some seed')
})

t.test('bridge: one member hears all, the two sides never each other', async () => {
  forAll(shape('bridge'), (members, plan) => {
    const [bridge] = plan.members
    return isSymmetric(plan) && heardBy(bridge!, members, plan).length === members.length
      && members.filter((member) => member !== bridge).every((member) => {
        const heard = heardBy(member, members, plan)
        return heard.includes(bridge!) && heard.length < members.length
      })
  })
})

t.test('majorities-ring: every member hears exactly a majority, no two the same', async () => {
  forAll(shape('majorities-ring'), (members, plan) => {
    const heard = members.map((member) => heardBy(member, members, plan))
    return heard.every((majority, i) => majority.length === majorityOf(members.length) && majority.includes(members[i]!))
      && new Set(heard.map((majority) => [...majority].sort().join())).size === members.length
  })
})

t.test('majorities-ring of five is two-way: each member and its two neighbours', async (t) => {
  t.equal(isSymmetric(shape('majorities-ring').links(cluster(5), seededRandom(1), null)), true)
})

t.test('one-way: one direction is cut, the other works', async () => {
  forAll(shape('one-way-in'), (members, plan) => {
    const [deaf] = plan.members
    return plan.links.length === members.length - 1
      && members.every((member) => heardBy(member, members, plan).length === (member === deaf ? 1 : members.length))
  })
  forAll(shape('one-way-out'), (members, plan) => {
    const [mute] = plan.members
    return plan.links.length === members.length - 1
      && members.every((member) => heardBy(member, members, plan).length === (member === mute ? members.length : members.length - 1))
  })
})
