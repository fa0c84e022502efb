import { crc32 } from 'node:zlib'
import { invariant } from '../../base/assert.ts'
import type { Entry } from '../entry.ts'
import type { Snapshot, SnapshotHead } from '../snapshot.ts'

/** A state machine that remembers everything applied, as one number: equal numbers, equal histories (but for chance). */
export class HashState {
  index = 0
  hash = 0

  apply(entry: Entry): void {
    invariant(entry.index === this.index + 1, () => `entry ${entry.index} is applied to a state of ${this.index}`)
    this.index = entry.index
    this.hash = crc32(Buffer.concat([Buffer.from(`${this.hash}:${entry.term}:${entry.kind}:`), entry.data]))
  }

  /** A little longer than it must be, so that it takes several chunks. */
  encode(head: SnapshotHead): Uint8Array {
    return Buffer.from(JSON.stringify({ head, index: this.index, hash: this.hash, padding: '.'.repeat(200) }))
  }
}

export function snapshotOf(bytes: Uint8Array): Snapshot {
  const { head } = JSON.parse(Buffer.from(bytes).toString()) as { head: SnapshotHead }
  const image = { sizeBytes: bytes.length, checksum: crc32(bytes), read: (offset: number, lengthBytes: number) => bytes.slice(offset, offset + lengthBytes) }
  return { head, image }
}

export function stateIn({ image }: Snapshot): HashState {
  const { index, hash } = JSON.parse(Buffer.from(image.read(0, image.sizeBytes)).toString()) as HashState
  return Object.assign(new HashState(), { index, hash })
}
