/**
 * The records of the write-ahead log, as bytes. Little-endian:
 *
 *     0  u32  CRC-32 of everything after it, begun with a number made of the
 *             segment's salt and the record's offset
 *     4  u32  payload length
 *     8  u32  batch: which append, counted within the segment
 *    12  u8   type; the high bit marks the last record of its batch
 *    13  …    payload
 *
 * The checksum covers the position, so that bytes which look like a record but
 * stand elsewhere (a value that a client stored, an old copy) do not pass for one.
 */
import { isUtf8 } from 'node:buffer'
import { crc32 } from 'node:zlib'
import { invariant, unreachable } from '../base/assert.ts'
import type { Entry, EntryKind, HardState } from '../raft/entry.ts'

export type WalRecord =
  | { readonly type: 'hard-state', readonly hardState: HardState }
  | { readonly type: 'entry', readonly entry: Entry }

/** What a record's checksum depends on besides its bytes. */
export interface RecordPlace {
  /** Of the segment. */
  readonly salt: number
  /** Of the record's first byte within the segment's file. */
  readonly offset: number
}

export type DecodedRecord =
  | { readonly valid: true, readonly record: WalRecord, readonly batch: number, readonly lastOfBatch: boolean, readonly sizeBytes: number }
  /** A sentence's half: what is wrong with the bytes. */
  | { readonly valid: false, readonly problem: string }

export const recordHeaderBytes = 13
const typeOffset = 12
const lastOfBatchBit = 0x80
const hardStateType = 1
const entryType = 2
const entryFixedBytes = 17
const hardStateFixedBytes = 9

const kindCodes: Readonly<Record<EntryKind, number>> = { empty: 0, command: 1, configuration: 2 }
const kindNames: readonly EntryKind[] = ['empty', 'command', 'configuration']

/** The size of `record` with its header. */
export function recordSizeBytes(record: WalRecord): number {
  switch (record.type) {
    case 'hard-state': return recordHeaderBytes + hardStateFixedBytes + Buffer.byteLength(record.hardState.votedFor ?? '')
    case 'entry': return recordHeaderBytes + entryFixedBytes + record.entry.data.length
    default: return unreachable(record)
  }
}

/** One batch as one buffer, to be written at `place`. `records` is not empty. */
export function encodeBatch(records: readonly WalRecord[], batch: number, place: RecordPlace): Uint8Array {
  invariant(records.length > 0, () => `batch ${batch} has no records`)
  let sizeBytes = 0
  for (const record of records) sizeBytes += recordSizeBytes(record)
  const bytes = Buffer.allocUnsafe(sizeBytes)
  let start = 0
  for (const record of records) {
    const end = start + recordSizeBytes(record)
    const last = end === sizeBytes ? lastOfBatchBit : 0
    bytes.writeUInt32LE(end - start - recordHeaderBytes, start + 4)
    bytes.writeUInt32LE(batch, start + 8)
    const payload = start + recordHeaderBytes
    switch (record.type) {
      case 'hard-state': {
        bytes[start + typeOffset] = hardStateType | last
        writeUint53(bytes, record.hardState.term, payload)
        bytes[payload + 8] = record.hardState.votedFor === null ? 0 : 1
        bytes.write(record.hardState.votedFor ?? '', payload + hardStateFixedBytes, 'utf8')
        break
      }
      case 'entry': {
        bytes[start + typeOffset] = entryType | last
        writeUint53(bytes, record.entry.index, payload)
        writeUint53(bytes, record.entry.term, payload + 8)
        bytes[payload + 16] = kindCodes[record.entry.kind]
        bytes.set(record.entry.data, payload + entryFixedBytes)
        break
      }
      default: return unreachable(record)
    }
    bytes.writeUInt32LE(checksum(bytes, start, end, { salt: place.salt, offset: place.offset + start }), start)
    start = end
  }
  return bytes
}

/**
 * The record at `place.offset` of a whole segment file. Entry data are views
 * into `file`. The checksum is looked at last, after what is cheaper.
 */
export function decodeRecord(file: Buffer, place: RecordPlace): DecodedRecord {
  const start = place.offset
  if (file.length - start < recordHeaderBytes) return bad(`only ${file.length - start} bytes are left, less than a record's header`)
  const type = file[start + typeOffset]! & ~lastOfBatchBit
  if (type !== hardStateType && type !== entryType) return bad(`record type ${type} does not exist`)
  const payload = start + recordHeaderBytes
  const end = payload + file.readUInt32LE(start + 4)
  if (end > file.length) return bad(`the record should end at byte ${end}, but the file ends at ${file.length}`)
  if (checksum(file, start, end, place) !== file.readUInt32LE(start)) return bad('the checksum does not match')
  const record = type === entryType ? decodeEntry(file, payload, end) : decodeHardState(file, payload, end)
  if (record === null) return bad('the checksum matches but the content makes no sense')
  return {
    valid: true,
    record,
    batch: file.readUInt32LE(start + 8),
    lastOfBatch: (file[start + typeOffset]! & lastOfBatchBit) !== 0,
    sizeBytes: end - start,
  }
}

/** The batch number that stands in a record's header, whether or not the record is valid. The header must be inside `file`. */
export function peekBatch(file: Buffer, offset: number): number {
  return file.readUInt32LE(offset + 8)
}

function decodeEntry(file: Buffer, payload: number, end: number): WalRecord | null {
  if (end - payload < entryFixedBytes) return null
  const kind = kindNames[file[payload + 16]!]
  const index = readUint53(file, payload)
  const term = readUint53(file, payload + 8)
  if (kind === undefined || index === null || term === null) return null
  return { type: 'entry', entry: { index, term, kind, data: file.subarray(payload + entryFixedBytes, end) } }
}

function decodeHardState(file: Buffer, payload: number, end: number): WalRecord | null {
  if (end - payload < hardStateFixedBytes) return null
  const term = readUint53(file, payload)
  const voted = file[payload + 8]!
  const name = file.subarray(payload + hardStateFixedBytes, end)
  if (term === null || voted > 1 || !isUtf8(name)) return null
  return { type: 'hard-state', hardState: { term, votedFor: voted === 1 ? name.toString('utf8') : null } }
}

function bad(problem: string): DecodedRecord {
  return { valid: false, problem }
}

function checksum(bytes: Buffer, start: number, end: number, place: RecordPlace): number {
  return crc32(bytes.subarray(start + 4, end), (place.salt + place.offset) >>> 0)
}

/** Eight bytes for a safe integer. */
export function writeUint53(bytes: Buffer, value: number, offset: number): void {
  invariant(Number.isSafeInteger(value) && value >= 0, () => `${value} is not a safe integer of at least 0`)
  bytes.writeUInt32LE(value >>> 0, offset)
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4)
}

/** Null if it is not a safe integer. */
export function readUint53(bytes: Buffer, offset: number): number | null {
  const value = bytes.readUInt32LE(offset + 4) * 0x1_0000_0000 + bytes.readUInt32LE(offset)
  return Number.isSafeInteger(value) ? value : null
}
