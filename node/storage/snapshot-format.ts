/**
 * A snapshot as a file: blocks, little-endian.
 *
 *     0  u32  CRC-32 of everything after it, begun with the block's number
 *     4  u32  payload length
 *     8  u8   type: 1 head, 2 section, 3 records, 4 end
 *     9  …    payload
 *
 * First the head (JSON), then for each section its name and its records, then
 * the end. Records are u32 length and bytes each, as many to a block as come
 * together; a record is never split. The end shows that nothing is missing, so
 * that sections need no counts and a state may be written while it is iterated.
 * Behind it a file may have zeros (see `Disk`).
 */
import { crc32 } from 'node:zlib'
import type { SnapshotHead } from '../raft/snapshot.ts'

/** A snapshot that cannot be trusted or not be understood. */
export class SnapshotCorruptError extends Error {
  override readonly name = 'SnapshotCorruptError'
  /** Where and what, without what it means for a member. */
  readonly problem: string

  /** `problem`: a sentence without its full stop. */
  constructor(file: string, offset: number, problem: string) {
    super(`The snapshot ${file} cannot be restored: byte ${offset}: ${problem}. `
      + 'What it held is no longer in the log, so this member does not start without it. Restore the data directory from a copy of '
      + 'this very member, or delete the whole data directory and let the member join again as a new one (new node id).')
    this.problem = `byte ${offset}: ${problem}`
  }
}

export type Block =
  | { readonly type: 'head', readonly head: SnapshotHead }
  | { readonly type: 'section', readonly name: string }
  | { readonly type: 'records', readonly records: readonly Uint8Array[] }
  | { readonly type: 'end' }

export interface PlacedBlock {
  readonly block: Block
  /** Where it begins, and where the next does. */
  readonly offset: number
  readonly endOffset: number
}

const headerBytes = 9
const blockBytesMax = 1024 * 1024 * 1024
const typeCodes = { head: 1, section: 2, records: 3, end: 4 } as const

/** `number`: how many blocks stand before it. */
export function encodeBlock(block: Block, number: number): Uint8Array {
  const payload = encodePayload(block)
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length)
  bytes.writeUInt32LE(payload.length, 4)
  bytes[8] = typeCodes[block.type]
  bytes.set(payload, headerBytes)
  bytes.writeUInt32LE(crc32(bytes.subarray(4), number), 0)
  return bytes
}

function encodePayload(block: Block): Uint8Array {
  switch (block.type) {
    case 'head': return Buffer.from(JSON.stringify({ format: 1, ...block.head }))
    case 'section': return Buffer.from(block.name)
    case 'records': {
      const bytes = Buffer.allocUnsafe(block.records.reduce((sum, record) => sum + 4 + record.length, 0))
      let offset = 0
      for (const record of block.records) {
        offset = bytes.writeUInt32LE(record.length, offset)
        bytes.set(record, offset)
        offset += record.length
      }
      return bytes
    }
    case 'end': return new Uint8Array(0)
  }
}

/** The blocks of `file` in order, each checked, up to and with the end. Throws SnapshotCorruptError. */
export function* readBlocks(file: string, readAt: (offset: number, lengthBytes: number) => Uint8Array): Generator<PlacedBlock> {
  let offset = 0
  for (let number = 0; ; number++) {
    const header = bufferOf(readAt(offset, headerBytes))
    if (header.length < headerBytes) throw new SnapshotCorruptError(file, offset, 'the file ends before the snapshot does')
    const payloadBytes = header.readUInt32LE(4)
    const bytes = payloadBytes > blockBytesMax ? header : bufferOf(readAt(offset, headerBytes + payloadBytes))
    if (bytes.length < headerBytes + payloadBytes || crc32(bytes.subarray(4), number) !== bytes.readUInt32LE(0)) {
      throw new SnapshotCorruptError(file, offset, `the checksum of block ${number} is wrong`)
    }
    const block = decodeBlock(file, offset, bytes[8]!, bytes.subarray(headerBytes))
    if ((number === 0) !== (block.type === 'head')) throw new SnapshotCorruptError(file, offset, `block ${number} is a ${block.type}`)
    const endOffset = offset + bytes.length
    yield { block, offset, endOffset }
    if (block.type === 'end') return
    offset = endOffset
  }
}

function decodeBlock(file: string, offset: number, code: number, payload: Buffer): Block {
  switch (code) {
    case typeCodes.head: {
      const { format, ...head } = JSON.parse(payload.toString()) as { format: number } & SnapshotHead
      if (format !== 1) throw new SnapshotCorruptError(file, offset, `the format is version ${format}; this member understands version 1`)
      return { type: 'head', head }
    }
    case typeCodes.section: return { type: 'section', name: payload.toString() }
    case typeCodes.records: {
      const records: Uint8Array[] = []
      for (let at = 0; at < payload.length;) {
        const end = at + 4 + (at + 4 <= payload.length ? payload.readUInt32LE(at) : 0)
        if (end > payload.length) throw new SnapshotCorruptError(file, offset, 'a record is longer than its block')
        records.push(payload.subarray(at + 4, end))
        at = end
      }
      return { type: 'records', records }
    }
    case typeCodes.end: return { type: 'end' }
    default: throw new SnapshotCorruptError(file, offset, `a block of type ${code}, which this version does not know`)
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
