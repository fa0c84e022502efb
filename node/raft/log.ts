import { invariant } from '../base/assert.ts'
import type { Entry } from './entry.ts'

/** A stretch of entries of one term; ends where the next run starts. */
interface TermRun {
  readonly term: number
  readonly firstIndex: number
}

/**
 * The replicated log as one member has it in memory, and how much of it is on disk.
 *
 * Invariant: baseIndex <= durableIndex <= writingIndex <= lastIndex.
 *
 * Everything up to `baseIndex` is covered by a snapshot and gone from here; it
 * is 0 before the first one.
 */
export class EntryLog {
  #baseIndex: number
  #baseTerm: number
  /** `#entries[i]` has index `baseIndex + 1 + i`. */
  #entries: Entry[]
  /** In order; the terms ascend strictly. Few, so that a search by term touches no entries. */
  #runs: TermRun[] = []
  /** The write handed out last carries the entries up to here that are still as they were then. */
  #writingIndex: number
  /** Up to here this log is on disk. */
  #durableIndex: number

  /** `entries` are what the disk held: contiguous from `baseIndex + 1`. */
  constructor(entries: readonly Entry[], baseIndex = 0, baseTerm = 0) {
    this.#baseIndex = baseIndex
    this.#baseTerm = baseTerm
    this.#entries = []
    this.#writingIndex = baseIndex
    this.#durableIndex = baseIndex
    this.append(entries)
    this.#writingIndex = this.lastIndex
    this.#durableIndex = this.lastIndex
  }

  get baseIndex(): number {
    return this.#baseIndex
  }

  get baseTerm(): number {
    return this.#baseTerm
  }

  get lastIndex(): number {
    return this.baseIndex + this.#entries.length
  }

  get lastTerm(): number {
    return this.#entries.length === 0 ? this.baseTerm : this.#entries[this.#entries.length - 1]!.term
  }

  get durableIndex(): number {
    return this.#durableIndex
  }

  /** Whether some entries have not been handed out to be written. */
  get hasUnwritten(): boolean {
    return this.#writingIndex < this.lastIndex
  }

  entry(index: number): Entry | undefined {
    return this.#entries[index - this.baseIndex - 1]
  }

  /** The term at `index`; null beyond the end or inside a snapshot. Index 0 has term 0. */
  termAt(index: number): number | null {
    if (index === this.baseIndex) return this.baseTerm
    const entry = this.#entries[index - this.baseIndex - 1]
    return entry === undefined ? null : entry.term
  }

  /** Appends entries that continue the log. */
  append(entries: readonly Entry[]): void {
    for (let i = 0; i < entries.length; i++) this.appendOne(entries[i]!)
  }

  appendOne(entry: Entry): void {
    const lastTerm = this.lastTerm
    invariant(entry.index === this.lastIndex + 1 && entry.term >= lastTerm,
      () => `entry ${entry.index} of term ${entry.term} does not continue a log that ends at ${this.lastIndex} in term ${lastTerm}`)
    if (entry.term > lastTerm) this.#runs.push({ term: entry.term, firstIndex: entry.index })
    this.#entries.push(entry)
  }

  /**
   * Drops `index` and everything after it. What is being written of that is no
   * longer this log, so the cursors of the disk fall back too; they never
   * compare terms and so cannot be fooled when the same entry comes back later.
   */
  truncateFrom(index: number): void {
    invariant(index > this.baseIndex && index <= this.lastIndex,
      () => `cannot cut from ${index} a log of ${this.baseIndex + 1}..${this.lastIndex}`)
    this.#entries.length = index - this.baseIndex - 1
    while (this.#runs.length > 0 && this.#runs[this.#runs.length - 1]!.firstIndex >= index) this.#runs.pop()
    this.#writingIndex = Math.min(this.#writingIndex, index - 1)
    this.#durableIndex = Math.min(this.#durableIndex, index - 1)
  }

  /** Forgets everything up to `index`, which a snapshot covers and this disk has (thesis §5.1). */
  compactTo(index: number): void {
    if (index <= this.#baseIndex) return
    const term = this.termAt(index)
    invariant(term !== null && index <= this.#durableIndex,
      () => `cannot compact to ${index} a log of ${this.#baseIndex + 1}..${this.lastIndex} with ${this.#durableIndex} on disk`)
    this.#entries = this.#entries.slice(index - this.#baseIndex)
    this.#baseIndex = index
    this.#baseTerm = term
    // A run counts while an entry of it is left; where it began is kept.
    this.#runs = this.#runs.filter((_, i) => i === this.#runs.length - 1 || this.#runs[i + 1]!.firstIndex > index + 1)
  }

  /** Forgets everything: the log begins behind a snapshot up to `index`. No write of it may be under way. */
  reset(index: number, term: number): void {
    this.#entries = []
    this.#runs = []
    this.#baseIndex = index
    this.#baseTerm = term
    this.#writingIndex = index
    this.#durableIndex = index
  }

  /**
   * The first of `entries` that this log lacks or holds with another term, as a
   * position in `entries`; their number if it has them all.
   */
  firstDifference(entries: readonly Entry[]): number {
    // A message usually continues the log: then nothing needs comparing.
    if (entries.length > 0 && entries[0]!.index > this.lastIndex) return 0
    for (let i = 0; i < entries.length; i++) {
      if (this.termAt(entries[i]!.index) !== entries[i]!.term) return i
    }
    return entries.length
  }

  /** The first index of the run of terms that `index` belongs to. */
  firstIndexOfTermAt(index: number): number {
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      if (this.#runs[i]!.firstIndex <= index) return this.#runs[i]!.firstIndex
    }
    return this.baseIndex
  }

  /** The last index up to `index` whose term is at most `term`; `baseIndex` if none is. */
  lastIndexWithTermAtMost(term: number, index: number): number {
    let end = Math.min(index, this.lastIndex)
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const run = this.#runs[i]!
      if (run.firstIndex > end) continue
      if (run.term <= term) return end
      end = run.firstIndex - 1
    }
    return this.baseIndex
  }

  /** Whether a log that ends so is at least as complete as this one (thesis §3.6.1). */
  isUpToDate(lastTerm: number, lastIndex: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex)
  }

  /** Entries from `firstIndex` to `lastIndex`, both included. */
  range(firstIndex: number, lastIndex: number): Entry[] {
    return this.#entries.slice(firstIndex - this.baseIndex - 1, lastIndex - this.baseIndex)
  }

  /** Entries from `firstIndex` on, within the limits; at least one if there is one. */
  slice(firstIndex: number, entriesMax: number, dataBytesMax: number): Entry[] {
    const start = firstIndex - this.baseIndex - 1
    invariant(start >= 0, () => `entry ${firstIndex} is inside the snapshot up to ${this.baseIndex}`)
    const endMax = Math.min(start + entriesMax, this.#entries.length)
    let end = start
    let dataBytes = 0
    while (end < endMax) {
      dataBytes += this.#entries[end]!.data.length
      if (dataBytes > dataBytesMax && end > start) break
      end++
    }
    return this.#entries.slice(start, end)
  }

  /** Hands out what no write carries yet. `written` follows when it is durable. */
  takeUnwritten(): Entry[] {
    const entries = this.range(this.#writingIndex + 1, this.lastIndex)
    this.#writingIndex = this.lastIndex
    return entries
  }

  /** The write handed out last is durable. */
  written(): void {
    this.#durableIndex = this.#writingIndex
  }
}
