/**
 * The write-ahead log: hard state and entries, in segments, so that old ones
 * can be dropped whole. Everything waiting goes to disk as one batch with one
 * write and one sync, and the next batch begins only when the last is durable:
 * that is the group commit, and `segment.ts` leans on it to tell a torn write
 * from a damaged file.
 *
 * Within a batch the hard state stands first: an entry must never be on disk
 * under a term that the hard state has not reached.
 */
import { invariant } from '../base/assert.ts'
import type { Entry, HardState } from '../raft/entry.ts'
import type { Disk, DiskFile } from './disk.ts'
import { encodeBatch, recordSizeBytes, type WalRecord } from './record.ts'
import { encodeSegmentHead, scanSegment, type ScannedSegment, segmentName, segmentSequence } from './segment.ts'
import { WalCorruptError } from './wal-corrupt-error.ts'

export { WalCorruptError }

export interface WalOptions {
  /** A segment that would grow above this is followed by a new one. A batch is never split. Default 16 MiB. */
  readonly segmentBytesMax?: number
  /** 32 bits mixed into the checksums of new segments; best random, so that nobody can store a value that looks like a record. Default 0. */
  readonly salt?: number
  /** The first index that the log must be able to give: 1 unless a snapshot holds what is before. */
  readonly firstIndex?: number
  /** Runs a task soon but not at once. A simulation gives its own. Default `queueMicrotask`. */
  readonly defer?: (task: () => void) => void
}

export interface WalRecovery {
  readonly wal: Wal
  /** Term 0 without a vote when the log is new. */
  readonly hardState: HardState
  /** Contiguous. Their data are views into the segments as read. */
  readonly entries: Entry[]
  /** Bytes of a torn write, cut off from the end of the last segment; 0 after a clean stop. */
  readonly truncatedBytes: number
}

export interface WalBatch {
  /** Null: unchanged. */
  readonly hardState: HardState | null
  /** Contiguous; the first may stand below the log's end, and then replaces all from there. */
  readonly entries: readonly Entry[]
}

interface Waiting {
  readonly records: readonly WalRecord[]
  readonly done: (error: Error | null) => void
}

interface Tail {
  readonly sequence: number
  readonly lastBatch: number
  readonly salt: number
  readonly nextIndex: number
  readonly hardState: HardState
  readonly segments: SegmentStart[]
}

/** A segment on disk, and the log's next index when it was begun. */
interface SegmentStart {
  readonly sequence: number
  readonly nextIndex: number
}

export class Wal {
  readonly #disk: Disk
  readonly #segmentBytesMax: number
  readonly #defer: (task: () => void) => void
  readonly #saltSeed: number
  #file: DiskFile
  #sequence: number
  #lastBatch: number
  #salt: number
  /** As of the last batch that was encoded. */
  #nextIndex: number
  #hardState: HardState
  /** Oldest first; the last is open. */
  readonly #segments: SegmentStart[]
  #waiting: Waiting[] = []
  #syncing = false
  #failure: Error | null = null

  private constructor(disk: Disk, options: WalOptions, tail: Tail) {
    this.#disk = disk
    this.#segmentBytesMax = options.segmentBytesMax ?? 16 * 1024 * 1024
    this.#defer = options.defer ?? queueMicrotask
    this.#saltSeed = options.salt ?? 0
    this.#file = disk.openAppend(segmentName(tail.sequence))
    this.#sequence = tail.sequence
    this.#lastBatch = tail.lastBatch
    this.#salt = tail.salt
    this.#nextIndex = tail.nextIndex
    this.#hardState = tail.hardState
    this.#segments = tail.segments
  }

  /**
   * Reads the log, or begins one. Blocks. Throws WalCorruptError when more is
   * wrong than a write that a crash cut short.
   */
  static open(disk: Disk, options: WalOptions = {}): WalRecovery {
    const names = disk.list().filter((name) => segmentSequence(name) !== null)
    const firstIndex = options.firstIndex ?? 1
    if (names.length === 0) return Wal.#begin(disk, options, firstIndex)
    const segments = readSegments(disk, names, firstIndex)
    const { hardState, entries, nextIndex, firstSegment } = replay(segments, names, firstIndex)
    // A crash came between the new beginning of the log and the end of the old one.
    for (const name of names.slice(0, firstSegment)) disk.remove(name)
    const last = segments.at(-1)!
    const lastName = names.at(-1)!
    const { validBytes, tornBytes } = last.scanned
    if (last.sizeBytes > validBytes) disk.truncate(lastName, validBytes)
    const { sequence, salt } = last.scanned.header
    const wal = new Wal(disk, options, { sequence, salt, lastBatch: last.scanned.lastBatch, nextIndex, hardState,
      segments: segments.slice(firstSegment).map(({ scanned: { header } }) => ({ sequence: header.sequence, nextIndex: header.nextIndex })),
    })
    return { wal, hardState, entries, truncatedBytes: tornBytes }
  }

  static #begin(disk: Disk, options: WalOptions, nextIndex: number): WalRecovery {
    const hardState: HardState = { term: 0, votedFor: null }
    const sequence = 1
    const salt = segmentSalt(options.salt ?? 0, sequence)
    disk.replace(segmentName(sequence), encodeSegmentHead({ sequence, nextIndex, salt, previousBytes: 0 }, hardState))
    const wal = new Wal(disk, options, { sequence, salt, lastBatch: 0, nextIndex, hardState, segments: [{ sequence, nextIndex }] })
    return { wal, hardState, entries: [], truncatedBytes: 0 }
  }

  /**
   * Makes `batch` durable, then calls `done`; never at once. Calls may overlap:
   * what comes while a sync runs shares the next one. After an error the state
   * on disk is unknown: this and every later call fail with it.
   */
  append(batch: WalBatch, done: (error: Error | null) => void): void {
    const failure = this.#failure
    if (failure !== null) return this.#defer(() => done(failure))
    const records: WalRecord[] = []
    if (batch.hardState !== null) records.push({ type: 'hard-state', hardState: batch.hardState })
    for (const entry of batch.entries) records.push({ type: 'entry', entry })
    if (records.length === 0) return this.#defer(() => done(null))
    this.#waiting.push({ records, done })
    if (!this.#syncing) this.#writeWaiting()
  }

  /** Behind the last entry. */
  get nextIndex(): number {
    return this.#nextIndex
  }

  /**
   * Entries below `index` are in a snapshot that is durable: removes the segments
   * that hold no other. Hard state is no reason to keep one: each begins with it.
   */
  dropBefore(index: number): void {
    while (this.#segments.length > 1 && this.#segments[1]!.nextIndex <= index) {
      this.#disk.remove(segmentName(this.#segments.shift()!.sequence))
    }
  }

  /**
   * A durable snapshot takes the place of the whole log: it goes on at
   * `nextIndex`, right behind it. Durable on return. No append may be under way.
   * A crash in the middle leaves both; `open` with the snapshot then finishes it.
   */
  restartAt(nextIndex: number): void {
    invariant(!this.#syncing && this.#waiting.length === 0, () => `the log is begun anew at ${nextIndex} while a write is under way`)
    this.#nextIndex = nextIndex
    this.#beginSegment()
    while (this.#segments.length > 1) this.#disk.remove(segmentName(this.#segments.shift()!.sequence))
  }

  /** Gives up the file. What has not been answered by then may or may not be on disk. */
  close(): void {
    this.#failure ??= new Error('The write-ahead log is closed.')
    this.#file.close()
  }

  #writeWaiting(): void {
    const group = this.#waiting
    this.#waiting = []
    this.#syncing = true
    const answer = (error: Error | null) => {
      this.#syncing = false
      if (error !== null) this.#failure ??= error
      for (const { done } of group) done(error)
      if (this.#waiting.length > 0 && !this.#syncing) this.#writeWaiting()
    }
    if (this.#failure !== null) {
      const failure = this.#failure
      return this.#defer(() => answer(failure))
    }
    try {
      this.#write(group.length === 1 ? group[0]!.records : group.flatMap(({ records }) => records))
    } catch (error) {
      if (!isSystemError(error)) throw error
      return this.#defer(() => answer(error))
    }
    this.#file.sync(answer)
  }

  #write(records: readonly WalRecord[]): void {
    const sizeBytes = records.reduce((sum, record) => sum + recordSizeBytes(record), 0)
    if (this.#lastBatch > 0 && this.#file.sizeBytes + sizeBytes > this.#segmentBytesMax) this.#beginSegment()
    this.#follow(records)
    this.#lastBatch++
    this.#file.write(encodeBatch(records, this.#lastBatch, { salt: this.#salt, offset: this.#file.sizeBytes }))
  }

  /** Only between batches, when all that was written is durable: earlier segments never have a torn end. */
  #beginSegment(): void {
    const previousBytes = this.#file.sizeBytes
    this.#file.close()
    this.#sequence++
    this.#salt = segmentSalt(this.#saltSeed, this.#sequence)
    this.#lastBatch = 0
    const name = segmentName(this.#sequence)
    const header = { sequence: this.#sequence, nextIndex: this.#nextIndex, salt: this.#salt, previousBytes }
    this.#disk.replace(name, encodeSegmentHead(header, this.#hardState))
    this.#file = this.#disk.openAppend(name)
    this.#segments.push({ sequence: this.#sequence, nextIndex: this.#nextIndex })
  }

  #follow(records: readonly WalRecord[]): void {
    for (const record of records) {
      if (record.type === 'hard-state') {
        this.#hardState = record.hardState
        continue
      }
      const { index } = record.entry
      invariant(index >= 1 && index <= this.#nextIndex, () => `entry ${index} would leave a gap: the log's next index is ${this.#nextIndex}`)
      this.#nextIndex = index + 1
    }
  }
}

interface ReadSegment {
  readonly scanned: ScannedSegment
  readonly sizeBytes: number
}

function readSegments(disk: Disk, names: readonly string[], firstIndex: number): ReadSegment[] {
  const segments: ReadSegment[] = []
  for (const [i, name] of names.entries()) {
    const expected = segmentSequence(names[0]!)! + i
    if (segmentSequence(name) !== expected) throw new WalCorruptError(segmentName(expected), 0, `the segment is missing, although ${name} exists`)
    const content = disk.read(name)
    const scanned = scanSegment(name, content, i === names.length - 1)
    if (i === 0 && scanned.header.nextIndex > firstIndex) {
      throw new WalCorruptError(name, 16, `the log begins at index ${scanned.header.nextIndex}, so the segments with entries from ${firstIndex} on are missing`)
    }
    const before = segments.at(-1)?.scanned
    if (before !== undefined && scanned.header.previousBytes !== before.validBytes) {
      throw new WalCorruptError(names[i - 1]!, before.validBytes, `the segment ends here, but ${name} says that it ended at byte ${scanned.header.previousBytes}`)
    }
    segments.push({ scanned, sizeBytes: content.length })
  }
  return segments
}

interface Replayed {
  readonly hardState: HardState
  readonly entries: Entry[]
  /** The log's last index + 1. */
  readonly nextIndex: number
  /** Earlier segments hold nothing that counts. */
  readonly firstSegment: number
}

/** Later records win: an entry replaces the one at its index and all behind it. */
function replay(segments: readonly ReadSegment[], names: readonly string[], firstIndex: number): Replayed {
  let hardState: HardState = { term: 0, votedFor: null }
  const entries: Entry[] = []
  let base = segments[0]!.scanned.header.nextIndex
  let firstSegment = 0
  let nextIndex = base
  for (const [i, { scanned }] of segments.entries()) {
    if (scanned.header.nextIndex === firstIndex && firstIndex !== nextIndex) {
      // The log was begun anew behind a snapshot (`restartAt`).
      base = firstIndex
      nextIndex = firstIndex
      firstSegment = i
      entries.length = 0
    }
    if (scanned.header.nextIndex !== nextIndex) {
      throw new WalCorruptError(names[i]!, 16, `the segment says that it begins at index ${scanned.header.nextIndex}, but the one before ends at ${nextIndex - 1}`)
    }
    for (const record of scanned.records) {
      if (record.type === 'hard-state') {
        hardState = record.hardState
        continue
      }
      const { entry } = record
      if (entry.index > nextIndex) throw new WalCorruptError(names[i]!, 0, `entry ${entry.index} follows entry ${nextIndex - 1}`)
      nextIndex = entry.index + 1
      // Below `base` only a rewritten suffix can reach, whose start a snapshot holds.
      const keptCount = Math.max(0, entry.index - base)
      if (keptCount !== entries.length) entries.length = keptCount
      if (entry.index >= base) entries.push(entry)
    }
  }
  return { hardState, entries, nextIndex, firstSegment }
}

/** So that no two segments share a salt. */
function segmentSalt(seed: number, sequence: number): number {
  return (seed ^ Math.imul(sequence, 0x9e3779b1)) >>> 0
}

/** What the operating system refuses (disk full, I/O error), as against a bug of ours. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error
}
