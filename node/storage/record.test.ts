import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decodeRecord, encodeBatch, recordSizeBytes, type WalRecord } from './record.ts'

const hex = (data: Uint8Array) => Buffer.from(data).toString('hex')
const entry = (index: number, term: number, data: string): WalRecord => ({ type: 'entry', entry: { index, term, kind: 'command', data: Buffer.from(data) } })

// Goal: a data directory written by one version is read by the next. Whoever
// changes these bytes must raise the segment's version and keep reading the old.
t.test('golden bytes', async (t) => {
  const bytes = encodeBatch([{ type: 'hard-state', hardState: { term: 3, votedFor: 'n1' } }, entry(2 ** 40 + 5, 3, 'hey')], 9, { salt: 1, offset: 32 })
  t.equal(hex(bytes), [
    '2c636236', '0b000000', '09000000', '01', '0300000000000000', '01', '6e31',
    'dd4a3232', '14000000', '09000000', '82', '0500000000010000', '0300000000000000', '01', '686579',
  ].join(''))
})

t.test('a record is valid only at its own place', async (t) => {
  const record = Buffer.from(encodeBatch([entry(1, 1, 'x')], 1, { salt: 7, offset: 100 }))
  const file = Buffer.concat([Buffer.alloc(100), record, record])
  t.match(decodeRecord(file, { salt: 7, offset: 100 }), { valid: true, batch: 1, lastOfBatch: true })
  t.match(decodeRecord(file, { salt: 7, offset: 100 + record.length }), { valid: false, problem: /checksum/ }, 'a copy elsewhere')
  t.match(decodeRecord(file, { salt: 8, offset: 100 }), { valid: false, problem: /checksum/ }, 'of another segment')
  t.match(decodeRecord(file, { salt: 7, offset: 0 }), { valid: false, problem: /type 0/ })
  t.match(decodeRecord(file.subarray(0, 105), { salt: 7, offset: 100 }), { valid: false, problem: /only 5 bytes/ })
  t.match(decodeRecord(file.subarray(0, 120), { salt: 7, offset: 100 }), { valid: false, problem: /ends at 120/ })
})

const arbitraryRecord: fc.Arbitrary<WalRecord> = fc.oneof(
  fc.record({
    type: fc.constant('hard-state' as const),
    hardState: fc.record({ term: fc.maxSafeNat(), votedFor: fc.option(fc.string({ unit: 'grapheme' })) }),
  }),
  fc.record({
    type: fc.constant('entry' as const),
    entry: fc.record({
      index: fc.maxSafeNat(),
      term: fc.maxSafeNat(),
      kind: fc.constantFrom('empty' as const, 'command' as const, 'configuration' as const),
      data: fc.uint8Array(),
    }),
  }),
)

function plain(record: WalRecord): unknown {
  if (record.type === 'hard-state') return [record.hardState.term, record.hardState.votedFor]
  const { index, term, kind, data } = record.entry
  return [index, term, kind, hex(data)]
}

t.test('what is encoded is decoded, and any flipped bit is seen', async (t) => {
  fc.assert(fc.property(fc.array(arbitraryRecord, { minLength: 1, maxLength: 5 }), fc.nat(1000), fc.nat(), fc.nat(), (records, offset, salt, flip) => {
    const bytes = encodeBatch(records, 4, { salt, offset })
    const file = Buffer.concat([Buffer.alloc(offset), bytes])
    let at = offset
    for (const [i, record] of records.entries()) {
      const decoded = decodeRecord(file, { salt, offset: at })
      if (!decoded.valid) throw new Error(decoded.problem)
      assert.deepEqual(plain(decoded.record), plain(record))
      assert.equal(decoded.lastOfBatch, i === records.length - 1)
      assert.equal(decoded.sizeBytes, recordSizeBytes(record))
      at += decoded.sizeBytes
    }
    assert.equal(at, file.length)
    const bit = flip % (recordSizeBytes(records[0]!) * 8)
    file[offset + (bit >> 3)]! ^= 1 << (bit & 7)
    assert.equal(decodeRecord(file, { salt, offset }).valid, false)
  }), { numRuns: 200 })
  t.pass()
})
