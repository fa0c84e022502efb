import fc from 'fast-check'
import t from 'tap'
import { seededRandom, type Random } from '../../../node/base/random.ts'
import type { OperationEvent } from '../../history/event.ts'
import { historyOf } from '../testing.ts'
import { checkSets } from './check-set.ts'
import { readSets } from './set-history.ts'

const check = (text: string, staleReads = false) => checkSets(historyOf(text), { staleReads })
/** Done by itself. */
const done = (process: number, f: string, value: string, key = 's') => `${process} invoke ${f} ${key} ${f === 'add' ? value : ''}\n${process} ok ${f} ${key} ${value}`
const story = (...lines: readonly string[]) => lines.join('\n')

const accepted: Readonly<Record<string, string>> = {
  'added and read': story(done(0, 'add', '1'), done(1, 'read', '[1]'), done(0, 'add', '2'), done(1, 'read', '[1,2]')),
  'read while it was being added': story('0 invoke add s 1', done(1, 'read', '[]'), done(1, 'read', '[1]'), '0 ok add s 1', done(2, 'read', '[1]')),
  'may have happened, and did': story('0 invoke add s 1', '0 info add s 1', done(1, 'add', '2'), done(1, 'read', '[2]'), done(1, 'read', '[2,1]')),
  'may have happened, and did not': story('0 invoke add s 1', '0 info add s 1', done(1, 'add', '2'), done(1, 'read', '[2]')),
  'failed and not seen': story('0 invoke add s 1', '0 fail add s 1', done(1, 'add', '2'), done(1, 'read', '[2]')),
  'two sets': story(done(0, 'add', '1', 'a'), done(0, 'add', '2', 'b'), done(1, 'read', '[1]', 'a'), done(1, 'final-read', '[2]', 'b')),
}
for (const [what, text] of Object.entries(accepted)) {
  t.test(`accepted: ${what}`, async (t) => {
    const result = check(text)
    t.equal(result.verdict, 'valid', `${result.summary} ${JSON.stringify(result.evidence)}`)
  })
}

const rejected: Readonly<Record<string, readonly [kinds: string, text: string]>> = {
  'acknowledged, never seen': ['lost', story(done(0, 'add', '1'), done(1, 'read', '[]'))],
  'seen, and then gone': ['lost', story('0 invoke add s 1', '0 info add s 1', done(1, 'read', '[1]'), done(2, 'read', '[]'))],
  'seen late': ['stale', story(done(0, 'add', '1'), done(1, 'read', '[]'), done(1, 'read', '[1]'))],
  'missing, though a later one is there': ['stale', story('2 invoke read s', done(0, 'add', '1'), done(0, 'add', '2'), '2 ok read s [2]', done(1, 'read', '[1,2]'))],
  'from nowhere': ['unexpected', story(done(0, 'add', '1'), done(1, 'read', '[1,9]'))],
  'failed and seen': ['unexpected', story('0 invoke add s 7', '0 fail add s 7', done(0, 'add', '1'), done(1, 'read', '[1,7]'))],
  'seen before it was added': ['unexpected', story(done(1, 'read', '[1]'), done(0, 'add', '1'), done(1, 'read', '[1]'))],
  'twice in an answer': ['duplicated', story(done(0, 'add', '1'), done(1, 'read', '[1,1]'))],
  'two orders': ['split', story('0 invoke add s 1', '1 invoke add s 2', '2 invoke read s', '3 invoke read s', '2 ok read s [1]', '3 ok read s [2]', '0 ok add s 1', '1 ok add s 2', done(4, 'read', '[1,2]'))],
}
for (const [what, [kind, text]] of Object.entries(rejected)) {
  t.test(`rejected: ${what}`, async (t) => {
    const { verdict, evidence, details, summary } = check(text)
    t.equal(verdict, 'invalid')
    t.same([...new Set(evidence.map(({ title }) => title.split(':')[0]))], [kind], summary)
    t.equal(details[kind], 1)
    t.ok(evidence.every(({ eventIndexes, explanation }) => eventIndexes.length >= 2 && explanation.length >= 2))
  })
}

t.test('unknown: nothing was acknowledged, or not read again', async (t) => {
  t.equal(check('0 invoke add s 1\n0 info add s 1').verdict, 'unknown')
  t.match(check(story(done(0, 'add', '1'), done(1, 'read', '[1]'), done(0, 'add', '2'))), { verdict: 'unknown', summary: /1 elements were never read.*2 of s/, details: { neverRead: 1 } })
})

t.test('stale reads: the past is told and not held against them, but it must be one past; final reads show the present', async (t) => {
  const late = story(done(0, 'add', '1'), done(1, 'read', '[]'), done(1, 'read', '[]'), done(1, 'final-read', '[1]'))
  const result = check(late, true)
  t.match(result, { verdict: 'valid', details: { seenLate: 1 } })
  // historyOf counts a millisecond an event: acknowledged at 1, the last read that lacked it began at 4.
  t.equal((result.details['visibleAfterMs'] as { max: number }).max, 3)
  t.match(result.summary, /1 seen late/)
  t.equal(check(story(done(0, 'add', '1'), done(1, 'final-read', '[]')), true).verdict, 'invalid')
  t.equal(check(story(done(0, 'add', '1'), done(0, 'add', '2'), done(1, 'read', '[2]'), done(1, 'final-read', '[1,2]')), true).verdict, 'invalid', '1 was there before 2')
})

/** By trying every order of what happened. */
function canBeOrdered(history: readonly OperationEvent[]): boolean {
  const [set] = readSets(history)
  if (set === undefined) return true
  const operations = [...[...set.adds.values()].filter(({ outcome }) => outcome !== 'fail'), ...set.reads]
  type One = typeof operations[number]
  const search = (left: readonly One[], state: ReadonlySet<unknown>): boolean => {
    if (left.every((one) => one.returned === Number.POSITIVE_INFINITY)) return true
    const firstReturn = Math.min(...left.map(({ returned }) => returned))
    return left.some((one) => {
      if (one.invoked > firstReturn) return false
      const others = left.filter((other) => other !== one)
      if ('element' in one) return search(others, new Set([...state, one.element])) || (one.outcome === 'info' && search(others, state))
      return one.twice.length === 0 && one.elements.size === state.size && [...one.elements].every((element) => state.has(element)) && search(others, state)
    })
  }
  return search(operations, new Set())
}

/** A few adds and reads that overlap; what reads see is now and then something else. */
function randomHistory(random: Random): OperationEvent[] {
  const operations = Array.from({ length: random.between(2, 8) }, (_, i) => {
    const begin = random.fraction() * 3
    const end = begin + random.fraction()
    return { begin, end, effect: random.chance(0.93) ? begin + random.fraction() * (end - begin) : random.fraction() * 4, add: random.chance(0.5), element: i, outcome: random.pick(['ok', 'ok', 'ok', 'info', 'fail'] as const) }
  })
  const state = new Set<number>()
  const seen = new Map<number, number[]>()
  for (const { add, element, outcome } of [...operations].sort((a, b) => a.effect - b.effect)) {
    if (!add) seen.set(element, random.chance(0.9) ? [...state] : [...state].filter(() => random.chance(0.6)))
    else if (outcome === 'ok' ? random.chance(0.97) : outcome === 'info' ? random.chance(0.5) : random.chance(0.05)) state.add(element)
  }
  return operations.flatMap(({ begin, end, add, element: process, outcome }) => [
    { time: begin, process, type: 'invoke' as const, f: add ? 'add' : 'read', value: add ? process : null },
    { time: end, process, type: add ? outcome : 'ok' as const, f: add ? 'add' : 'read', value: add ? process : seen.get(process) },
  ]).sort((a, b) => a.time - b.time).map((event, index) => ({ ...event, index, time: index }))
}

t.test('agrees with the search of all orders', async (t) => {
  const counts = { some: 0, none: 0 }
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
    const history = randomHistory(seededRandom(seed))
    const expected = canBeOrdered(history)
    counts[expected ? 'some' : 'none'] += 1
    const { verdict, summary } = checkSets(history, { staleReads: false })
    if ((verdict !== 'invalid') !== expected) throw new Error(`some order explains it: ${expected}, the checker says ${verdict}: ${summary}\n${history.map(({ process, type, f, value }) => `${process} ${type} ${f} ${JSON.stringify(value)}`).join('\n')}`)
  }), { numRuns: 5000 })
  t.ok(counts.some > 500 && counts.none > 500, JSON.stringify(counts))
})

t.test('neither names nor numbers of workers change the verdict', async () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
    const history = randomHistory(seededRandom(seed))
    const name = (value: unknown): unknown => typeof value === 'number' ? `e${value}` : Array.isArray(value) ? value.map(name) : value
    const [before, after] = [history, history.map((event) => ({ ...event, process: 99 - event.process, key: 'other', value: name(event.value) }))]
      .map((events) => checkSets(events, { staleReads: false }))
    if (before!.verdict !== after!.verdict || JSON.stringify(before!.details) !== JSON.stringify(after!.details)) throw new Error(`${before!.summary} became ${after!.summary}`)
  }), { numRuns: 500 })
})

t.test('histories that contradict themselves are refused', async (t) => {
  t.throws(() => check(story(done(0, 'add', '1'), done(0, 'add', '1'))), /twice/)
  t.throws(() => check('0 invoke add s 1\n0 invoke add s 2'), /has not ended/)
  t.throws(() => check('0 invoke read s\n0 ok read s 5'), /should be a list/)
})
