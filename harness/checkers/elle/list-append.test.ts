import t from 'tap'
import { checkListAppend } from './list-append.ts'
import { allAtOnce, oneByOne, transactionsOf } from './testing.ts'

const check = (text: string) => checkListAppend(transactionsOf(text))
const anomaliesOf = (text: string) => Object.keys(check(text).details['anomalies'] as object)

/** Histories that a strictly serializable system can make. */
const accepted: Readonly<Record<string, string>> = {
  'one after the other': oneByOne('append x 1', 'r x [1]', 'append x 2, r x [1 2]', 'r x [1 2], append y 3', 'r y [3], r x [1 2]'),
  'two at once, in one of their orders': allAtOnce('append x 1, r y []', 'append y 2, r x [1]'),
  'a read of a list that nobody has appended to': oneByOne('r x []', 'append x 1'),
  'one that may have happened and was not seen': '0 invoke append x 1\n0 info append x 1\n1 invoke r x\n1 ok r x []',
  'one that may have happened and was seen much later': `0 invoke append x 1
    0 info append x 1
    1 invoke r x\n1 ok r x []
    1 invoke r x\n1 ok r x [1]`,
  'one that never ended and was seen': '0 invoke append x 1\n1 invoke r x\n1 ok r x [1]',
  'one that was aborted and not seen': '0 invoke append x 1\n0 fail append x 1\n1 invoke r x\n1 ok r x []',
  'several appends of one transaction': oneByOne('append x 1, append x 2, r x [1 2]', 'r x [1 2]'),
  'appends that nobody read, behind those that were': oneByOne('append x 1', 'r x [1]', 'append x 2', 'append x 3'),
}

for (const [what, text] of Object.entries(accepted)) {
  t.test(`accepted: ${what}`, async (t) => {
    const result = check(text)
    t.equal(result.verdict, 'valid', `${result.summary}\n${JSON.stringify(result.evidence, null, 2)}`)
  })
}

/** Histories that it cannot make, and all that is wrong with each. */
const rejected: readonly { readonly what: string, readonly text: string, readonly anomalies: readonly string[] }[] = [
  { what: 'dirty write', anomalies: ['G0'], text: allAtOnce('append x 1, append y 1', 'append x 2, append y 2', 'r x [1 2]', 'r y [2 1]') },
  {
    what: 'aborted read', anomalies: ['G1a'],
    text: '0 invoke append x 1\n0 fail append x 1\n1 invoke r x\n1 ok r x [1]',
  },
  {
    what: 'a write upon an aborted one', anomalies: ['G1a', 'dirty-update'],
    text: '0 invoke append x 1\n0 fail append x 1\n1 invoke append x 2\n1 ok append x 2\n1 invoke r x\n1 ok r x [1 2]',
  },
  { what: 'intermediate read', anomalies: ['G1b', 'G-single'], text: allAtOnce('append x 1, append x 2', 'r x [1]', 'r x [1 2]') },
  { what: 'circular information flow', anomalies: ['G1c'], text: allAtOnce('append x 1, r y [2]', 'append y 2, r x [1]') },
  { what: 'read skew', anomalies: ['G-single'], text: allAtOnce('append x 1, append y 1', 'r x [1], r y []', 'r y [1]') },
  { what: 'write skew', anomalies: ['G2-item'], text: allAtOnce('r x [], append y 1', 'r y [], append x 2', 'r x [2], r y [1]') },
  { what: 'long fork', anomalies: ['G-nonadjacent'], text: allAtOnce('append x 1', 'append y 2', 'r x [1], r y []', 'r x [], r y [2]', 'r x [1], r y [2]') },
  { what: 'lost update', anomalies: ['lost-update', 'G-single'], text: allAtOnce('r x [], append x 1', 'r x [], append x 2', 'r x [1 2]') },
  { what: 'lost update of which one append is gone', anomalies: ['lost-update', 'G-single'], text: allAtOnce('r x [], append x 1', 'r x [], append x 2', 'r x [1]') },
  { what: 'own append not read', anomalies: ['internal'], text: oneByOne('append x 1, r x []') },
  { what: 'own append read before it was made', anomalies: ['internal'], text: oneByOne('r x [1], append x 1') },
  { what: 'two reads of one transaction that differ', anomalies: ['internal', 'G-single'], text: allAtOnce('append x 1', 'r x [], r x [1]') },
  { what: 'an element twice', anomalies: ['duplicate-elements'], text: oneByOne('append x 1', 'r x [1 1]') },
  { what: 'an element from nowhere', anomalies: ['garbage-read'], text: oneByOne('append x 1', 'r x [1 9]') },
  { what: 'two orders', anomalies: ['cyclic-versions'], text: allAtOnce('append x 1', 'append x 2', 'r x [1 2]', 'r x [2 1]') },
  { what: 'two branches', anomalies: ['incompatible-order'], text: allAtOnce('append x 1', 'append x 2', 'append x 3', 'r x [1 2]', 'r x [1 3]') },
  { what: 'one transaction\'s appends in the wrong order', anomalies: ['incompatible-order', 'G1b'], text: allAtOnce('append x 1, append x 2', 'r x [2 1]') },
  { what: 'stale read', anomalies: ['G-single-realtime'], text: oneByOne('append x 1', 'r x []', 'r x [1]') },
  { what: 'stale read by the worker that wrote', anomalies: ['G-single-process'], text: '0 invoke append x 1\n0 ok append x 1\n0 invoke r x\n0 ok r x []\n1 invoke r x\n1 ok r x [1]' },
  { what: 'acknowledged, and never seen', anomalies: ['G-single-realtime'], text: oneByOne('append x 1', 'r x []') },
  { what: 'written in the wrong order of time', anomalies: ['G0-realtime'], text: `${oneByOne('append x 1', 'append x 2')}\n2 invoke r x\n2 ok r x [2 1]` },
  { what: 'read before it was begun', anomalies: ['G1c-realtime'], text: oneByOne('r x [1]', 'append x 1') },
  {
    what: 'write skew by the order of time', anomalies: ['G2-item-realtime'],
    text: `1 invoke append x 1, r y\n2 invoke append y 2\n2 ok append y 2\n0 invoke r x\n0 ok r x []\n1 ok append x 1, r y []
      3 invoke r x, r y\n3 ok r x [1], r y [2]`,
  },
  {
    what: 'seen by one, gone for the next', anomalies: ['G-single-realtime'],
    text: '0 invoke append x 1\n0 info append x 1\n1 invoke r x\n1 ok r x [1]\n2 invoke r x\n2 ok r x []',
  },
  {
    what: 'half of one that may have happened', anomalies: ['G-single'],
    text: '0 invoke append x 1, append y 2\n0 info append x 1, append y 2\n1 invoke r x, r y\n1 ok r x [1], r y []',
  },
]

for (const { what, text, anomalies } of rejected) {
  t.test(`rejected: ${what}`, async (t) => {
    const result = check(text)
    t.equal(result.verdict, 'invalid')
    t.same(anomaliesOf(text), anomalies, result.summary)
    t.same(new Set(result.evidence.map(({ title }) => title.split(':')[0])), new Set(anomalies), 'evidence for each')
    for (const { explanation, eventIndexes } of result.evidence) t.ok(explanation.length > 0 && eventIndexes.length > 0)
  })
}

t.test('a cycle in words', async (t) => {
  const { summary, evidence } = check(oneByOne('append x 1', 'r x []', 'r x [1]'))
  t.equal(summary, 'Not strictly serializable: G-single-realtime. Ruled out by G-single-realtime: strict forms (by real time) of: snapshot isolation, serializable; so strict serializability.')
  t.same(evidence[0]!.explanation, [
    'T1 (worker 1, ok, index 2–3): r x «[]»',
    '  ↓ rw to T0: T1 read x as [], without 1, which T0 appended',
    'T0 (worker 0, ok, index 0–1): append x «1»',
    '  ↓ realtime to T1: T0 ended (index 1) before T1 began (index 2)',
    '',
    'worker 0 ├─T0─┤',
    'worker 1       ├─T1─┤',
    '',
    'Each was before the next, and so T1 was before itself: a cycle of 2 (rw, realtime).',
  ])
})

t.test('nothing to check is unknown', async (t) => {
  t.equal(checkListAppend([]).verdict, 'unknown')
  t.equal(check('0 invoke append x 1\n0 fail append x 1').verdict, 'unknown')
  t.match(check(oneByOne('append x 1')).summary, /none read/)
})

t.test('histories that contradict themselves are refused', async (t) => {
  t.throws(() => check(oneByOne('append x 1', 'append x 1')), /twice/)
  t.throws(() => check('0 invoke append x 1\n0 invoke append x 2'), /has not ended/)
  t.throws(() => check('0 ok append x 1'), /invoked nothing/)
  t.throws(() => checkListAppend([{ index: 0, time: 0, process: 0, type: 'invoke', f: 'write', value: 3 }]), /no list of operations/)
})

t.test('stale reads may show the past, but only one moment of it; writers and final reads may not', async (t) => {
  const stale = (text: string, final = false) => checkListAppend(transactionsOf(text).map((event) => final ? { ...event, f: 'final-txn' } : event), { staleReads: true })
  const old = oneByOne('append x 1', 'r x []', 'r x [1]')
  t.equal(stale(old).verdict, 'valid')
  t.equal(stale(old, true).verdict, 'invalid')
  t.equal(stale(oneByOne('append x 1', 'r x [], append y 2', 'r x [1]')).verdict, 'invalid')
  t.equal(stale(allAtOnce('append x 1, append y 1', 'r x [1], r y []', 'r y [1]')).verdict, 'invalid')
})
