import t from 'tap'
import { reportData } from './report-data.ts'
import { renderReport } from './render-report.ts'
import { madeHistory, madeInput } from './testing-input.ts'

t.test('columns: one row an operation, outcome and times from its completion', async (t) => {
  const data = reportData([
    { index: 0, time: 1_000_000, type: 'invoke', process: 0, f: 'write', key: 'a', value: 1, node: 'n1' },
    { index: 1, time: 2_000_000, type: 'invoke', process: 1, f: 'read', key: 'a', value: null, node: 'n2' },
    { index: 2, time: 3_500_000, type: 'info', process: 0, f: 'write', key: 'a', value: 1, node: 'n1', error: 'timeout' },
  ], 2, [2])
  t.same(data.operations.outcome, [2, 3])
  t.same(data.operations.endMs, [3.5, null])
  t.same(data.operations.error, ['timeout', ''])
  t.same(data.highlighted, [0], 'a completion that is evidence marks its operation')
})

t.test('what members and users wrote cannot become markup', async (t) => {
  const hostile = '</script><script>alert(1)</script>'
  const html = renderReport(madeInput([
    { index: 0, time: 0, type: 'invoke', process: 0, f: 'read', key: hostile, value: hostile },
    { index: 1, time: 1, type: 'fail', process: 0, f: 'read', key: hostile, value: hostile, error: hostile },
  ], hostile))
  t.notMatch(html, hostile)
})

t.test('the same input gives the same bytes, and nothing is fetched from elsewhere', async (t) => {
  const history = madeHistory(200)
  const html = renderReport(madeInput(history))
  t.equal(renderReport(madeInput(history)), html)
  t.notMatch(html, /(src|href)\s*=\s*["']?(https?:)?\/\//)
})
