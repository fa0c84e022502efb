import t from 'tap'
import { seededRandom } from '../node/base/random.ts'
import { killedBy, killTargets } from './kill.ts'
import { randomIntervals } from './schedule.ts'

t.test('intervals: around the mean, never too short to be felt, the same for the same seed', async (t) => {
  const draw = (seed: number) => {
    const next = randomIntervals(4, seededRandom(seed))
    return Array.from({ length: 2000 }, next)
  }
  const intervals = draw(1)
  const meanMs = intervals.reduce((sum, ms) => sum + ms, 0) / intervals.length
  t.ok(Math.abs(meanMs - 4000) < 150, `the mean of 2000 is ${meanMs} ms`)
  t.ok(Math.min(...intervals) >= 800 && Math.max(...intervals) <= 7200)
  t.same(draw(1), intervals)
  t.not(draw(2)[0], intervals[0])
})

t.test('who is killed: never nobody, as many as the name says', async (t) => {
  for (let count = 1; count <= 9; count++) {
    const members = Array.from({ length: count }, (_, i) => `n${i + 1}`)
    for (let seed = 0; seed < 10; seed++) {
      const size = (target: (typeof killTargets)[number]) => new Set(killedBy(target, members, seededRandom(seed), null)).size
      t.equal(size('one'), 1)
      t.equal(size('all'), count)
      t.ok(size('majority') > count / 2)
      t.ok(size('minority') >= 1 && (count < 3 || size('minority') < count / 2))
    }
    t.same(killedBy('leader', members, seededRandom(1), members.at(-1)!), [members.at(-1)])
  }
})
