import t from 'tap'
import { combineVerdicts, judge } from './judge.ts'

t.test('invalid beats unknown beats valid; nothing is unknown', async (t) => {
  t.equal(combineVerdicts(['valid', 'unknown', 'invalid']), 'invalid')
  t.equal(combineVerdicts(['valid', 'unknown']), 'unknown')
  t.equal(combineVerdicts(['valid', 'valid']), 'valid')
  t.equal(combineVerdicts([]), 'unknown')
})

t.test('a check that throws is unknown with the error, and the others still count', async (t) => {
  const fine = { checker: 'b', verdict: 'valid', summary: '', evidence: [], details: {} } as const
  const judgement = await judge([
    { checker: 'a', check: () => Promise.reject(new Error('out of memory')) },
    { checker: 'b', check: async () => fine },
  ], [])
  t.equal(judgement.verdict, 'unknown')
  t.match(judgement.results, [{ checker: 'a', verdict: 'unknown', summary: /out of memory/ }, { checker: 'b' }])
})

t.test('what only informs has no part in the verdict, even where it throws', async (t) => {
  const fine = { checker: 'b', verdict: 'valid', summary: '', evidence: [], details: {} } as const
  const informing = { ...fine, checker: 'a', informational: true } as const
  const judged = (...checks: Parameters<typeof judge>[0]) => judge(checks, [])
  t.equal((await judged({ checker: 'b', check: async () => [fine, { ...informing, verdict: 'unknown' }] })).verdict, 'valid')
  t.equal((await judged({ checker: 'a', informational: true, check: () => Promise.reject(new Error('oh')) }, { checker: 'b', check: async () => fine })).verdict, 'valid')
  t.equal((await judged({ checker: 'a', check: async () => informing })).verdict, 'unknown', 'it alone says nothing')
})

t.test('a check that does not apply to a system decides nothing', async (t) => {
  const fine = { checker: 'a', verdict: 'valid', summary: '', evidence: [], details: {} } as const
  const notRun = { ...fine, checker: 'b', verdict: 'unknown', notRun: true } as const
  t.equal((await judge([{ checker: 'a', check: async () => [fine, notRun] }], [])).verdict, 'valid')
  t.equal((await judge([{ checker: 'b', check: async () => notRun }], [])).verdict, 'unknown', 'and nothing at all is unknown')
})
