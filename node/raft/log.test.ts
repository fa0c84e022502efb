import fc from 'fast-check'
import t from 'tap'
import type { Entry } from './entry.ts'
import { EntryLog } from './log.ts'

function entry(index: number, term: number, bytes = 1): Entry {
  return { index, term, kind: 'command', data: new Uint8Array(bytes) }
}

function entries(terms: readonly number[], firstIndex = 1): Entry[] {
  return terms.map((term, i) => entry(firstIndex + i, term))
}

const sortedTerms = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 20 }).map((terms) => terms.sort((a, b) => a - b))

t.test('searches by term agree with looking at every entry', async () => {
  fc.assert(fc.property(sortedTerms, fc.nat(22), fc.integer({ min: 0, max: 6 }), (terms, index, term) => {
    const log = new EntryLog(entries(terms))
    const termOf = (i: number) => i === 0 ? 0 : terms[i - 1] ?? null
    if (log.termAt(index) !== termOf(index)) return false

    let last = Math.min(index, terms.length)
    while (last > 0 && termOf(last)! > term) last--
    if (log.lastIndexWithTermAtMost(term, index) !== last) return false

    if (index === 0 || index > terms.length) return true
    let first = index
    while (first > 1 && termOf(first - 1) === termOf(index)) first--
    return log.firstIndexOfTermAt(index) === first
  }))
})

t.test('after any appends and cuts the log is what a plain array would be', async () => {
  const step = fc.oneof(
    fc.record({ cut: fc.nat(20) }),
    fc.record({ append: fc.integer({ min: 0, max: 2 }) }),
  )
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const log = new EntryLog([])
    const plain: number[] = []
    for (const action of steps) {
      if ('append' in action) {
        const term = (plain.at(-1) ?? 1) + action.append
        log.append([entry(plain.length + 1, term)])
        plain.push(term)
      } else if (action.cut < plain.length) {
        log.truncateFrom(action.cut + 1)
        plain.length = action.cut
      }
      if (log.lastIndex !== plain.length || log.lastTerm !== (plain.at(-1) ?? 0)) return false
      if (plain.some((term, i) => log.termAt(i + 1) !== term)) return false
      if (plain.some((term, i) => log.firstIndexOfTermAt(i + 1) !== plain.indexOf(term) + 1)) return false
    }
    return true
  }))
})

t.test('firstDifference is where a follower must cut (thesis §3.5)', async () => {
  fc.assert(fc.property(sortedTerms, sortedTerms, fc.nat(10), (mine, theirs, prev) => {
    const log = new EntryLog(entries(mine))
    const received = entries(theirs, prev + 1)
    const expected = received.findIndex(({ index, term }) => mine[index - 1] !== term)
    return log.firstDifference(received) === (expected === -1 ? received.length : expected)
  }))
})

t.test('a slice keeps both limits but always carries one entry', async (t) => {
  const log = new EntryLog([entry(1, 1, 10), entry(2, 1, 10), entry(3, 1, 50), entry(4, 1, 1)])
  const indexes = (from: number, count: number, bytes: number) => log.slice(from, count, bytes).map(({ index }) => index)
  t.same(indexes(1, 10, 20), [1, 2])
  t.same(indexes(1, 1, 20), [1])
  t.same(indexes(3, 10, 20), [3], 'one above the limit goes alone')
  t.same(indexes(1, 10, 1000), [1, 2, 3, 4])
  t.same(indexes(5, 10, 1000), [])
})

t.test('a cut while a write is under way makes the write prove nothing of it', async (t) => {
  const log = new EntryLog(entries([1, 1]))
  log.append(entries([2, 2], 3))
  t.same(log.takeUnwritten().map(({ index }) => index), [3, 4])
  log.truncateFrom(4)
  log.append(entries([3], 4))
  log.written()
  t.equal(log.durableIndex, 3)

  t.same(log.takeUnwritten(), entries([3], 4))
  log.written()
  t.equal(log.durableIndex, 4)
})

t.test('even when the very same entry comes back before the write ends', async (t) => {
  const log = new EntryLog(entries([1]))
  log.append(entries([2], 2))
  log.takeUnwritten()
  log.truncateFrom(2)
  log.append(entries([2], 2))
  log.written()
  t.equal(log.durableIndex, 1)
  t.ok(log.hasUnwritten)
})

t.test('a cut below what is on disk takes it back', async (t) => {
  const log = new EntryLog(entries([1, 1, 1]))
  log.truncateFrom(2)
  t.equal(log.durableIndex, 1)
})

t.test('entries that do not continue the log are a bug', async (t) => {
  const log = new EntryLog(entries([1, 2]))
  t.throws(() => log.append(entries([2], 4)), /entry 4 of term 2 does not continue a log that ends at 2 in term 2/)
  t.throws(() => log.append(entries([1], 3)), /does not continue/)
  t.throws(() => log.truncateFrom(3), /cannot cut/)
})

t.test('a log is up to date by its last term, then by its length (thesis §3.6.1)', async (t) => {
  const log = new EntryLog(entries([1, 2, 2]))
  t.ok(log.isUpToDate(2, 3))
  t.ok(log.isUpToDate(2, 4))
  t.ok(log.isUpToDate(3, 1))
  t.notOk(log.isUpToDate(2, 2))
  t.notOk(log.isUpToDate(1, 9))
})
