/** Entries with locks and transactions against a plain map, in pages that split; and what they cost the collector of garbage. */
import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { KvEntries, type KvEntry } from './kv-entries.ts'

const key = fc.nat(40).map((n) => `k/${n % 3 === 0 ? 'é' : ''}${n}`)
const entry: fc.Arbitrary<KvEntry> = fc.record({
  key, value: fc.uint8Array({ maxLength: 40 }), flags: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  createIndex: fc.nat(), modifyIndex: fc.maxSafeNat(), lockIndex: fc.nat(), session: fc.constantFrom(null, null, 'session-1', 'session-2', ''),
}, { noNullPrototype: true })
const change = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('put' as const), entry }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('begin' as const, 'commit' as const, 'rollback' as const) }) },
)

t.test('equals a map of entries: prefixes, holders, and transactions that are taken back', async (t) => {
  fc.assert(fc.property(fc.array(change, { maxLength: 120, size: 'max' }), (changes) => {
    const entries = new KvEntries({ pageBytes: 256, branchPagesMax: 3 })
    let model = new Map<string, KvEntry>()
    let begun: { readonly before: Map<string, KvEntry>, readonly touched: Set<string> } | null = null
    for (const one of changes) {
      switch (one.kind) {
        case 'put':
          entries.put(one.entry)
          model.set(one.entry.key, one.entry)
          begun?.touched.add(one.entry.key)
          break
        case 'remove':
          if (model.has(one.key)) begun?.touched.add(one.key)
          assert.equal(entries.remove(one.key), model.delete(one.key))
          break
        case 'begin':
          if (begun !== null) break
          entries.begin()
          begun = { before: new Map(model), touched: new Set() }
          break
        case 'commit':
          if (begun !== null) assert.deepEqual(entries.commit(), [...begun.touched])
          begun = null
          break
        case 'rollback':
          if (begun === null) break
          entries.rollback()
          model = begun.before
          begun = null
          break
      }
      assert.equal(entries.size, model.size)
    }
    for (const prefix of ['', 'k/', 'k/1', 'k/é', 'none']) {
      const expected = [...model.values()].filter((one) => one.key.startsWith(prefix)).sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
      assert.deepEqual(entries.withPrefix(prefix), expected)
      assert.deepEqual(entries.keysWithPrefix(prefix), expected.map((one) => one.key))
      assert.equal(entries.maxModifyIndex(prefix), Math.max(0, ...expected.map((one) => one.modifyIndex)))
    }
    for (const one of model.values()) {
      assert.deepEqual(entries.get(one.key), one)
      assert.equal(entries.modifyIndexOf(one.key), one.modifyIndex)
    }
    for (const session of ['session-1', 'session-2', '']) {
      assert.deepEqual(entries.heldBy(session), [...model.values()].filter((one) => one.session === session).map((one) => one.key).sort())
    }
  }), { numRuns: 300 })
  t.pass()
})

t.test('what a reader has stays as it was', async (t) => {
  const entries = new KvEntries()
  const put = (text: string) => entries.put({ key: 'k', value: Buffer.from(text), flags: 0n, createIndex: 1, modifyIndex: 1, lockIndex: 0, session: null })
  put('before')
  const read = entries.get('k')!
  const [listed] = entries.withPrefix('')
  put('behind')
  t.same([read.value, listed!.value].map((value) => Buffer.from(value).toString()), ['before', 'before'])
  t.equal(Buffer.from(entries.get('k')!.value).toString(), 'behind')
})

// With objects for each key a collection stops the program for tens of milliseconds at a million of them.
t.test('a key costs the heap less than one object', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heapBytes = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const entries = new KvEntries()
  const put = (i: number) => entries.put({ key: `service/${i % 100}/instance/${i}`, value: Buffer.alloc(100, i), flags: 0n, createIndex: 1 + i, modifyIndex: 1 + i, lockIndex: 0, session: null })
  for (let i = 0; i < 1000; i++) put(i)
  const before = heapBytes()
  const count = 50_000
  for (let i = 1000; i < 1000 + count; i++) put(i)
  const each = (heapBytes() - before) / count
  t.ok(each < 40, `${each.toFixed(1)} bytes of heap a key`)
  t.equal(entries.size, 1000 + count)
})
