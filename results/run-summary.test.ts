import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readRunSummary } from './run-summary.ts'

const plan = {
  env: 'local', system: 'registry', members: 3, workload: 'register', nemesis: ['kill'], seed: 7, mutant: null, timeLimitS: 10,
  startedAt: '2026-01-02T03:04:05.000Z', rerun: 'npx splitbrain test --seed 7', git: { commit: 'abc', dirty: false },
}
const verdict = {
  verdict: 'invalid', ended: 'judged',
  results: [
    { checker: 'linearizability', verdict: 'invalid', summary: 'no order explains it', evidence: [{ title: 'k1', explanation: ['a', 'b'], eventIndexes: [3] }], details: {} },
    {
      checker: 'availability', verdict: 'valid', informational: true, summary: '', evidence: [],
      details: {
        total: { ok: 50, fail: 30, info: 20, answered: 60 }, longestWithoutSuccessMs: 900, withoutLeaderMs: null, leaderChanges: null,
        firstSuccessAfterStartMs: { p50: 300, p95: 1, p99: 1, max: 1 }, firstSuccessAfterEndMs: null,
      },
    },
  ],
}

t.test('a run in short', async (t) => {
  const directory = join(t.testdir({ run: { 'plan.json': JSON.stringify(plan), 'verdict.json': JSON.stringify(verdict) } }), 'run')
  symlinkSync(directory, join(directory, '../latest'))
  const summary = readRunSummary(join(directory, '../latest'))!
  t.match(summary, { workload: 'register', nemesis: ['kill'], verdict: 'invalid', mutant: null, commit: 'abc', rerun: plan.rerun })
  t.equal(summary.directory.endsWith('/run'), true, 'where it lies, not the link')
  t.same(summary.checkers[0], { checker: 'linearizability', verdict: 'invalid', summary: 'no order explains it', informational: false, evidence: [{ title: 'k1', explanation: ['a', 'b'] }] })
  t.same(summary.availability, {
    operations: 100, throughputPerS: 5, answered: 0.6, longestWithoutSuccessMs: 900, withoutLeaderMs: null, leaderChanges: null,
    firstSuccessAfterStartMs: 300, firstSuccessAfterEndMs: null,
  })
})

t.test('a run that is not over, one whose verdict is torn, and what is no run', async (t) => {
  const directory = t.testdir({ going: { 'plan.json': JSON.stringify({ ...plan, mutant: { name: 'mine' } }) }, torn: { 'plan.json': JSON.stringify(plan), 'verdict.json': '{"verd' } })
  t.match(readRunSummary(join(directory, 'going')), { verdict: null, ended: null, checkers: [], availability: null, mutant: 'mine' })
  t.match(readRunSummary(join(directory, 'torn')), { verdict: null, ended: null })
  mkdirSync(join(directory, 'else'))
  writeFileSync(join(directory, 'else', 'plan.json'), '{"env":"moon"}')
  t.equal(readRunSummary(join(directory, 'else')), null)
  t.equal(readRunSummary(join(directory, 'absent')), null)
})
