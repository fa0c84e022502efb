import fc from 'fast-check'
import t from 'tap'
import type { BenchRecord } from '../bench/bench-record.ts'
import { brokenVerdicts, compareSubjects, differenceOf, regressions } from './comparison.ts'
import type { NightRun } from '../nights/night-record.ts'
import { nightSubject } from './night-subject.ts'
import { benchRecord, benchSubjects, measurement, nightRecord, nightRun } from './testing.ts'
import { wordsOf } from './words.ts'

const slow = [10, 11, 12, 13, 14, 15]
const fast = slow.map((ms) => ms / 2)
const compare = (...records: readonly BenchRecord[]) => compareSubjects(benchSubjects(...records))
const samples = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 12 })

t.test('laws: a thing does not differ from itself; the other way round is the other way round; a factor is found', async () => {
  const directions = fc.constantFrom('higher', 'lower', null)
  fc.assert(fc.property(samples, directions, (a, better) => {
    const { claim, percent } = differenceOf({ better }, a, a)
    return percent === 0 && (claim === 'within the spread' || claim === 'too few samples')
  }), { numRuns: 50 })
  const opposite = { better: 'worse', worse: 'better', higher: 'lower', lower: 'higher', 'within the spread': 'within the spread', 'too few samples': 'too few samples' }
  fc.assert(fc.property(samples, samples, directions, (a, b, better) => {
    const there = differenceOf({ better }, a, b)
    const back = differenceOf({ better }, b, a)
    return back.claim === opposite[there.claim] && Math.abs((1 + there.percent! / 100) * (1 + back.percent! / 100) - 1) < 1e-9
  }), { numRuns: 50 })
  // Spread by a fifth, shifted by two: no overlap, so six of each suffice.
  fc.assert(fc.property(fc.array(fc.integer({ min: 100, max: 120 }), { minLength: 6, maxLength: 12 }), directions, (a, better) => {
    const { claim, percent } = differenceOf({ better }, a, a.map((x) => x * 2))
    return Math.abs(percent! - 100) < 1e-9 && claim === (better === 'higher' ? 'better' : better === 'lower' ? 'worse' : 'higher')
  }), { numRuns: 50 })
})

t.test('better, worse, within the spread, too few: said in words', async (t) => {
  const words = wordsOf(compare(
    benchRecord([measurement('write', slow), measurement('read', fast), measurement('election', [300, 900, 500, 700, 400]), measurement('start', [1]), measurement('rate', slow, { unit: '/s', better: 'higher' })]),
    benchRecord([measurement('write', fast), measurement('read', slow), measurement('election', [500, 310, 890, 400, 650]), measurement('start', [9]), measurement('rate', slow.map((x) => x * 3), { unit: '/s', better: 'higher' })]),
  )).join('\n')
  t.match(words, /Better in B than in A, beyond the spread: write −50.0 % \(12.5 ms → 6.25 ms\); rate \+200 % \(12.5\/s → 37.5\/s\)\./)
  t.match(words, /Worse in B than in A, beyond the spread: read \+100 % \(6.25 ms → 12.5 ms\)\./)
  t.match(words, /Of 1 metric it cannot be told whether B and A differ: .*election ±0 %/)
  t.match(words, /Nothing can be claimed of 1 metric of B and A: there are too few samples \(single values; 5 of each are needed\); seen: start \+800 %/)
  t.notMatch(words, /Differences may come/)
})

t.test('the words follow the numbers', async (t) => {
  const words = wordsOf(compare(benchRecord([measurement('write', fast)]), benchRecord([measurement('write', slow)]))).join('\n')
  t.match(words, /Worse in B/)
  t.notMatch(words, /Better|cannot be told|Nothing can/)
})

t.test('what differs besides: machines, versions and environments are warned of, the commit is not', async (t) => {
  const other = benchRecord([measurement('write', fast)], {
    env: 'docker', versions: { splitbrain: '0.1.0', node: '26.11.0' }, git: { commit: '1234567', dirty: true },
    machine: { cpu: 'One 3000', cores: 2, memoryMiB: 8192, kernel: '6.1', load: [1.8, 1, 1] },
    notes: ['The machine was busy before it began: load 1.8 on 2 cores.'],
  })
  const { warnings, divergences } = compare(benchRecord([measurement('write', slow)]), other)
  t.same(warnings, ['environment: A local, B docker', 'cores: A 4, B 2', 'node: A 26.10.0, B 26.11.0', 'B: The machine was busy before it began: load 1.8 on 2 cores.'])
  t.match(divergences.find(({ name }) => name === 'commit'), { weight: 'source', values: ['abcdef0', '1234567 (changed)'] })
  const words = wordsOf(compare(benchRecord([measurement('write', slow)]), other)).join('\n')
  t.match(words, /Differences may come from what else is different: environment, cores and node\./)
  t.match(words, /differs in commit: A abcdef0, B 1234567 \(changed\)/)
})

t.test('cases: only what all have is compared; what separates the subjects is what differs in them', async (t) => {
  const of = (members: number, ...metrics: string[]) => benchRecord(metrics.map((metric) => measurement(metric, slow, { case: { members, connections: 8 } })))
  const separated = compare(of(3, 'write', 'read'), of(5, 'write'))
  t.same(separated.rows.map(({ metric, case: its }) => [metric, its]), [['write', { connections: 8 }]])
  t.same(separated.alone, [{ metric: 'read', case: { connections: 8 }, of: ['A'] }])
  t.match(separated.divergences, [{ name: 'members', weight: 'plan', values: ['3', '5'] }])
  const both = benchRecord([3, 5].map((members) => measurement('write', slow, { case: { members, connections: 8 } })))
  const partly = compare(both, of(5, 'write'))
  t.same(partly.rows.map(({ case: its }) => its), [{ members: 5, connections: 8 }], 'where one has several, cases are as they are')
  const units = compare(of(3, 'write'), benchRecord([measurement('write', slow, { unit: 's', case: { members: 3, connections: 8 } })]))
  t.equal(units.rows.length, 0)
  t.match(wordsOf(units).join('\n'), /no metric of the same case in common/)
})

t.test('three: each against the first', async (t) => {
  const words = wordsOf(compare(...[slow, fast, slow.map((x) => x * 4)].map((its) => benchRecord([measurement('write', its)])))).join('\n')
  t.match(words, /Better in B than in A/)
  t.match(words, /Worse in C than in A, beyond the spread: write \+300 %/)
})

t.test('a note of several is told once', async (t) => {
  const [a, b, c] = ['one', 'one', 'two'].map((note) => benchRecord([measurement('write', slow)], { notes: [note] }))
  t.same(compare(a!, b!, c!).warnings, ['A and B: one', 'C: two'])
})

t.test('what fails: worse, beyond the spread, and by more', async (t) => {
  const base = [100, 101, 102, 103, 104, 105]
  const against = (samples: readonly number[], better: 'higher' | 'lower' | null = 'lower') =>
    compare(benchRecord([measurement('m', base, { better })]), benchRecord([measurement('m', samples, { better })]))
  const times = (factor: number) => base.map((x) => x * factor)
  t.equal(regressions(against(times(1.2)), 10).length, 1)
  t.equal(regressions(against(times(1.2)), 30).length, 0, 'by less')
  t.equal(regressions(against(times(0.5)), 10).length, 0, 'better')
  t.equal(regressions(against(times(0.5), 'higher'), 10).length, 1, 'less of what should be much')
  t.equal(regressions(against(times(3), null), 10).length, 0, 'neither good nor bad')
  t.equal(regressions(against([500]), 10).length, 0, 'a single value claims nothing')
  t.equal(regressions(against([60, 90, 150, 160, 170, 400]), 10).length, 0, 'within the spread')
  const zero = compare(benchRecord([measurement('errors', [0, 0, 0, 0, 0])]), benchRecord([measurement('errors', [1, 2, 3, 4, 5])]))
  t.equal(regressions(zero, 1000).length, 1, 'from nothing to something')
  t.equal(zero.rows[0]!.differences[0]!.percent, null)
})

t.test('what fails: a verdict that broke', async (t) => {
  const night = (...outcomes: readonly NightRun['outcome'][]) => nightRecord(outcomes.map((outcome, seed) => nightRun(seed, { outcome })))
  const brokenIn = (...nights: readonly ReturnType<typeof night>[]) =>
    brokenVerdicts(compareSubjects(nights.map((record, at) => nightSubject(String.fromCharCode(65 + at), `/${at}`, record)))).map(({ subject }) => subject.label)
  t.same(brokenIn(night('valid', 'valid'), night('valid', 'invalid')), ['B'])
  t.same(brokenIn(night('valid'), night('failed')), ['B'])
  t.same(brokenIn(night('unknown'), night('valid'), night('invalid')), ['C'])
  t.same(brokenIn(night('invalid', 'valid'), night('invalid', 'invalid')), [], 'it was broken before: how many seeds show it is chance')
  t.same(brokenIn(night('valid'), night('unknown')), [], 'a busy machine does that too')
  t.same(brokenIn(night('invalid'), night('valid')), [], 'better')
  t.same(brokenIn(night('skipped'), night('invalid')), [], 'nothing is known of the first')
  t.same(brokenIn(night('invalid'), night('failed')), ['B'], 'broken in another way')
})
