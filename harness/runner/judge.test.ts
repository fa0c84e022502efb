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

t.test('a check that does not apply to a system decides nothing', async (t) => {
  const fine = { checker: 'a', verdict: 'valid', summary: '', evidence: [], details: {} } as const
  const notRun = { ...fine, checker: 'b', verdict: 'unknown', notRun: true } as const
  t.equal((await judge([{ checker: 'a', check: async () => [fine, notRun] }], [])).verdict, 'valid')
  t.equal((await judge([{ checker: 'b', check: async () => notRun }], [])).verdict, 'unknown', 'and nothing at all is unknown')
})
