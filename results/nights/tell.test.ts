import t from 'tap'
import { SaxesParser } from 'saxes'
import { Parser } from 'tap-parser'
import { failuresOf, headline, plainLine, replayOf, skippedByReason, whatBroke } from './failures.ts'
import { githubAnnotations, githubStepSummary } from './github.ts'
import { junitXml } from './junit.ts'
import { verdictOfNight } from './outcomes.ts'
import { summaryText } from './summary-text.ts'
import { tapText } from './tap.ts'
import { aNight, aRun } from './testing.ts'

/** One night with every outcome, and with evidence that would break out of whatever holds it. */
const hostile = 'k"1\' <b>&amp; ]]> --> \u0000\u001b[31m\u0085\ud800 100% a,b: c\r\n# SKIP not ok | `` ``` ...'
const night = aNight({
  runs: [
    aRun({ seed: 1 }),
    aRun({ seed: 2, outcome: 'invalid', env: 'docker', nemesis: ['kill', 'pause'], findings: [{ checker: 'raft', verdict: 'unknown', summary: 'no traces', evidence: [] }, { checker: 'linearizability', verdict: 'invalid', summary: `${hostile} went back`, evidence: [hostile, 'in between', 'no order explains it'] }] }),
    aRun({ seed: 3, outcome: 'failed', why: `no cluster\n    at place\n    at other`, directory: null }),
    aRun({ seed: 4, outcome: 'unknown', workload: 'lock', findings: [{ checker: 'locks', verdict: 'unknown', summary: 'out of memory', evidence: [] }] }),
    aRun({ seed: 5, outcome: 'skipped', workload: 'lock', why: 'the budget: it is expected to take 40 s, and 3 s were left', tookS: 0, directory: null, throughputPerS: null, answered: null, electionMs: [] }),
    aRun({ seed: 6, outcome: 'skipped', workload: 'lock', why: 'the budget: it is expected to take 40 s, and 2 s were left', tookS: 0, directory: null }),
    aRun({ seed: 7, outcome: 'skipped', workload: 'append', system: 'etcd', why: 'etcd # has none', tookS: 0, directory: null }),
  ],
})

interface XmlElement { readonly name: string, readonly attributes: Readonly<Record<string, string>>, readonly children: XmlElement[], text: string }

/** Strictly: what is no XML 1.0 throws. */
function parseXml(xml: string): XmlElement {
  const parser = new SaxesParser({})
  const root: XmlElement = { name: '', attributes: {}, children: [], text: '' }
  const open = [root]
  parser.on('error', (error) => { throw error })
  parser.on('opentag', ({ name, attributes }) => {
    const element: XmlElement = { name, attributes: attributes as Record<string, string>, children: [], text: '' }
    open.at(-1)!.children.push(element)
    open.push(element)
  })
  parser.on('closetag', () => void open.pop())
  parser.on('text', (text) => { open.at(-1)!.text += text })
  parser.write(xml).close()
  return root.children[0]!
}

/** The attributes and children that the schemas of Jenkins and of Ant both have, by element. */
const allowed: Readonly<Record<string, { readonly attributes: readonly string[], readonly children: readonly string[] }>> = {
  testsuites: { attributes: ['name', 'time', 'tests', 'failures', 'errors'], children: ['testsuite'] },
  testsuite: { attributes: ['name', 'id', 'package', 'hostname', 'timestamp', 'tests', 'failures', 'errors', 'skipped', 'time'], children: ['properties', 'testcase', 'system-out', 'system-err'] },
  properties: { attributes: [], children: ['property'] }, property: { attributes: ['name', 'value'], children: [] },
  testcase: { attributes: ['name', 'classname', 'time'], children: ['failure', 'error', 'skipped'] },
  failure: { attributes: ['type', 'message'], children: [] }, error: { attributes: ['type', 'message'], children: [] }, skipped: { attributes: ['message'], children: [] },
  'system-out': { attributes: [], children: [] }, 'system-err': { attributes: [], children: [] },
}

t.test('JUnit: well-formed whatever the evidence says, as both schemas have it, and its sums add up', async (t) => {
  const xml = junitXml(night, 'results/store')
  const root = parseXml(xml)
  const all: XmlElement[] = []
  const visit = (element: XmlElement) => {
    all.push(element)
    const { attributes, children } = allowed[element.name]!
    t.same(Object.keys(element.attributes).filter((name) => !attributes.includes(name)), [], `attributes of ${element.name}`)
    if (element.name !== 'skipped') t.same(attributes.filter((name) => !(name in element.attributes)), [], `all of ${element.name} are there`)
    const order = element.children.map(({ name }) => children.indexOf(name))
    t.same(order, order.toSorted((a, b) => a - b), `children of ${element.name} in order`)
    t.notOk(order.includes(-1))
    element.children.forEach(visit)
  }
  visit(root)
  t.match(root.attributes, { tests: '7', failures: '2', errors: '1' })
  const suites = all.filter(({ name }) => name === 'testsuite')
  t.same(suites.map(({ attributes }) => attributes['name']), ['register', 'lock', 'append'])
  for (const suite of suites) {
    const cases = suite.children.filter(({ name }) => name === 'testcase')
    const count = (name: string) => String(cases.filter(({ children }) => children[0]?.name === name).length)
    t.match(suite.attributes, { tests: String(cases.length), failures: count('failure'), errors: count('error'), skipped: count('skipped') })
    t.match(suite.attributes['timestamp'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
    t.match(suite.attributes['time'], /^\d+\.\d{3}$/)
  }
  const problems = all.filter(({ name }) => name === 'failure' || name === 'error')
  t.same(problems.map(({ name, attributes }) => [name, attributes['type']]), [['failure', 'invalid'], ['error', 'failed'], ['failure', 'unknown']], 'what is unknown fails too, and says so')
  // The evidence comes back as it was, but for what XML cannot say.
  t.ok(problems[0]!.text.includes('k"1\' <b>&amp; ]]> --> \\u0000\\u001b[31m\\u0085\ufffd 100% a,b: c\r\n# SKIP'), problems[0]!.text)
  t.match(problems[0]!.text, /replay: npx splitbrain replay results\/store\/nights\/x\/register\/r0$/)
})

t.test('TAP: read back by a parser, with the same outcomes and reasons', async (t) => {
  const text = tapText(night, 'results/store')
  const parser = new Parser({ strict: true })
  const points: { ok: boolean, name: string, skip?: string | boolean, diag?: Record<string, unknown> }[] = []
  const noise: string[] = []
  parser.on('assert', (point) => points.push(point as never))
  parser.on('extra', (line) => noise.push(line))
  const done = new Promise<{ readonly ok: boolean, readonly count: number, readonly fail: number, readonly skip: number, readonly failures: readonly unknown[] }>((resolve) => parser.on('complete', (results) => resolve(results as never)))
  parser.end(text)
  t.match(await done, { ok: false, count: 7, fail: 3, skip: 3 })
  t.same(noise, [])
  t.same(points.map(({ ok }) => ok), [true, false, false, false, true, true, true])
  t.match(points[6], { skip: /etcd .?# has none/, name: 'append, partition, 3 members of etcd, simulated, seed 7' })
  t.match(points[1]!.diag, { outcome: 'invalid', replay: 'npx splitbrain replay results/store/nights/x/register/r0' })
  t.match((points[1]!.diag!['evidence'] as string[])[1], 'no order explains it')
  t.match(points[3]!.diag, { outcome: 'unknown', evidence: [] })
  const nothing = new Parser()
  const empty = new Promise<{ readonly ok: boolean }>((resolve) => nothing.on('complete', (results) => resolve(results as never)))
  nothing.end(tapText(aNight({ runs: [] }), 's'))
  t.equal((await empty).ok, true)
})

t.test('GitHub: one line each, nothing of the evidence taken for a command', async (t) => {
  const lines = githubAnnotations(night, 'results/store')
  t.equal(lines.length, 4)
  for (const line of lines) {
    t.notMatch(line, /[\r\n\u0000\u001b]/)
    t.match(line, /^::(error|warning|notice) title=[^,:]*::/)
  }
  t.match(lines[0], /^::error title=invalid%3A register%2C kill\+pause.*100%25 a,b.*%0Ano order explains it%0Areplay: npx splitbrain replay/)
  t.match(lines[2], /^::warning title=unknown%3A lock/)
  t.match(lines[3], /^::notice .*1 invalid, 1 failed, 1 unknown, 1 valid, 3 skipped/)
  const many = githubAnnotations(aNight({ runs: Array.from({ length: 30 }, (_, seed) => aRun({ seed, outcome: 'invalid' })) }), 's')
  t.equal(many.filter((line) => line.startsWith('::error')).length, 10, 'no more than are shown')
  t.match(many[9], /21 more/)

  const markdown = githubStepSummary(night, 'results/store')
  t.match(markdown, /^````\nlinearizability: .*```/m, 'the fence is longer than what it holds')
  t.match(markdown, /\| register \| kill\+pause \| 3 \| registry \| docker \| {2}\| 1 \| {2}\| {2}\| {2}\|/)
  t.match(markdown, /npx splitbrain replay results\/store\/nights\/x\/register\/r0/)
  t.match(markdown, /- 1 skipped: etcd \\# has none/)
})

t.test('the terminal: the matrix, what was skipped, and at the end each failure with its evidence and its replay', async (t) => {
  const lines = summaryText(night, 'results/store')
  t.match(lines[0], /invalid\. 7 runs: 1 invalid, 1 failed, 1 unknown, 1 valid, 3 skipped; 1 min 1 s of 10 min/)
  t.ok(lines.every((line) => !/[\u0000-\u001f]/.test(line)), 'no control characters')
  t.match(lines.find((line) => line.includes('register under partition')), /1 +· +· +1 +· +180 +97\.0% +250 ms/)
  t.match(lines.filter((line) => line.includes('skipped:')), [/2 skipped: the budget/, /1 skipped: etcd # has none/])
  const end = lines.slice(lines.indexOf('') + 1)
  t.same(end.filter((line) => /^(invalid|failed|unknown):/.test(line)).map((line) => line.split(':')[0]), ['invalid', 'failed', 'unknown'], 'the worst first')
  t.match(end.slice(0, 5), [/^invalid: register, kill\+pause, 3 members of registry, docker, seed 2$/, /what broke: linearizability: k"1/, / {4}in between/, / {4}no order explains it/, / replay: npx splitbrain replay/])
  t.match(end.slice(6, 11), [/^failed:/, /what broke: the run itself failed: no cluster/, /at place/, /at other/, /replay: npx splitbrain test --env simulated --seed 3/])
})

t.test('in short', async (t) => {
  t.equal(verdictOfNight(night), 'invalid')
  const of = (...outcomes: readonly ('valid' | 'failed' | 'unknown' | 'skipped')[]) => verdictOfNight({ runs: outcomes.map((outcome) => aRun({ outcome })) })
  t.equal(of('valid', 'unknown', 'failed'), 'failed')
  t.equal(of('valid', 'unknown'), 'unknown')
  t.equal(of('valid', 'skipped'), 'valid')
  t.equal(of('skipped'), 'unknown', 'nothing was seen')
  t.equal(failuresOf(night).length, 3)
  t.match(headline(night), /^Night of 2026-11-21 02:00 UTC: invalid/)
  t.equal(replayOf(aRun({ env: 'local', outcome: 'invalid' }), "my store"), "npx splitbrain replay 'my store/nights/x/register/r0'")
  t.equal(replayOf(aRun({ env: 'local', outcome: 'failed' }), 's'), 'npx splitbrain test --env simulated --seed 1', 'a run that failed has no faults to be done again')
  t.same(whatBroke(aRun({ outcome: 'invalid', findings: [{ checker: 'a', verdict: 'unknown', summary: 'x', evidence: [] }, { checker: 'b', verdict: 'invalid', summary: 'lost k1', evidence: ['lost k1', 'one', 'two', 'three'] }] })), { what: 'b: lost k1', evidence: ['one', 'three'] })
  t.same(whatBroke(aRun({ outcome: 'invalid', findings: [{ checker: 'a', verdict: 'invalid', summary: 'x', evidence: [] }, { checker: 'b', verdict: 'unknown', summary: 'y', evidence: [] }] })).evidence, ['b: y'])
  t.equal(plainLine('a\u202eb\u001b[0m\tc'), 'a\\u202eb\\u001b[0m c')
  t.equal(plainLine('x'.repeat(1000)).length, 240)
  t.same(skippedByReason(night).map(({ runs }) => runs.length), [2, 1])
})
