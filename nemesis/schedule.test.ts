import t from 'tap'
import { seededRandom } from '../node/base/random.ts'
import { intensityAt, intervals, randomIntervals } from './schedule.ts'

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

t.test('a fixed schedule has no chance in it', async (t) => {
  const next = intervals('fixed', 4, seededRandom(1))
  t.same([next(), next(), next()], [4000, 4000, 4000])
})

t.test('a ramp goes straight from its begin to its end, and not beyond', async (t) => {
  const ramp = { from: 0.2, to: 1 }
  t.same([-1, 0, 0.5, 1, 7].map((share) => intensityAt(ramp, share).toFixed(3)), ['0.200', '0.200', '0.600', '1.000', '1.000'])
  t.equal(intensityAt({ from: 1, to: 0 }, 0.25), 0.75)
})
