/** The pages of the key-value table against a plain map, and that no change moves more however many entries there are. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { KvPages, type KvPagesOptions } from './kv-pages.ts'
import { entryLayout } from './kv-records.ts'

const { keyAt, keyBytesAt } = entryLayout
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** What these tests put into a record: its key as the layout says it, and a text behind. */
function put(pages: KvPages, key: string, text: string): void {
  const page = pages.place(key, (keyBytes) => keyAt + keyBytes + Buffer.byteLength(text))
  const { record } = pages
  page.bytes.write(text, record + keyAt + Buffer.byteLength(key))
}

function textOf(record: Buffer): [key: string, text: string] {
  const keyEnd = keyAt + record.readUInt32LE(keyBytesAt)
  return [record.toString('utf8', keyAt, keyEnd), record.toString('utf8', keyEnd)]
}

function get(pages: KvPages, key: string): string | null {
  const page = pages.find(key)
  if (page === null) return null
  const { record } = pages
  return textOf(page.bytes.subarray(record, record + page.recordBytes(record)))[1]
}

function under(pages: KvPages, prefix: string): [string, string][] {
  const found: [string, string][] = []
  pages.forEachUnder(prefix, ({ bytes }, record, lengthBytes) => { found.push(textOf(bytes.subarray(record, record + lengthBytes))) })
  return found
}

/** A whole record, as a snapshot has it. */
function recordOf(key: string, text: string): Buffer {
  const keyBytes = Buffer.from(key)
  const record = Buffer.concat([Buffer.alloc(keyAt), keyBytes, Buffer.from(text)])
  record.writeUInt32LE(keyBytes.length, keyBytesAt)
  return record
}

const sorted = (model: ReadonlyMap<string, string>) => [...model].sort(([a], [b]) => byBytes(a, b))

// Pages of a few records and branches of a few pages, so that all of them split and join.
const small: KvPagesOptions = { pageBytes: 300, branchPagesMax: 4 }
const key = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}'), maxLength: 5 }),
  fc.nat(60).map((n) => `k/${n}`),
)
// Larger than a page, too.
const text = fc.oneof({ weight: 8, arbitrary: fc.nat(60) }, { weight: 1, arbitrary: fc.integer({ min: 60, max: 900 }) }).map((length) => 'x'.repeat(length) + length)
const change = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('put' as const, 'record' as const), key, text }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('remove' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove-all-under' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('capture' as const, 'release' as const, 'read' as const) }) },
)

t.test('equals a map that is sorted for each query, and copies are the map as it was', async (t) => {
  let reads = 0
  fc.assert(fc.property(fc.array(change, { maxLength: 200, size: 'max' }), fc.array(key, { maxLength: 5 }), (changes, prefixes) => {
    const pages = new KvPages(small)
    const model = new Map<string, string>()
    let copies: { readonly copy: ReturnType<KvPages['capture']>, readonly expected: [string, string][], read: number }[] = []
    const read = (copy: (typeof copies)[number], count: number) => {
      for (let i = 0; i < count; i++) {
        const next = copy.copy.records.next()
        assert.deepEqual(next.done === true ? undefined : textOf(next.value), copy.expected[copy.read])
        if (next.done === true) return
        copy.read++
        reads++
      }
    }
    for (const one of changes) {
      switch (one.kind) {
        case 'put':
        case 'record':
          if (one.kind === 'put') put(pages, one.key, one.text)
          else pages.put(recordOf(one.key, one.text))
          model.set(one.key, one.text)
          break
        case 'remove':
          assert.equal(pages.remove(one.key), model.delete(one.key))
          break
        case 'remove-all-under':
          for (const [found] of under(pages, one.key)) assert.ok(pages.remove(found) && model.delete(found))
          break
        case 'capture':
          copies.push({ copy: pages.capture(), expected: sorted(model), read: 0 })
          break
        case 'read':
          for (const copy of copies) read(copy, 3)
          break
        case 'release':
          copies.shift()?.copy.release()
          break
      }
      assert.equal(pages.size, model.size)
      if (one.kind === 'put' || one.kind === 'record' || one.kind === 'remove') assert.equal(get(pages, one.key), model.get(one.key) ?? null)
    }
    for (const copy of copies) read(copy, Number.POSITIVE_INFINITY)
    for (const prefix of ['', 'k/1', ...prefixes]) {
      const expected = sorted(model).filter(([found]) => found.startsWith(prefix))
      assert.deepEqual(under(pages, prefix), expected)
      assert.equal(pages.hasPrefix(prefix), expected.length > 0)
      assert.equal(get(pages, prefix), model.get(prefix) ?? null)
    }
  }), { numRuns: 300 })
  t.ok(reads > 1000, `${reads} records of copies were read`)
})

t.test('a copy that is released is not read any more', async (t) => {
  const pages = new KvPages()
  for (let i = 0; i < 3; i++) put(pages, `k${i}`, 'x')
  const copy = pages.capture()
  copy.records.next()
  copy.release()
  t.throws(() => copy.records.next(), { name: 'InvariantError' })
})

t.test('entries in order leave full pages, those out of order at least half full ones', async (t) => {
  const count = 20_000
  for (const { name, at, bytesMax } of [
    { name: 'in order', at: (i: number) => i, bytesMax: 1.15 },
    { name: 'out of order', at: (i: number) => (i * 7919) % count, bytesMax: 2.3 },
  ]) {
    const pages = new KvPages()
    let live = 0
    for (let i = 0; i < count; i++) {
      const key = `k${String(at(i)).padStart(6, '0')}`
      put(pages, key, 'x'.repeat(100))
      live += 4 + keyAt + key.length + 100
    }
    const buffers = new Set<ArrayBufferLike>()
    pages.forEachUnder('', ({ bytes }) => { buffers.add(bytes.buffer) })
    const bytes = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)
    t.ok(bytes < live * bytesMax, `${name}: ${(bytes / live).toFixed(2)} bytes for each of a record's`)
  }
})

t.test('pages of which little is left join', async (t) => {
  const pages = new KvPages()
  for (let i = 0; i < 20_000; i++) put(pages, `k${String(i).padStart(6, '0')}`, 'x'.repeat(100))
  for (let i = 0; i < 20_000; i++) if (i % 100 !== 0) pages.remove(`k${String(i).padStart(6, '0')}`)
  const buffers = new Set<ArrayBufferLike>()
  pages.forEachUnder('', ({ bytes }) => { buffers.add(bytes.buffer) })
  t.equal(pages.size, 200)
  t.ok(buffers.size < 20, `200 records are in ${buffers.size} pages`)
})

// The reason of it all: a change, and a copy, must not stop the program for longer where there are more entries.
t.test('no change moves more than some pages and branches, however many entries there are', async (t) => {
  const pageBytes = 2048
  const branchPagesMax = 32
  const movedMax = (count: number) => {
    const pages = new KvPages({ pageBytes, branchPagesMax })
    let [bytes, places, copied] = [0, 0, 0]
    const step = (act: () => void) => {
      const before = pages.moved
      act()
      bytes = Math.max(bytes, pages.moved.bytes - before.bytes)
      places = Math.max(places, pages.moved.places - before.places)
    }
    const name = (i: number) => `service/${i % 97}/${(i * 7919) % count}`
    let copy: { release(): void } | null = null
    for (let i = 0; i < count; i++) {
      step(() => put(pages, name(i), 'x'.repeat(i % 150)))
      if (i % (count / 8) !== 0) continue
      copy?.release()
      const before = pages.moved.places
      copy = pages.capture()
      copied = Math.max(copied, pages.moved.places - before)
    }
    for (let i = 0; i < count; i += 2) step(() => put(pages, name(i), 'x'.repeat(200 - i % 150)))
    for (let i = 0; i < count; i++) if (i % 50 !== 0) step(() => pages.remove(name(i)))
    step(() => copy!.release())
    return { bytes, places, copied }
  }
  for (const count of [1_000, 8_000, 64_000]) {
    const { bytes, places, copied } = movedMax(count)
    // In a branch there are 32 pages at most, in a page of 2 KiB about ten entries: the row of branches, at worst half full.
    const branches = Math.ceil(count / (branchPagesMax / 4 * 5))
    t.ok(bytes > pageBytes / 2 && bytes < pageBytes * 3, `${count} entries: a change moved ${bytes} bytes`)
    t.ok(places > 10 && places < branchPagesMax * 4 + branches, `${count} entries: a change moved ${places} places`)
    t.ok(copied < 2 + branches, `${count} entries: a copy took ${copied} places`)
  }
})
