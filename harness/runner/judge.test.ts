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
