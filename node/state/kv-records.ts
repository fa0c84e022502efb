import { isUtf8 } from 'node:buffer'
import type { ByteCopies } from './byte-copies.ts'
import type { KvEntry } from './kv-entries.ts'

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
  | { readonly kind: 'tombstone', readonly key: string, readonly index: number }

/** Where the fields of an entry stand. */
export const entryLayout = { flagsAt: 1, createIndexAt: 9, modifyIndexAt: 17, lockIndexAt: 25, keyBytesAt: 33, sessionBytesAt: 37, keyAt: 41 } as const

const { flagsAt, createIndexAt, modifyIndexAt, lockIndexAt, keyBytesAt, sessionBytesAt, keyAt } = entryLayout
const kinds = { table: 1, entry: 2, tombstone: 3 } as const

export function encodeKvRecord(record: KvRecord): Uint8Array {
  switch (record.kind) {
    case 'table': {
      const bytes = Buffer.alloc(17, kinds.table)
      bytes.writeDoubleLE(record.index, 1)
      bytes.writeDoubleLE(record.forgottenIndex, 9)
      return bytes
    }
    case 'tombstone': {
      const bytes = Buffer.alloc(9 + Buffer.byteLength(record.key), kinds.tombstone)
      bytes.writeDoubleLE(record.index, 1)
      bytes.write(record.key, 9)
      return bytes
    }
  }
}

/** What a record is: an entry stays bytes. Throws RangeError. */
export function decodeKvRecord(record: Uint8Array): KvRecord | { readonly kind: 'entry' } {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength)
  switch (bytes[0]) {
    case kinds.table: return { kind: 'table', index: indexAt(bytes, 1), forgottenIndex: indexAt(bytes, 9) }
    case kinds.tombstone: return { kind: 'tombstone', index: indexAt(bytes, 1), key: bytes.toString('utf8', 9) }
    case kinds.entry: {
      checkEntry(bytes)
      return { kind: 'entry' }
    }
    default: throw new RangeError(`a kv record of kind ${bytes[0]}, which this version does not know`)
  }
}

function checkEntry(bytes: Buffer): void {
  if (bytes.length < keyAt) throw new RangeError(`a kv entry of ${bytes.length} bytes`)
  for (const at of [createIndexAt, modifyIndexAt, lockIndexAt]) indexAt(bytes, at)
  const sessionAt = keyAt + bytes.readUInt32LE(keyBytesAt)
  const valueAt = sessionAt + Math.max(0, bytes.readUInt32LE(sessionBytesAt) - 1)
  if (valueAt > bytes.length) throw new RangeError(`a kv entry of ${bytes.length} bytes whose session ends at ${valueAt}`)
  for (let at = keyAt; at < valueAt; at++) {
    if (bytes[at]! <= 0x7f) continue
    // Else it could not be found by its key.
    if (isUtf8(bytes.subarray(keyAt, sessionAt)) && isUtf8(bytes.subarray(sessionAt, valueAt))) return
    throw new RangeError('a kv entry whose key or session is no UTF-8')
  }
}

function indexAt(bytes: Buffer, offset: number): number {
  const index = bytes.readDoubleLE(offset)
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`index ${index} in a kv record`)
  return index
}

export function entryBytes({ session, value }: KvEntry, keyBytes: number): number {
  return keyAt + keyBytes + (session === null ? 0 : Buffer.byteLength(session)) + value.length
}

/** All of the entry but its key, which stands there already; `bytes` is all of what `view` is a view of. */
export function writeEntry(bytes: Buffer, view: DataView, at: number, { value, flags, createIndex, modifyIndex, lockIndex, session }: KvEntry): void {
  bytes[at] = kinds.entry
  view.setBigUint64(at + flagsAt, flags, true)
  view.setFloat64(at + createIndexAt, createIndex, true)
  view.setFloat64(at + modifyIndexAt, modifyIndex, true)
  view.setFloat64(at + lockIndexAt, lockIndex, true)
  const sessionAt = at + keyAt + view.getUint32(at + keyBytesAt, true)
  const sessionBytes = session === null ? 0 : bytes.write(session, sessionAt)
  view.setUint32(at + sessionBytesAt, session === null ? 0 : sessionBytes + 1, true)
  bytes.set(value, sessionAt + sessionBytes)
}

/** The entry whose record takes `lengthBytes` from `at` on, its value copied by `copies`. `key`, if it is known already. */
export function readEntry(bytes: Buffer, view: DataView, at: number, lengthBytes: number, copies: ByteCopies, key: string | null = null): KvEntry {
  const sessionAt = at + keyAt + view.getUint32(at + keyBytesAt, true)
  const valueAt = sessionAt + sessionBytesOf(view, at)
  return {
    key: key ?? bytes.toString('utf8', at + keyAt, sessionAt),
    value: copies.copy(bytes, valueAt, at + lengthBytes),
    flags: view.getBigUint64(at + flagsAt, true),
    createIndex: view.getFloat64(at + createIndexAt, true),
    modifyIndex: view.getFloat64(at + modifyIndexAt, true),
    lockIndex: view.getFloat64(at + lockIndexAt, true),
    session: view.getUint32(at + sessionBytesAt, true) === 0 ? null : bytes.toString('utf8', sessionAt, valueAt),
  }
}

export function readKey(bytes: Buffer, view: DataView, at: number): string {
  return bytes.toString('utf8', at + keyAt, at + keyAt + view.getUint32(at + keyBytesAt, true))
}

export function readModifyIndex(view: DataView, at: number): number {
  return view.getFloat64(at + modifyIndexAt, true)
}

/** Null: no session holds the lock. */
export function readSession(bytes: Buffer, view: DataView, at: number): string | null {
  if (view.getUint32(at + sessionBytesAt, true) === 0) return null
  const sessionAt = at + keyAt + view.getUint32(at + keyBytesAt, true)
  return bytes.toString('utf8', sessionAt, sessionAt + sessionBytesOf(view, at))
}

function sessionBytesOf(view: DataView, at: number): number {
  return Math.max(0, view.getUint32(at + sessionBytesAt, true) - 1)
}
