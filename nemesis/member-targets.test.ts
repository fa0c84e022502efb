import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../node/base/random.ts'
import { chooseMembers, isMemberTarget, memberTargets, namedMembers } from './member-targets.ts'

const cluster = (count: number) => Array.from({ length: count }, (_, i) => `n${i + 1}`)
const clusters = fc.record({ count: fc.integer({ min: 1, max: 9 }), seed: fc.integer(), leads: fc.option(fc.nat(8)) })

for (const { name } of memberTargets) {
  t.test(`${name}: somebody, each once, members in their order, the same for the same seed`, async () => {
    fc.assert(fc.property(clusters, ({ count, seed, leads }) => {
      const members = cluster(count)
      const leader = leads === null ? null : members[leads] ?? null
      const chosen = chooseMembers(name, members, seededRandom(seed), leader)
      const again = chooseMembers(name, members, seededRandom(seed), leader)
      return chosen.length > 0 && chosen.join() === members.filter((member) => chosen.includes(member)).join() && chosen.join() === again.join()
    }))
  })
}

t.test('as many as the name says', async (t) => {
  fc.assert(fc.property(clusters, ({ count, seed }) => {
    const size = (name: string) => chooseMembers(name, cluster(count), seededRandom(seed), null).length
    return size('one') === 1 && size('all') === count && size('leader') === 1
      && size('majority') > count / 2 && size('majority') - 1 <= count / 2
      && (count < 3 || size('minority') < count / 2)
      && size('followers') === Math.max(1, count - 1)
  }))
  const sizes = new Set(Array.from({ length: 200 }, (_, seed) => chooseMembers('random', cluster(5), seededRandom(seed), null).length))
  t.equal(sizes.size, 5, 'a random subset has any size')
})

t.test('the leader is whom the system says; the followers are all others', async (t) => {
  fc.assert(fc.property(fc.integer({ min: 2, max: 9 }), fc.nat(), fc.integer(), (count, at, seed) => {
    const members = cluster(count)
    const leader = members[at % count]!
    const followers = chooseMembers('followers', members, seededRandom(seed), leader)
    return chooseMembers('leader', members, seededRandom(seed), leader).join() === leader && !followers.includes(leader) && followers.length === count - 1
  }))
  const anybody = new Set(Array.from({ length: 100 }, (_, seed) => chooseMembers('leader', cluster(3), seededRandom(seed), null)[0]))
  t.equal(anybody.size, 3, 'anybody where there is no leader')
})

t.test('members by name', async (t) => {
  const members = cluster(3)
  t.same(namedMembers('n3+n1', members), ['n1', 'n3'])
  t.same(namedMembers('n4', members), null)
  t.same(chooseMembers('n2', members, seededRandom(1), null), ['n2'])
  t.same(['one', 'n1+n2', 'n1+n9', 'halves', ''].map((target) => isMemberTarget(target, members)), [true, true, false, false, false])
  t.throws(() => chooseMembers('nobody', members, seededRandom(1), null), /nobody is neither/)
})
