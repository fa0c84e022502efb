import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { benchRecord, measurement, nightRecord, nightRun } from '../../results/compare/testing.ts'
import { runCompareCommand } from './compare-command.ts'
import type { CompareFlags } from './compare-flags.ts'
import type { TestCommandPorts } from './test-command.ts'

const ms = [100, 101, 102, 103, 104, 105]
const record = (factor: number) => JSON.stringify(benchRecord([measurement('latency <p50>', ms.map((x) => x * factor)), measurement('rate', [7], { unit: '/s', better: 'higher' })]))

t.test('compare: exit codes and forms', async (t) => {
  const root = t.testdir({ a: { 'bench.json': record(1) }, b: { 'bench.json': record(1.3) } })
  const compare = async (places: readonly string[], flags: CompareFlags = {}) => {
    const lines: string[] = []
    const errors: string[] = []
    const io = { print: (line: string) => void lines.push(line), error: (line: string) => void errors.push(line) }
    return { exitCode: await runCompareCommand(places, flags, [], { ...({} as TestCommandPorts), io, workingDirectory: root }), text: lines.join('\n'), errors: errors.join('\n') }
  }
  const plain = await compare(['a', 'b'])
  t.equal(plain.exitCode, 0, 'worse is no failure unless asked for')
  t.match(plain.text, /latency <p50> +103 ms \(100 to 105, 6\) +133 ms .*\+30.0 % \[×[\d.]+ to ×[\d.]+\], worse/)

  const failing = await compare(['a', 'b'], { failIfWorse: '10%' })
  t.equal(failing.exitCode, 1)
  t.match(failing.errors, /worse by more than 10 %: latency <p50> \(members 3\) in B: \+30.0 %, 103 ms → 133 ms/)
  t.equal((await compare(['a', 'b'], { failIfWorse: '40' })).exitCode, 0)
  t.equal((await compare(['b', 'a'], { failIfWorse: '10%' })).exitCode, 0, 'it got better')
  t.equal((await compare(['a', 'a'], { failIfWorse: '0' })).exitCode, 0)

  const json = JSON.parse((await compare(['a', 'b'], { json: true, failIfWorse: '10%' })).text)
  t.match(json, { rows: [{ metric: 'latency <p50>', differences: [{ claim: 'worse' }] }, { metric: 'rate', differences: [{ claim: 'too few samples', p: null }] }], failIfWorse: { percent: 10, worse: [{ in: 'B' }] } })
  const markdown = (await compare(['a', 'b'], { markdown: true })).text
  t.match(markdown, /^### Comparison of A, B\n/)
  t.match(markdown, /\n\| metric \| case \| A \| B \| B to A \|\n\| --- \|/)

  await compare(['a', 'b'], { html: 'page.html' })
  const page = readFileSync(join(root, 'page.html'), 'utf8')
  t.match(page, /Worse in B than in A, beyond the spread: latency &lt;p50&gt;/)
  t.notMatch(page, /latency <p50>/, 'what was read is text, also in scripts')
  t.notMatch(page, /(src|href)="?https?:/, 'no request to anywhere')

  for (const [places, flags, said] of [
    [['a'], {}, /two or more/],
    [['a', 'b'], { failIfWorse: 'much' }, /--fail-if-worse much: give a percentage/],
    [['a', 'b'], { json: true, markdown: true }, /give one of them/],
    [['a', 'c'], {}, /There is no .*c\. Give/],
    [['a', 'b'], { html: 'none/page.html' }, /cannot be written/],
    [['a', 'b'], { faultSeconds: 3 }, /--fault-seconds is for measuring: give --members too/],
    [['a', 'b'], { members: [3] }, /give --members, or a b/],
    [[], { members: [3], failIfWorse: '10%' }, /is for records/],
  ] as const) await t.rejects(compare(places, flags), { name: 'UsageError', message: said })
})

t.test('compare: a night with an invalid run that the one before had not fails at any percentage', async (t) => {
  const findings = [{ checker: 'linearizability', verdict: 'invalid' as const, summary: 'key 7: two values', evidence: [] }]
  const root = t.testdir({
    good: { 'night.json': JSON.stringify(nightRecord([nightRun(1), nightRun(2)])) },
    bad: { 'night.json': JSON.stringify(nightRecord([nightRun(1), nightRun(2, { outcome: 'invalid', findings })])) },
  })
  const compare = async (places: readonly string[], flags: CompareFlags) => {
    const errors: string[] = []
    const printed: string[] = []
    const io = { print: (line: string) => void printed.push(line), error: (line: string) => void errors.push(line) }
    return { exitCode: await runCompareCommand(places, flags, [], { ...({} as TestCommandPorts), io, workingDirectory: root }), errors, text: printed.join('\n') }
  }
  const failing = await compare(['good', 'bad'], { failIfWorse: '1000%' })
  t.equal(failing.exitCode, 1)
  t.same(failing.errors, ['worse: the verdict of register, partition, 3 members of registry, simulated in B: 2 valid → 1 valid, 1 invalid (seed 2: linearizability: key 7: two values)'])
  t.equal((await compare(['bad', 'good'], { failIfWorse: '1000%' })).exitCode, 0)
  t.equal((await compare(['good', 'bad'], {})).exitCode, 0, 'unless asked for')
  t.match(JSON.parse((await compare(['good', 'bad'], { failIfWorse: '1000%', json: true })).text), { failIfWorse: { worse: [], broken: [{ in: 'B', before: { valid: 2 }, after: { valid: 1, invalid: 1 } }] } })
})
