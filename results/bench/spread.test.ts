import t from 'tap'
import { spreadOf } from './spread.ts'

t.test('the median of an even number of samples lies between the middle two; quantiles are samples', async (t) => {
  t.same(spreadOf([7]), { n: 1, min: 7, median: 7, p95: 7, p99: 7, max: 7 })
  t.same(spreadOf([30, 10]), { n: 2, min: 10, median: 20, p95: 30, p99: 30, max: 30 })
  t.same(spreadOf([3, 1, 2]), { n: 3, min: 1, median: 2, p95: 3, p99: 3, max: 3 })
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
  t.same(spreadOf(hundred), { n: 100, min: 1, median: 50.5, p95: 95, p99: 99, max: 100 })
})
