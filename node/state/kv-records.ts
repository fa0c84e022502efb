import type { KvEntry } from './kv.ts'

/**
 * What the section `kv` of a snapshot consists of, as bytes; numbers are
 * little-endian, indexes float64, which holds every whole number up to 2^53.
 *
 *     0 u8 kind: 1 table, 2 entry, 3 tombstone
 *     table:      f64 index, f64 newest forgotten tombstone
 *     tombstone:  f64 index, key
 *     entry:      u64 flags, f64 create, f64 modify, f64 lock index,
 *                 u32 length of key, u32 length of session + 1 (0: none), key, session, value
 */
export type KvRecord =
  | { readonly kind: 'table', readonly index: number, readonly forgottenIndex: number }
  | { readonly kind: 'entry', readonly entry: KvEntry }
  | { readonly kind: 'tombstone', readonly key: string, readonly index: number }

const entryFixedBytes = 41

export function encodeKvRecord(record: KvRecord): Uint8Array {
  switch (record.kind) {
    case 'table': {
      const bytes = Buffer.alloc(17, 1)
      bytes.writeDoubleLE(record.index, 1)
      bytes.writeDoubleLE(record.forgottenIndex, 9)
      return bytes
    }
    case 'tombstone': {
      const bytes = Buffer.alloc(9 + Buffer.byteLength(record.key), 3)
      bytes.writeDoubleLE(record.index, 1)
      bytes.write(record.key, 9)
      return bytes
    }
    case 'entry': {
      const { key, value, flags, createIndex, modifyIndex, lockIndex, session } = record.entry
      const keyBytes = Buffer.byteLength(key)
      const sessionBytes = session === null ? 0 : Buffer.byteLength(session)
      const bytes = Buffer.allocUnsafe(entryFixedBytes + keyBytes + sessionBytes + value.length)
      bytes[0] = 2
      bytes.writeBigUInt64LE(flags, 1)
      bytes.writeDoubleLE(createIndex, 9)
      bytes.writeDoubleLE(modifyIndex, 17)
      bytes.writeDoubleLE(lockIndex, 25)
      bytes.writeUInt32LE(keyBytes, 33)
      bytes.writeUInt32LE(session === null ? 0 : sessionBytes + 1, 37)
      bytes.write(key, entryFixedBytes)
      if (session !== null) bytes.write(session, entryFixedBytes + keyBytes)
      bytes.set(value, entryFixedBytes + keyBytes + sessionBytes)
      return bytes
    }
  }
}

/**
 * The value is a view of the record: a million values of a snapshot are then
 * views of a few thousand blocks, which is what garbage collection sees of them.
 * Values that are deleted later may keep their block alive, at most as much as
 * the snapshot was. Throws RangeError.
 */
export function decodeKvRecord(record: Uint8Array): KvRecord {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength)
  switch (bytes[0]) {
    case 1: return { kind: 'table', index: indexAt(bytes, 1), forgottenIndex: indexAt(bytes, 9) }
    case 3: return { kind: 'tombstone', index: indexAt(bytes, 1), key: bytes.toString('utf8', 9) }
    case 2: {
      const keyEnd = entryFixedBytes + bytes.readUInt32LE(33)
      const session = bytes.readUInt32LE(37)
      const sessionEnd = keyEnd + Math.max(0, session - 1)
      if (sessionEnd > bytes.length) throw new RangeError(`a kv entry of ${bytes.length} bytes whose session ends at ${sessionEnd}`)
      return {
        kind: 'entry',
        entry: {
          key: bytes.toString('utf8', entryFixedBytes, keyEnd), flags: bytes.readBigUInt64LE(1),
          createIndex: indexAt(bytes, 9), modifyIndex: indexAt(bytes, 17), lockIndex: indexAt(bytes, 25),
          session: session === 0 ? null : bytes.toString('utf8', keyEnd, sessionEnd), value: new Uint8Array(bytes.buffer, bytes.byteOffset + sessionEnd, bytes.length - sessionEnd),
        },
      }
    }
    default: throw new RangeError(`a kv record of kind ${bytes[0]}, which this version does not know`)
  }
}

function indexAt(bytes: Buffer, offset: number): number {
  const index = bytes.readDoubleLE(offset)
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`index ${index} in a kv record`)
  return index
}
