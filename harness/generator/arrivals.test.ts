import t from 'tap'
import { seededRandom } from '../../node/base/random.ts'
import { arrivalGapsMs } from './arrivals.ts'

t.test('gaps: the rate on average, some close together and some apart, the same for the same seed', async (t) => {
  const draw = (seed: number) => {
    const next = arrivalGapsMs(200, seededRandom(seed))
    return Array.from({ length: 20_000 }, next)
  }
  const gaps = draw(1)
  const meanMs = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  t.ok(Math.abs(meanMs - 5) < 0.2, `the mean is ${meanMs} ms`)
  t.ok(gaps.every((gap) => gap >= 0 && Number.isFinite(gap)))
  // Of exponential gaps 1 - 1/e lie below the mean.
  const below = gaps.filter((gap) => gap < 5).length / gaps.length
  t.ok(Math.abs(below - 0.632) < 0.02, `${below} of them are below the mean`)
  t.same(draw(1), gaps)
  t.not(draw(2)[0], gaps[0])
})
