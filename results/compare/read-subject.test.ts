import { join } from 'node:path'
import t from 'tap'
import { compareSubjects } from './comparison.ts'
import { comparisonLines } from './print-comparison.ts'
import { readSubjects } from './read-subject.ts'
import { benchRecord, measurement, nightRecord, nightRun } from './testing.ts'
import { wordsOf } from './words.ts'

const plan = {
  env: 'local', system: 'registry', members: 3, workload: 'register', nemesis: ['kill'], seed: 7, mutant: null, timeLimitS: 10, rate: 200,
  startedAt: '2026-01-02T03:04:05.000Z', rerun: 'npx splitbrain test --seed 7', git: { commit: 'abcdef0', dirty: false }, versions: { node: '26.10.0' },
}
const verdictOf = (answered: number, firstMs: number, verdict: 'valid' | 'invalid') => ({
  verdict, ended: 'judged',
  results: [
    { checker: 'linearizability', verdict, summary: verdict === 'valid' ? 'in order' : 'no order explains it', evidence: [], details: {} },
    {
      checker: 'availability', verdict: 'valid', informational: true, summary: '', evidence: [],
      details: {
        total: { ok: answered, fail: 100 - answered, info: 0, answered }, longestWithoutSuccessMs: 900, withoutLeaderMs: null, leaderChanges: 2,
        firstSuccessAfterStartMs: null, firstSuccessAfterEndMs: null,
        windows: [1, 2, 3, 4, 5].map((n) => ({ name: 'kill', firstSuccessAfterStartMs: firstMs + n, firstSuccessAfterEndMs: n === 1 ? null : n })),
      },
    },
  ],
})
const line = (event: object) => `${JSON.stringify(event)}\n`
const history = [
  line({ index: 0, time: 1e6, type: 'invoke', process: 0, f: 'write', key: 'k1', value: 1, node: 'n1' }),
  line({ index: 1, time: 4e6, type: 'ok', process: 0, f: 'write', key: 'k1', value: 1, node: 'n1' }),
  line({ index: 2, time: 5e6, type: 'invoke', process: 0, f: 'write', key: 'k1', value: 2, node: 'n1' }),
  line({ index: 3, time: 9e6, type: 'fail', process: 0, f: 'write', key: 'k1', value: 2, node: 'n1', error: '500' }),
].join('')
const runDirectory = (more: object, verdict: object) => ({ 'plan.json': JSON.stringify({ ...plan, ...more }), 'verdict.json': JSON.stringify(verdict), 'history.jsonl': history })

t.test('runs: by their directories', async (t) => {
  const root = t.testdir({ a: runDirectory({}, verdictOf(90, 300, 'valid')), b: runDirectory({ seed: 8, versions: { node: '26.11.0' } }, verdictOf(50, 900, 'invalid')) })
  const subjects = readSubjects([join(root, 'a'), join(root, 'b')])
  const comparison = compareSubjects(subjects)
  t.same(comparison.warnings, ['node: A 26.10.0, B 26.11.0'])
  t.same(comparison.divergences.map(({ name }) => name), ['node', 'seed'])
  t.same(comparison.rows.map(({ metric, case: its, samples }) => [metric, its, samples.map(({ length }) => length)]), [
    ['throughput', {}, [1, 1]], ['answered', {}, [1, 1]], ['longest time without a success', {}, [1, 1]], ['changes of leader', {}, [1, 1]],
    ['first success after a fault began', { fault: 'kill' }, [5, 5]], ['first success after a fault ended', { fault: 'kill' }, [4, 4]],
    ['latency p50', { operation: 'write' }, [1, 1]], ['latency p99', { operation: 'write' }, [1, 1]],
  ])
  t.same(comparison.rows[6]!.samples, [[3], [3]], 'only of what succeeded')
  const words = wordsOf(comparison).join('\n')
  t.match(words, /Worse in B than in A, beyond the spread: first success after a fault began .*303 ms → 903 ms/)
  t.match(words, /Nothing can be claimed of 7 metrics .*answered −44.4 %/)
  t.match(words, /Verdict of the run: A valid; B invalid \(linearizability: no order explains it\)\./)
  t.match(comparisonLines(comparison).join('\n'), /A: register on 3 members of registry, local, kill, seed 7; 2026-01-02/)
})

t.test('a run that came to nothing is compared by what there is', async (t) => {
  const root = t.testdir({ a: { 'plan.json': JSON.stringify(plan) }, b: runDirectory({}, verdictOf(50, 900, 'valid')) })
  const comparison = compareSubjects(readSubjects([join(root, 'a'), join(root, 'b')]))
  t.equal(comparison.rows.length, 0)
  t.match(comparison.warnings.join('\n'), /A: it came to no verdict/)
  t.match(wordsOf(comparison).join('\n'), /Verdict of the run: A no verdict; B valid/)
})

t.test('nights: runs that only differ in their seeds are the samples', async (t) => {
  const seeds = [1, 2, 3, 4, 5, 6]
  const before = nightRecord([...seeds.map((seed) => nightRun(seed)), nightRun(1, { workload: 'set' })])
  const after = nightRecord([
    ...seeds.map((seed) => nightRun(seed, { throughputPerS: 50 + seed, ...seed === 3 ? { outcome: 'invalid', findings: [{ checker: 'set', verdict: 'invalid', summary: 'an element was lost', evidence: [] }] } : {} })),
    nightRun(1, { workload: 'set' }), nightRun(9, { workload: 'locks', outcome: 'skipped', throughputPerS: null, answered: null, withoutLeaderMs: null, electionMs: [] }),
  ], { jobs: 3 })
  const root = t.testdir({ a: { 'night.json': JSON.stringify(before) }, b: { 'night.json': JSON.stringify(after) } })
  const comparison = compareSubjects(readSubjects([join(root, 'a'), join(root, 'b', 'night.json')]))
  t.same(comparison.warnings, ['runs at a time: A 2, B 3', 'B: 1 of 8 runs were skipped'])
  t.notMatch(comparisonLines(comparison).join('\n'), /locks/, 'what nobody did is not told')
  const words = wordsOf(comparison).join('\n')
  t.match(words, /Worse in B than in A, beyond the spread: throughput −48.3 % with workload register \(104\/s → 53.5\/s\)/)
  t.match(words, /Verdict of register, partition, 3 members of registry, simulated: A 6 valid; B 5 valid, 1 invalid \(seed 3: set: an element was lost\)/)
  t.match(words, /1 further verdict of A and B is the same: valid/)
})

t.test('benchmarks: also under another name; and what is nothing', async (t) => {
  const record = JSON.stringify(benchRecord([measurement('write', [1, 2, 3])]))
  const root = t.testdir({ 'bench.json': record, 'main.json': record, night: { 'night.json': JSON.stringify(nightRecord([nightRun(1)])) }, empty: {}, 'torn.json': '{', torn: { 'bench.json': '{"bench":"writes"}' } })
  const at = (...names: string[]) => names.map((name) => join(root, name))
  t.same(readSubjects(at('.', 'main.json')).map(({ label, kind, place }) => [label, kind, place.replace(/.*\//, '')]), [['A', 'benchmark', 'bench.json'], ['B', 'benchmark', 'main.json']])
  const cases: [string[], RegExp][] = [
    [at('bench.json', 'night'), /several kinds: .*bench.json is a benchmark, .*night.json is a night/],
    [at('bench.json', 'nowhere'), /There is no .*nowhere/],
    [at('bench.json', 'empty'), /neither a run nor a record/],
    [at('bench.json', 'torn.json'), /no record that can be compared/],
    [at('bench.json', 'torn'), /torn\/bench.json is no record of a benchmark: /],
  ]
  for (const [places, said] of cases) t.throws(() => readSubjects(places), { name: 'UsageError', message: said }, String(said))
  t.equal(readSubjects(new Array(28).fill(join(root, 'bench.json'))).at(-1)!.label, 'B2')
})
