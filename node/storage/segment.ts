/**
 * One file of the write-ahead log: a header, a first record with the hard
 * state as of then (batch 0), and batches. The head is written atomically and
 * durably with the file's creation, so that it is never torn.
 *
 * **Torn or damaged?** A batch is written only after the one before it is
 * durable, and nothing is promised on it before it is durable itself. A crash
 * can therefore spoil one batch, the last, and in any way: it may be short,
 * or full length with holes, since pages reach the disk in any order. So valid
 * records of the *same* batch behind a bad one prove nothing. A valid record of
 * a *later* batch proves that the bad one was durable once, and so that
 * something promised is lost. Every record names its batch and whether it is
 * the batch's last, which makes the two cases distinct:
 *
 * - torn: no record of a later batch stands behind. The spoiled batch is
 *   dropped whole, so that a batch is all or nothing.
 * - damaged: there is one; or the file is not the last segment.
 *
 * A disk may extend a file by zeros (see `Disk`): zeros from the end of a whole
 * batch to the end of the file are no torn write. That they do not hide a batch
 * which was there once, in a segment that is not the last, is known from the
 * next one's header, which says where this one ended.
 *
 * What cannot be told apart: damage inside the last batch after it was durable.
 * It looks like a torn write and is cut off.
 */
import { crc32 } from 'node:zlib'
import type { HardState } from '../raft/entry.ts'
import { decodeRecord, encodeBatch, peekBatch, readUint53, recordHeaderBytes, type WalRecord, writeUint53 } from './record.ts'
import { WalCorruptError } from './wal-corrupt-error.ts'

export interface SegmentHeader {
  /** From 1, without gaps: a missing file shows. */
  readonly sequence: number
  /** The log's last index + 1 when the segment was begun: entries below it stand in earlier segments. */
  readonly nextIndex: number
  /** Mixed into the checksums of this segment's records. */
  readonly salt: number
  /** Where the batches of the segment before this end; 0 for the first. */
  readonly previousBytes: number
}

export interface ScannedSegment {
  readonly header: SegmentHeader
  /** Of whole batches, in order. */
  readonly records: readonly WalRecord[]
  /** The last whole batch. */
  readonly lastBatch: number
  /** Up to the end of the last whole batch. */
  readonly validBytes: number
  /** What is behind that, without zeros at the end of the file. */
  readonly tornBytes: number
}

const magic = Buffer.from('SPLITWAL', 'latin1')
const version = 1
export const segmentHeaderBytes = 36

/** `wal-0000000001.log`: sorted by name is sorted by sequence. */
export function segmentName(sequence: number): string {
  return `wal-${String(sequence).padStart(10, '0')}.log`
}

/** Null for a file that is none of the log's. */
export function segmentSequence(name: string): number | null {
  const match = /^wal-(\d{10})\.log$/.exec(name)
  return match === null ? null : Number(match[1])
}

/** What a new segment's file begins with. */
export function encodeSegmentHead(header: SegmentHeader, hardState: HardState): Uint8Array {
  const bytes = Buffer.alloc(segmentHeaderBytes)
  magic.copy(bytes)
  bytes.writeUInt32LE(version, 8)
  bytes.writeUInt32LE(header.sequence, 12)
  writeUint53(bytes, header.nextIndex, 16)
  bytes.writeUInt32LE(header.salt, 24)
  bytes.writeUInt32LE(header.previousBytes, 28)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 32)), 32)
  const place = { salt: header.salt, offset: segmentHeaderBytes }
  return Buffer.concat([bytes, encodeBatch([{ type: 'hard-state', hardState }], 0, place)])
}

/**
 * Reads a whole segment. `isLast`: only then may its end be torn.
 * Throws WalCorruptError.
 */
export function scanSegment(name: string, content: Uint8Array, isLast: boolean): ScannedSegment {
  const file = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  const contentBytes = lengthWithoutTrailingZeros(file)
  const header = decodeHeader(name, file)
  const records: WalRecord[] = []
  // Of the batch being read; joins `records` when its last record is seen.
  let open: WalRecord[] = []
  let lastBatch = -1
  let validBytes = segmentHeaderBytes
  let offset = segmentHeaderBytes
  // A record has a byte that is not zero at its start, if perhaps not at its end.
  while (offset < contentBytes) {
    const decoded = decodeRecord(file, { salt: header.salt, offset })
    if (!decoded.valid) {
      refuseUnlessTorn(name, file, header, { offset, batch: lastBatch + 1, problem: decoded.problem }, isLast)
      break
    }
    if (decoded.batch !== lastBatch + 1) {
      throw new WalCorruptError(name, offset, `a record of batch ${decoded.batch} stands where batch ${lastBatch + 1} should`)
    }
    open.push(decoded.record)
    offset += decoded.sizeBytes
    if (!decoded.lastOfBatch) continue
    for (const record of open) records.push(record)
    open = []
    lastBatch++
    validBytes = offset
  }
  if (lastBatch < 0) throw new WalCorruptError(name, segmentHeaderBytes, 'the hard state at the head is missing')
  if (open.length > 0 && !isLast) {
    throw new WalCorruptError(name, validBytes, 'the segment ends within a batch although a later segment exists')
  }
  return { header, records, lastBatch, validBytes, tornBytes: Math.max(0, contentBytes - validBytes) }
}

function lengthWithoutTrailingZeros(file: Buffer): number {
  let length = file.length
  while (length > 0 && file[length - 1] === 0) length--
  return length
}

function decodeHeader(name: string, file: Buffer): SegmentHeader {
  if (file.length < segmentHeaderBytes) throw new WalCorruptError(name, 0, `the file has ${file.length} bytes, less than its header`)
  if (!file.subarray(0, 8).equals(magic)) throw new WalCorruptError(name, 0, 'the file does not begin as a segment of the log does')
  if (crc32(file.subarray(0, 32)) !== file.readUInt32LE(32)) throw new WalCorruptError(name, 32, 'the checksum of the header does not match')
  const found = file.readUInt32LE(8)
  if (found !== version) throw new WalCorruptError(name, 8, `format version ${found}, and this program reads only ${version}`)
  const sequence = file.readUInt32LE(12)
  if (segmentName(sequence) !== name) throw new WalCorruptError(name, 12, `the header says that this is ${segmentName(sequence)}`)
  const nextIndex = readUint53(file, 16)
  if (nextIndex === null) throw new WalCorruptError(name, 16, 'the index in the header is too large')
  return { sequence, nextIndex, salt: file.readUInt32LE(24), previousBytes: file.readUInt32LE(28) }
}

interface BadRecord {
  readonly offset: number
  /** The batch that it must belong to, judged by what stands before it. */
  readonly batch: number
  readonly problem: string
}

function refuseUnlessTorn(name: string, file: Buffer, header: SegmentHeader, bad: BadRecord, isLast: boolean): void {
  if (!isLast) throw new WalCorruptError(name, bad.offset, `${bad.problem}, and a later segment exists`)
  if (bad.batch === 0) throw new WalCorruptError(name, bad.offset, `${bad.problem}, in the head, which was written as one`)
  const later = findLaterBatch(file, header, bad)
  if (later !== null) throw new WalCorruptError(name, bad.offset, `${bad.problem}, and at byte ${later} stands a valid record that was written afterwards`)
}

/**
 * The offset of a valid record of a batch after the bad one's, or null. Looks
 * at every offset, since a bad record's length cannot be trusted; the batch
 * number weeds out nearly all of them before a checksum is computed.
 */
function findLaterBatch(file: Buffer, header: SegmentHeader, bad: BadRecord): number | null {
  const batchMax = bad.batch + Math.ceil(file.length / recordHeaderBytes)
  for (let offset = bad.offset + 1; offset + recordHeaderBytes <= file.length; offset++) {
    const batch = peekBatch(file, offset)
    if (batch <= bad.batch || batch > batchMax) continue
    if (decodeRecord(file, { salt: header.salt, offset }).valid) return offset
  }
  return null
}
