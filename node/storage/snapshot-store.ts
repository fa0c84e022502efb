/**
 * The snapshots on a disk. One is written under a partial name, synced, and
 * only then given its own; the one before stays until that is durable, and as
 * long as a follower is being sent it. Unfinished ones go at the next start.
 */
import { crc32 } from 'node:zlib'
import type { Snapshot, SnapshotHead } from '../raft/snapshot.ts'
import type { Disk, DiskFile } from './disk.ts'
import { readBlocks, SnapshotCorruptError } from './snapshot-format.ts'

const partialSuffix = '.partial'
const nameForm = /^snapshot-(\d{16})-([0-9a-f]{8})\.bin$/

/** A snapshot on disk that was read through once. */
export interface StoredSnapshot extends Snapshot {
  readonly file: string
}

export class SnapshotStore {
  readonly #disk: Disk

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /**
   * At start: the newest snapshot, its checksums verified; null if there is
   * none. Removes unfinished and older ones. Blocks. Throws
   * SnapshotCorruptError: an older one is no substitute, for the log behind it
   * is gone.
   */
  recover(): StoredSnapshot | null {
    const names = this.#disk.list()
    for (const name of names) if (name.endsWith(partialSuffix)) this.#disk.remove(name)
    const newest = names.filter((name) => nameForm.test(name)).at(-1)
    if (newest === undefined) return null
    const stored = this.#load(newest)
    this.retire([stored])
    return stored
  }

  /** A new file for a snapshot in the making; one of the same purpose before it is void. */
  begin(purpose: 'own' | 'received' | `archive-${number}`): PartialSnapshot {
    const name = `${purpose}${partialSuffix}`
    // Only where there is one: a removal waits for the directory's sync.
    if (this.#disk.list().includes(name)) this.#disk.remove(name)
    return new PartialSnapshot(name, this.#disk.openAppend(name))
  }

  /** A whole snapshot in memory; durable on return. Blocks: for a start. */
  put(head: SnapshotHead, bytes: Uint8Array): StoredSnapshot {
    const checksum = crc32(bytes)
    const file = fileName(head, checksum)
    this.#disk.replace(file, bytes)
    return this.#stored(file, head, bytes.length, checksum)
  }

  /** The file is synced and whole: gives it its name. Durable on return. */
  finish(partial: PartialSnapshot, head: SnapshotHead): StoredSnapshot {
    const file = fileName(head, partial.checksum)
    partial.close()
    this.#disk.rename(partial.name, file)
    return this.#stored(file, head, partial.sizeBytes, partial.checksum)
  }

  abandon(partial: PartialSnapshot): void {
    partial.close()
    this.#disk.remove(partial.name)
  }

  /** Reads a file that is not finished yet. */
  readerOf(partial: PartialSnapshot): (offset: number, lengthBytes: number) => Uint8Array {
    return (offset, lengthBytes) => this.#disk.readAt(partial.name, offset, Math.min(lengthBytes, Math.max(0, partial.sizeBytes - offset)))
  }

  /** Removes all but these. */
  retire(inUse: readonly Snapshot[]): void {
    const kept = new Set(inUse.map((snapshot) => (snapshot as StoredSnapshot).file))
    for (const name of this.#disk.list()) if (nameForm.test(name) && !kept.has(name)) this.#disk.remove(name)
  }

  #load(file: string): StoredSnapshot {
    const readAt = (offset: number, lengthBytes: number) => this.#disk.readAt(file, offset, lengthBytes)
    let head: SnapshotHead | null = null
    let sizeBytes = 0
    let checksum = 0
    for (const { block, offset, endOffset } of readBlocks(file, readAt)) {
      if (block.type === 'head') head = block.head
      checksum = crc32(readAt(offset, endOffset - offset), checksum)
      sizeBytes = endOffset
    }
    const [, index, named] = nameForm.exec(file)!
    if (head === null || head.lastIndex !== Number(index) || checksum !== Number.parseInt(named!, 16)) {
      throw new SnapshotCorruptError(file, 0, `the content is of index ${head?.lastIndex ?? 'none'} with checksum ${checksum.toString(16)}, other than the name says`)
    }
    return this.#stored(file, head, sizeBytes, checksum)
  }

  #stored(file: string, head: SnapshotHead, sizeBytes: number, checksum: number): StoredSnapshot {
    return { file, head, image: { sizeBytes, checksum, read: (offset, lengthBytes) => this.#disk.readAt(file, offset, lengthBytes) } }
  }
}

function fileName({ lastIndex }: SnapshotHead, checksum: number): string {
  return `snapshot-${String(lastIndex).padStart(16, '0')}-${checksum.toString(16).padStart(8, '0')}.bin`
}

/** A snapshot's file as it grows. */
export class PartialSnapshot {
  readonly name: string
  readonly #file: DiskFile
  sizeBytes = 0
  /** CRC-32 of all that was written. */
  checksum = 0

  constructor(name: string, file: DiskFile) {
    this.name = name
    this.#file = file
  }

  write(bytes: Uint8Array): void {
    this.sizeBytes += bytes.length
    this.checksum = crc32(bytes, this.checksum)
    this.#file.write(bytes)
  }

  sync(done: (error: Error | null) => void): void {
    this.#file.sync(done)
  }

  close(): void {
    this.#file.close()
  }
}
