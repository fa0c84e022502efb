import t from 'tap'
import type { Entry } from './entry.ts'
import { EntryLog } from './log.ts'

const entry = (index: number, term: number): Entry => ({ index, term, kind: 'command', data: new Uint8Array(1) })
const log = () => new EntryLog([1, 1, 2, 2, 2, 5, 5].map((term, i) => entry(i + 1, term)))

t.test('a compacted log knows the term where it begins, and nothing before', async (t) => {
  const compacted = log()
  compacted.compactTo(4)
  t.match(compacted, { baseIndex: 4, baseTerm: 2, lastIndex: 7, lastTerm: 5, durableIndex: 7 })
  t.same([3, 4, 5, 6, 8].map((index) => compacted.termAt(index)), [null, 2, 2, 5, null])
  t.same(compacted.range(5, 6).map(({ index }) => index), [5, 6])
  t.equal(compacted.lastIndexWithTermAtMost(2, 7), 5)
  t.equal(compacted.lastIndexWithTermAtMost(1, 7), 4, 'not before the beginning')
  t.equal(compacted.firstIndexOfTermAt(7), 6)
  compacted.append([entry(8, 5)])
  compacted.truncateFrom(6)
  t.match(compacted, { lastIndex: 5, lastTerm: 2 })
  compacted.compactTo(3)
  t.equal(compacted.baseIndex, 4, 'it never goes back')
})

t.test('compaction up to the end leaves the term of the last entry for votes and checks', async (t) => {
  const compacted = log()
  compacted.compactTo(7)
  t.match(compacted, { lastIndex: 7, lastTerm: 5 })
  t.notOk(compacted.isUpToDate(5, 6))
  t.ok(compacted.isUpToDate(5, 7))
  t.throws(() => compacted.truncateFrom(7), { name: 'InvariantError' })
})

t.test('what is not on disk is not compacted', async (t) => {
  const ahead = log()
  ahead.append([entry(8, 5)])
  t.throws(() => ahead.compactTo(8), { name: 'InvariantError' })
})

t.test('a log that begins anew behind a snapshot has nothing to write', async (t) => {
  const anew = log()
  anew.append([entry(8, 5)])
  anew.reset(20, 6)
  t.match(anew, { baseIndex: 20, lastIndex: 20, lastTerm: 6, durableIndex: 20, hasUnwritten: false })
  anew.append([entry(21, 6)])
  t.same(anew.takeUnwritten().map(({ index }) => index), [21])
})
