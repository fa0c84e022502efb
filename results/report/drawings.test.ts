import { SaxesParser } from 'saxes'
import t from 'tap'
import { checkListAppend } from '../../harness/checkers/elle/list-append.ts'
import { allAtOnce, oneByOne, transactionsOf } from '../../harness/checkers/elle/testing.ts'
import { lockText } from '../../harness/checkers/lock-text.ts'
import { checkLocks } from '../../harness/checkers/locks.ts'
import { checkSets } from '../../harness/checkers/set/check-set.ts'
import { historyOf } from '../../harness/checkers/testing.ts'
import type { CheckResult } from '../../harness/checkers/verdict.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'
import { resolvePlan } from '../../harness/plan/resolve-plan.ts'
import { renderReport } from './render-report.ts'
import { madeInput } from './testing-input.ts'

interface Picture {
  /** The text alternative. */
  readonly label: string
  /** Text of elements by class, in order of appearance; tooltips are not counted. */
  readonly texts: ReadonlyMap<string, readonly string[]>
  readonly numbers: readonly number[]
}

/** The pictures of a report's evidence, read as XML: whoever is no SVG throws. */
function picturesOf(history: readonly HistoryEvent[], results: readonly CheckResult[]): { readonly html: string, readonly pictures: readonly Picture[] } {
  const html = renderReport({ ...madeInput([...history]), results })
  const section = /<section id="evidence">.*?<\/section>/s.exec(html)![0]
  return { html: section, pictures: [...section.matchAll(/<svg class="evidence.*?<\/svg>/gs)].map(([svg]) => read(svg)) }
}

function read(svg: string): Picture {
  const texts = new Map<string, string[]>()
  const numbers: number[] = []
  const open: { readonly name: string, readonly own: string[] }[] = []
  let label = ''
  const parser = new SaxesParser()
  parser.on('error', (error) => { throw error })
  parser.on('opentag', ({ name, attributes }) => {
    if (name === 'svg') label = attributes['aria-label'] ?? ''
    for (const attribute of ['x', 'y', 'x1', 'x2', 'y1', 'y2', 'width', 'height']) if (name !== 'svg' && attributes[attribute] !== undefined) numbers.push(Number(attributes[attribute]))
    const own = (attributes['class'] ?? '').split(' ').filter((one) => one !== '')
    open.push({ name, own })
    for (const one of own) texts.set(one, [...texts.get(one) ?? [], ''])
  })
  parser.on('text', (text) => {
    if (open.at(-1)?.name === 'title') return
    for (const { own } of open) for (const one of own) texts.get(one)![texts.get(one)!.length - 1] += text
  })
  parser.on('closetag', () => { open.pop() })
  parser.write(svg).close()
  return { label, texts, numbers }
}

t.test('a cycle of transactions: who, what, the kind and the proof of each step, and when they were', async (t) => {
  const history = transactionsOf(oneByOne('append x 1', 'r x [], append y 3', 'r x [1]'))
  const { html, pictures: [graph, timeline] } = picturesOf(history, [checkListAppend(history)])
  t.same(graph!.texts.get('name'), ['T1worker 1, ok, index 2–3', 'T0worker 0, ok, index 0–1'])
  t.same(graph!.texts.get('kind'), ['rw', 'realtime'])
  t.same(graph!.texts.get('proof'), ['x was read without 1', 'ended at 1, began at 2'])
  t.same(graph!.texts.get('marked'), ['[]', '1'], 'what was read and what it lacks')
  t.match(graph!.label, 'T1 before T0 (rw): T1 read x as [], without 1, which T0 appended')
  t.same(timeline!.texts.get('ok'), ['T0: append x 1', 'T1: r x [], append y 3'])
  t.match(html, '<li><b>T0</b> before <b>T1</b> (realtime)')
  t.match(html, 'and so T1 was before itself')
})

t.test('a ring of any length has a box for each and an arrow for each step, all of them in sight', async (t) => {
  for (const count of [2, 3, 4, 5, 8]) {
    const history = transactionsOf(allAtOnce(...Array.from({ length: count }, (_, i) => `append k${i} ${i}, r k${(i + 1) % count} []`), Array.from({ length: count }, (_, i) => `r k${i} [${i}]`).join(', ')))
    const { pictures: [graph] } = picturesOf(history, [checkListAppend(history)])
    t.equal(graph!.texts.get('transaction')!.length, count)
    t.same(graph!.texts.get('kind'), Array.from({ length: count }, () => 'rw'))
    t.same(graph!.texts.get('marked')!.length, 2 * count)
    t.ok(graph!.numbers.every((number) => number >= 0 && Number.isFinite(number)), 'nothing lies outside')
  }
})

const direct: readonly { readonly name: string, readonly text: string, readonly names: readonly string[], readonly marked: readonly string[] }[] = [
  { name: 'G1a', names: ['T0', 'T1'], marked: ['7', '7'], text: '0 invoke append x 7\n0 fail append x 7\n1 invoke r x\n1 ok r x [7]' },
  { name: 'G1b', names: ['T0', 'T1'], marked: ['1', '1'], text: allAtOnce('append x 1, append x 2', 'r x [1]', 'r x [1 2]') },
  { name: 'dirty-update', names: ['T0', 'T1'], marked: ['1', '2'], text: '0 invoke append x 1\n0 fail append x 1\n1 invoke append x 2\n1 ok append x 2\n1 invoke r x\n1 ok r x [1 2]' },
  { name: 'internal', names: ['T0'], marked: ['append x 1', 'r x []'], text: '0 invoke append x 1, r x, r y\n0 ok append x 1, r x [], r y []' },
  { name: 'lost-update', names: ['T0', 'T1'], marked: ['r x []', 'append x 1', 'r x []', 'append x 2'], text: allAtOnce('r x [], append x 1', 'r x [], append x 2', 'r x [1 2]') },
  { name: 'garbage-read', names: ['T1'], marked: ['9'], text: oneByOne('append x 1', 'r x [1 9]') },
  { name: 'incompatible-order', names: ['T0', 'T1'], marked: ['1', '2', '2 1'], text: oneByOne('append x 1, append x 2', 'r x [2 1]') },
]
for (const { name, text, names, marked } of direct) {
  t.test(`${name}: the transactions, and what is in question marked`, async (t) => {
    const history = transactionsOf(text)
    const result = checkListAppend(history)
    const evidence = result.evidence.filter(({ title }) => title.startsWith(`${name}:`))
    const { html, pictures: [graph] } = picturesOf(history, [{ ...result, evidence }])
    t.same(graph!.texts.get('name')!.map((one) => one.slice(0, 2)), names)
    t.same(graph!.texts.get('marked')!.join(' '), marked.join(' '))
    t.match(evidence[0]!.explanation.join('\n'), `«${marked[0]}`, 'and so it is in a terminal')
    t.match(html, 'class="impossible"')
  })
}

/** Each band as its class and what it says, in order of appearance. */
interface BandPicture { readonly certain: readonly string[], readonly perhaps: readonly string[], readonly rule: readonly string[], readonly wrong: readonly string[], readonly lane: readonly string[], readonly label: string }

function bandsOf({ texts, label }: Picture): BandPicture {
  const of = (name: string) => texts.get(name) ?? []
  return { certain: of('certain'), perhaps: of('perhaps'), rule: of('rule'), wrong: of('wrong'), lane: of('lane'), label }
}

const lockPlan = resolvePlan({ nemesis: [], operationTimeout: 1000 }, { env: 'local', drawSeed: () => 1, workloads: ['register'], nemeses: [], partitionTargets: [] })

/** `wrong`: bands and moments that cannot have been; moments begin with ✗. */
const locks: readonly { readonly name: string, readonly text: string, readonly lanes: readonly string[], readonly wrong: readonly string[], readonly rule: readonly string[], readonly terminal: RegExp }[] = [
  {
    name: 'two holds that overlap', lanes: ['session s1 (worker 0)', 'session s2 (worker 1)', 'a must be'],
    wrong: ['acquires', 'holds it', '✗ a lock was acquired though another held it'], rule: ['LockIndex 1, session s1'], terminal: /├─+holds it─+┤\nsession s2 \(worker 1\) +┣━+acquires━+┣━holds it━┫\n/,
    text: `1.0-1.1 0 acquire a s1 t1 held
      1.5-1.6 1 acquire a s2 t2 held`,
  },
  {
    name: 'a fencing index that stood still', lanes: ['session s1 (worker 0)', 'session s2 (worker 1)', 'worker 2', 'a must be'],
    wrong: ['read LockIndex 1, session s2', '✗ a LockIndex that does not count acquisitions'], rule: ['LockIndex 2, session s2'], terminal: /LockIndex that does not count acquisitions \(1\.700 s\) ✗/,
    text: `1.0-1.1 0 acquire a s1 t1 held
      1.2-1.3 0 release a s1 t2 yes
      1.4-1.5 1 acquire a s2 t3 held
      1.6-1.7 2 read a s2 t3 1 12`,
  },
  {
    name: 'a lock-delay that was not honoured', lanes: ['session s1 (worker 0)', 'session s2 (worker 1)', 'lock-delay', 'a must be'],
    wrong: ['acquires', 'holds it', '✗ a lock was acquired within its lock-delay'], rule: ['3 s after session s1', 'LockIndex 1, free'], terminal: /lock-delay +╞═+3 s after session s1═+╡/,
    text: `1.0-1.1 0 acquire a s1 t1 held delay=3
      2.0-2.1 0 destroy s1
      4.8-4.9 1 acquire a s2 t3 held`,
  },
  {
    name: 'a session that was gone too soon', lanes: ['session s1 (worker 0)'], wrong: ['✗ it was gone'], rule: ['lives at least so long'], terminal: / it was gone \(3\.100 s\) ✗/,
    text: `1.0-1.1 0 acquire a s1 t1 held ttl=10
      3.0-3.1 0 renew s1 unknown`,
  },
  {
    name: 'a lock that does not come free', lanes: ['worker 1 waits', 'may take at most'], wrong: ['for a', '✗ free by here'], rule: ['42.0 s'], terminal: / free by here \(44\.000 s\) ✗/,
    text: `1.0-1.1 0 acquire a s1 t1 held ttl=10
      2.0-45.0 1 cycle a s9 t9 stuck 43000`,
  },
  {
    name: 'a holder whose time was over', lanes: ['session s1 (worker 0)', 'worker 1 reads'], wrong: ['held by session s1', '✗ it holds it still'], rule: ['ends at most so late'], terminal: / it holds it still \(60\.000 s\) ✗/,
    text: `1.0-1.1 0 acquire a s1 t1 held ttl=10
      60.0-60.1 1 read a s1 t1 1 10`,
  },
]
for (const { name, text, lanes, wrong, rule, terminal } of locks) {
  t.test(`locks: ${name}`, async (t) => {
    const { history, faults } = lockText(text)
    const results = (await checkLocks(history, lockPlan, { faults })).filter(({ verdict }) => verdict === 'invalid')
    const { html, pictures } = picturesOf(history, results)
    const picture = bandsOf(pictures[0]!)
    t.same(picture.lane, lanes)
    t.same(picture.wrong, wrong)
    t.same(picture.rule, rule)
    for (const said of rule) t.match(picture.label, said, 'the text alternative says it too')
    t.match(html, `<li>${lanes[0]}: `)
    t.match(results[0]!.evidence[0]!.explanation.join('\n'), terminal)
    t.same(JSON.parse(JSON.stringify(results[0]!.evidence[0]!.drawing)), results[0]!.evidence[0]!.drawing, 'it is kept with the verdict as it is')
  })
}

t.test('locks: two updates at once are drawn in the holds that they were done under', async (t) => {
  const { history, faults } = lockText(`1.0-1.1 0 acquire a s1 t1 held
    1.2-1.3 1 acquire a s2 t2 held
    1.4-1.5 0 guard a s1 - t3
    1.4-1.6 1 guard a s2 - t4`)
  const results = (await checkLocks(history, lockPlan, { faults })).filter(({ checker }) => checker === 'guarded')
  const picture = bandsOf(picturesOf(history, results).pictures[0]!)
  t.same(picture.certain, ['holds it', 'holds it'])
  t.same(picture.wrong, ['nothing → t3', 'nothing → t4', '✗ both read nothing'])
})

const once = (process: number, f: string, value: string) => `${process} invoke ${f} s ${f === 'add' ? value : ''}\n${process} ok ${f} s ${value}`
const sets: readonly { readonly name: string, readonly text: readonly string[], readonly lanes: readonly string[], readonly certain: readonly string[], readonly wrong: readonly string[] }[] = [
  {
    name: 'lost: the add, who saw it, who did not, and since when', text: [once(0, 'add', '1'), once(1, 'read', '[1]'), once(0, 'add', '2'), once(1, 'read', '[1,2]'), once(1, 'read', '[2]'), once(2, 'final-read', '[2]')],
    lanes: ['add 1 (index 0)', 'read (index 2)', 'read (index 6)', 'read (index 8)', 'final read (index 10)'],
    certain: ['acknowledged', 'has it', 'has it'], wrong: ['lacks it', 'lacks it', '✗ lost by here'],
  },
  {
    name: 'lost: of many reads that say the same the first and the last', text: [once(0, 'add', '1'), ...Array.from({ length: 30 }, () => once(1, 'read', '[]'))],
    lanes: ['add 1 (index 0)', 'read (index 2)', 'read (index 4)', '26 more reads', 'read (index 58)', 'read (index 60)'],
    certain: ['acknowledged'], wrong: ['lacks it', 'lacks it', 'lacks it', 'lacks it', 'lacks it', '✗ lost by here'],
  },
  {
    name: 'many that see it and do not by turns: where it begins, changes, is wrong, and ends', text: [once(0, 'add', '1'), ...Array.from({ length: 20 }, () => [once(1, 'read', '[1]'), once(1, 'read', '[]')]).flat()],
    lanes: ['add 1 (index 0)', ...[2, 4, 6, 8, 10, 12, 14, 16, 18].map((index) => `read (index ${index})`), '28 more reads', ...[76, 78, 80].map((index) => `read (index ${index})`)],
    certain: ['acknowledged', ...Array.from({ length: 6 }, () => 'has it')], wrong: [...Array.from({ length: 6 }, () => 'lacks it'), '✗ lost by here'],
  },
  { name: 'stale', text: [once(0, 'add', '1'), once(1, 'read', '[]'), once(1, 'read', '[1]')], lanes: ['add 1 (index 0)', 'read (index 2)', 'read (index 4)'], certain: ['acknowledged', 'has it'], wrong: ['lacks it', '✗ missing'] },
  { name: 'from nowhere', text: [once(0, 'add', '1'), once(1, 'read', '[1,9]')], lanes: ['read (index 2)'], certain: [], wrong: ['has it', '✗ nobody added it'] },
  { name: 'failed and seen', text: ['0 invoke add s 7', '0 fail add s 7', once(1, 'read', '[7]')], lanes: ['add 7 (index 0)', 'read (index 2)'], certain: [], wrong: ['has it', '✗ its add had failed'] },
  { name: 'twice', text: [once(0, 'add', '1'), once(1, 'read', '[1,1]')], lanes: ['add 1 (index 0)', 'read (index 2)'], certain: ['acknowledged'], wrong: ['has it more than once', '✗ more than once'] },
]
for (const { name, text, lanes, certain, wrong } of sets) {
  t.test(`a set: ${name}`, async (t) => {
    const history = historyOf(text.join('\n'))
    const result = checkSets(history, { staleReads: false })
    const picture = bandsOf(picturesOf(history, [result]).pictures[0]!)
    t.same({ lanes: picture.lane, certain: picture.certain, wrong: picture.wrong }, { lanes, certain, wrong })
    const told = result.evidence[0]!.explanation.join('\n')
    for (const lane of lanes) t.ok(told.includes(`\n${lane} `) || told.includes(`\n${lane}: `), `${lane} in a terminal`)
    t.match(told, wrong.at(-1)!.slice(2))
  })
}
