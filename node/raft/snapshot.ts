import type { Configuration } from './entry.ts'

/** What a snapshot stands for in the log (thesis §5.1). */
export interface SnapshotHead {
  /** The state is the one after this entry. */
  readonly lastIndex: number
  /** Of the entry at `lastIndex`: the consistency check of the first entry behind needs it. */
  readonly lastTerm: number
  /** As of `lastIndex`, and the index of the entry that brought it. */
  readonly configuration: Configuration
  readonly configurationIndex: number
}

/** The bytes of a snapshot. They never change, so that a core may read them and stay pure. */
export interface SnapshotImage {
  readonly sizeBytes: number
  /** CRC-32 of all bytes. Members need not encode equal states alike, so index and term do not tell images apart. */
  readonly checksum: number
  /** `lengthBytes` from `offset` on, both inside the image. */
  read(offset: number, lengthBytes: number): Uint8Array
}

export interface Snapshot {
  readonly head: SnapshotHead
  readonly image: SnapshotImage
}

/** How one image is told from another on the wire. */
export interface ImageId {
  readonly lastIndex: number
  readonly lastTerm: number
  readonly sizeBytes: number
  readonly checksum: number
}

export function imageIdOf({ head, image }: Snapshot): ImageId {
  return { lastIndex: head.lastIndex, lastTerm: head.lastTerm, sizeBytes: image.sizeBytes, checksum: image.checksum }
}

export function sameImage(a: ImageId, b: ImageId): boolean {
  return a.lastIndex === b.lastIndex && a.lastTerm === b.lastTerm && a.sizeBytes === b.sizeBytes && a.checksum === b.checksum
}

/** A piece of another member's snapshot, in order and without gaps within one image. */
export interface SnapshotChunk {
  readonly image: ImageId
  /** 0 begins an image anew: what came of any before is void. */
  readonly offset: number
  readonly data: Uint8Array
}
