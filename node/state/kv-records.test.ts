/** The records of the section `kv`: what the first version wrote is read, and written the same. */
import t from 'tap'
import { decodeKvRecord } from './kv-records.ts'
import { KvTable } from './kv.ts'

/**
 * As the version before entries were kept as bytes wrote them: the table at
 * index 7, "gone" deleted at 5, then the entries "", "a/ü😀", "b" and "held".
 */
const written = [
  'AQAAAAAAABxAAAAAAAAAAAA=',
  'AwAAAAAAABRAZ29uZQ==',
  'AgAAAAAAAAAAAAAAAAAACEAAAAAAAAAIQAAAAAAAAAAAAAAAAAAAAAA=',
  'AgEAAAAAAAAAAAAAAAAAAEAAAAAAAAAAQAAAAAAAAAAACAAAAAAAAABhL8O88J+YgAD/',
  'AgMAAAAAAAAAAAAAAAAA8D8AAAAAAAAcQAAAAAAAAAAAAQAAAAAAAABidGhyZWU=',
  'AgUAAAAAAAAAAAAAAAAAGEAAAAAAAAAYQAAAAAAAAPA/BAAAACUAAABoZWxkMDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDA3aA==',
].map((text) => Buffer.from(text, 'base64'))
const session = '00000000-0000-4000-8000-000000000007'

function restored(records: readonly Uint8Array[]): KvTable {
  const table = new KvTable()
  const restore = table.restore()
  for (const record of records) restore.add(record)
  restore.finish()
  return table
}

t.test('records of the version before are read', async (t) => {
  for (const table of [restored(written), restored([...written].reverse())]) {
    t.strictSame(table.list('').entries.map((entry) => ({ ...entry, value: [...entry.value] })), [
      { key: '', value: [], flags: 0n, createIndex: 3, modifyIndex: 3, lockIndex: 0, session: null },
      { key: 'a/ü😀', value: [0, 255], flags: 1n, createIndex: 2, modifyIndex: 2, lockIndex: 0, session: null },
      { key: 'b', value: [...Buffer.from('three')], flags: 3n, createIndex: 1, modifyIndex: 7, lockIndex: 0, session: null },
      { key: 'held', value: [...Buffer.from('h')], flags: 5n, createIndex: 6, modifyIndex: 6, lockIndex: 1, session },
    ])
    t.equal(table.index, 7)
    t.equal(table.list('gone').index, 5, 'the tombstone')
    t.strictSame(table.endSession(8, session, 'delete'), ['held'], 'who holds what is known')
    t.equal(table.get('held').entry, null)
  }
})

t.test('and written again, byte for byte', async (t) => {
  const { records, release } = restored(written).capture()
  t.strictSame([...{ [Symbol.iterator]: () => records }].map((record) => Buffer.from(record).toString('base64')), written.map((record) => record.toString('base64')))
  release()
})

t.test('what is no record is refused with what is wrong', async (t) => {
  const changed = (change: (record: Buffer) => void) => {
    const record = Buffer.from(written[5]!)
    change(record)
    return record
  }
  const refused = (record: Uint8Array, message: RegExp) => t.throws(() => decodeKvRecord(record), { name: 'RangeError', message })
  refused(written[5]!.subarray(0, 40), /a kv entry of 40 bytes/)
  refused(changed((record) => record.writeUInt32LE(1000, 33)), /whose session ends at 1077/)
  refused(changed((record) => record.writeUInt32LE(1000, 37)), /whose session ends at/)
  refused(changed((record) => record.writeDoubleLE(1.5, 17)), /index 1.5/)
  refused(changed((record) => record.writeDoubleLE(-1, 25)), /index -1/)
  refused(changed((record) => { record[41] = 0xff }), /no UTF-8/)
  refused(changed((record) => { record[46] = 0x80 }), /no UTF-8/)
})
