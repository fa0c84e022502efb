/**
 * The records of the key-value table in order: a row of branches, each a row of
 * pages (`kv-page.ts`). Pages and branches split when they are full and join
 * when little is left of them, so no change moves more than a page or two and a
 * branch or two, however many entries there are. Entries that come in order
 * leave full pages behind.
 *
 * A copy costs the row of branches alone (a hundred for a million entries): as
 * long as it is not released, a branch or page that it shares is copied before
 * it changes.
 */
import { invariant } from '../base/assert.ts'
import { KeyBytes } from './key-bytes.ts'
import { KvPage, storedBytes } from './kv-page.ts'
import { entryLayout } from './kv-records.ts'
import { compareKeys } from './sorted-keys.ts'

const { keyAt, keyBytesAt } = entryLayout
const newPageBytesMin = 512

interface Branch {
  /** As of how many copies it is the table's own. */
  readonly generation: number
  readonly pages: KvPage[]
  /**
   * Invariant: separators[i] is not behind any key of pages[i], and behind every
   * key of the page before, be it in the branch before. Of the very first page
   * it says nothing.
   */
  readonly separators: string[]
}

export interface KvPagesOptions {
  /** Of records. A larger record has a page for itself. */
  readonly pageBytes?: number
  readonly branchPagesMax?: number
}

export class KvPages {
  readonly #pageBytes: number
  readonly #branchPagesMax: number
  // Invariant: no branch and no page is empty.
  readonly #branches: Branch[] = []
  #size = 0
  /** How many copies were made, and the number of the newest that is not released; 0 for none. */
  #generation = 0
  #newestCapture = 0
  readonly #captures = new Set<number>()
  /** Where `#locatedKey` is: reads and writes of a key come together. */
  #locatedKey: string | null = null
  readonly #key = new KeyBytes()
  #branchAt = 0
  #pageAt = 0
  /** `~slot` of where it would stand, if it is not in. */
  #slot = ~0
  #movedBytes = 0
  #movedPlaces = 0

  /** Defaults: 16 KiB, 256 pages. */
  constructor({ pageBytes = 16 * 1024, branchPagesMax = 256 }: KvPagesOptions = {}) {
    this.#pageBytes = pageBytes
    this.#branchPagesMax = branchPagesMax
  }

  get size(): number {
    return this.#size
  }

  /** Since the start, bytes of records copied, and places in rows of pages and of branches: what changes cost beyond the looking up. */
  get moved(): { readonly bytes: number, readonly places: number } {
    return { bytes: this.#movedBytes, places: this.#movedPlaces }
  }

  /** The page that has `key`, for `record`; null if it is not in. Valid until the next change. */
  find(key: string): KvPage | null {
    this.#locate(key)
    return this.#slot < 0 ? null : this.#branches[this.#branchAt]!.pages[this.#pageAt]!
  }

  /** Where in the page that `find` or `place` has just given the record begins. */
  get record(): number {
    return this.#branches[this.#branchAt]!.pages[this.#pageAt]!.recordAt(this.#slot)
  }

  /**
   * A record under `key`, in the place of one that may be there, of as many bytes
   * as `bytesOf` says for its key's bytes; the caller fills in all of it but the
   * key, at once.
   */
  place(key: string, bytesOf: (keyBytes: number) => number): KvPage {
    this.#locate(key)
    const recordBytes = bytesOf(this.#key.length)
    if (this.#branches.length === 0) {
      this.#branches.push({ generation: this.#generation, pages: [this.#newPage(storedBytes(recordBytes))], separators: [key] })
    }
    let page = this.#ownPage()
    let record = -1
    if (this.#slot >= 0) {
      record = page.resize(this.#slot, recordBytes)
      if (record < 0) {
        page.removeAt(this.#slot)
        this.#size--
        this.#slot = ~this.#slot
      }
    }
    if (record < 0) {
      this.#slot = ~this.#slot
      record = page.insert(this.#slot, recordBytes, this.#key.bytes, this.#key.length)
      if (record < 0) {
        this.#makeRoom(page, storedBytes(recordBytes), key)
        page = this.#branches[this.#branchAt]!.pages[this.#pageAt]!
        record = page.insert(this.#slot, recordBytes, this.#key.bytes, this.#key.length)
        invariant(record >= 0, () => `a page for ${page.capacityBytes} bytes with ${page.liveBytes} has no room for ${recordBytes}`)
      }
      this.#size++
    }
    return page
  }

  /** A whole record, which must be well-formed. Quick if it comes behind all others. */
  put(record: Buffer): void {
    const keyEnd = keyAt + record.readUInt32LE(keyBytesAt)
    const branch = this.#branches.at(-1)
    const last = branch?.pages.at(-1)
    if (branch !== undefined && last !== undefined && last.generation >= this.#newestCapture
      && last.compare(last.count - 1, record, keyEnd - keyAt, keyAt) < 0) {
      const at = last.insert(last.count, record.length, record, keyEnd - keyAt, keyAt)
      if (at >= 0) {
        record.copy(last.bytes, at)
        this.#size++
        this.#locatedKey = null
        return
      }
    }
    const page = this.place(record.toString('utf8', keyAt, keyEnd), () => record.length)
    record.copy(page.bytes, this.record)
  }

  /** Whether it was in. */
  remove(key: string): boolean {
    this.#locate(key)
    if (this.#slot < 0) return false
    const page = this.#ownPage()
    page.removeAt(this.#slot)
    this.#size--
    if (page.count === 0) this.#dropPage()
    else if (page.liveBytes < this.#pageBytes / 4) this.#join()
    this.#locatedKey = null
    return true
  }

  hasPrefix(prefix: string): boolean {
    for (const _ of this.#under(prefix)) return true
    return false
  }

  /** Calls `visit` for each record whose key begins with `prefix`, ascending. It must neither look up nor change anything here. */
  forEachUnder(prefix: string, visit: (page: KvPage, record: number, lengthBytes: number) => void): void {
    for (const { page, start, end } of this.#under(prefix)) {
      for (let slot = start; slot < end; slot++) {
        const record = page.recordAt(slot)
        visit(page, record, page.recordBytes(record))
      }
    }
  }

  /** All records as they are now, ascending, to be read a few at a time while they change. They are views, void once it is released. */
  capture(): { readonly records: Generator<Buffer>, release(): void } {
    const number = ++this.#generation
    this.#captures.add(number)
    this.#newestCapture = number
    const branches = this.#branches.slice()
    this.#movedPlaces += branches.length
    return {
      records: recordsOf(branches, () => this.#captures.has(number)),
      release: () => {
        this.#captures.delete(number)
        this.#newestCapture = Math.max(0, ...this.#captures)
      },
    }
  }

  /** Runs of slots, page by page. */
  *#under(prefix: string): Generator<{ readonly page: KvPage, readonly start: number, readonly end: number }> {
    this.#locate(prefix)
    const { bytes, length } = this.#key
    let start = this.#slot < 0 ? ~this.#slot : this.#slot
    for (let branchAt = this.#branchAt, pageAt = this.#pageAt; branchAt < this.#branches.length; branchAt++, pageAt = 0) {
      const { pages } = this.#branches[branchAt]!
      for (; pageAt < pages.length; pageAt++, start = 0) {
        const page = pages[pageAt]!
        let end = page.count
        // Mostly all of the rest of a page is under the prefix, or its end is searched for.
        if (end > start && !page.startsWith(end - 1, bytes, length)) {
          end = start
          while (page.startsWith(end, bytes, length)) end++
          if (end > start) yield { page, start, end }
          return
        }
        if (end > start) yield { page, start, end }
      }
    }
  }

  #locate(key: string): void {
    if (key === this.#locatedKey) return
    this.#locatedKey = key
    this.#key.set(key)
    this.#branchAt = this.#pageAt = 0
    this.#slot = ~0
    if (this.#branches.length === 0) return
    // An ASCII key stands the same way to any other in UTF-16 units as in UTF-8 bytes.
    const { isAscii } = this.#key
    let low = 0
    for (let high = this.#branches.length; high - low > 1;) {
      const middle = (low + high) >>> 1
      const separator = this.#branches[middle]!.separators[0]!
      if (isAscii ? separator <= key : compareKeys(separator, key) <= 0) low = middle
      else high = middle
    }
    this.#branchAt = low
    const { separators, pages } = this.#branches[low]!
    low = 0
    for (let high = separators.length; high - low > 1;) {
      const middle = (low + high) >>> 1
      const separator = separators[middle]!
      if (isAscii ? separator <= key : compareKeys(separator, key) <= 0) low = middle
      else high = middle
    }
    this.#pageAt = low
    this.#slot = pages[low]!.find(this.#key.bytes, this.#key.length)
  }

  /** The page is full: others take its place, one of them with room where the key is to stand, which `#pageAt` and `#slot` then tell. */
  #makeRoom(page: KvPage, neededBytes: number, key: string): void {
    const { count, liveBytes } = page
    const slot = this.#slot
    const separator = this.#branches[this.#branchAt]!.separators[this.#pageAt]!
    const allBytes = liveBytes + neededBytes
    // Waste is left out, or a small page grows.
    if (allBytes <= this.#pageBytes * (page.capacityBytes < this.#pageBytes ? 1 : 3 / 4)) {
      return this.#replace(1, [this.#copyOf(page, 0, count, neededBytes)], [separator])
    }
    // Behind all of its page: more of them in order are to be expected, and it stays full.
    if (slot === count && count > 0) return this.#replaceBy([page, this.#newPage(Math.max(neededBytes, this.#pageBytes))], [separator, key], 1, 0)
    const half = Math.min(page.slotBehind(liveBytes / 2), count - 1)
    if (half > 0) {
      const isLeft = slot <= half
      const left = this.#copyOf(page, 0, half, isLeft ? neededBytes : 0)
      const right = this.#copyOf(page, half, count, isLeft ? 0 : neededBytes)
      if ((isLeft ? left : right).liveBytes + neededBytes <= this.#pageBytes) {
        return this.#replaceBy([left, right], [separator, page.keyIn(half)], isLeft ? 0 : 1, isLeft ? slot : slot - half)
      }
    }
    // Large: in a page for itself, between what is before and what is behind.
    const pages = [this.#newPage(neededBytes)]
    const separators = [slot > 0 ? key : separator]
    if (slot > 0) {
      pages.unshift(this.#copyOf(page, 0, slot, 0))
      separators.unshift(separator)
    }
    if (slot < count) {
      pages.push(this.#copyOf(page, slot, count, 0))
      separators.push(page.keyIn(slot))
    }
    this.#replaceBy(pages, separators, slot > 0 ? 1 : 0, 0)
  }

  /** `pages` take the place of the one at hand; the key is to stand in `slot` of `pages[at]`. */
  #replaceBy(pages: readonly KvPage[], separators: readonly string[], at: number, slot: number): void {
    this.#replace(1, pages, separators)
    this.#pageAt += at
    this.#slot = slot
    this.#splitBranch()
  }

  #replace(count: number, pages: readonly KvPage[], separators: readonly string[]): void {
    const branch = this.#ownBranch(this.#branchAt)
    this.#movedPlaces += branch.pages.length - this.#pageAt
    branch.pages.splice(this.#pageAt, count, ...pages)
    branch.separators.splice(this.#pageAt, count, ...separators)
  }

  #splitBranch(): void {
    const branch = this.#branches[this.#branchAt]!
    const count = branch.pages.length
    if (count <= this.#branchPagesMax) return
    // As with pages: full ones stay behind where entries come in order.
    const at = this.#branchAt === this.#branches.length - 1 && this.#pageAt === count - 1 ? count - 1 : count >>> 1
    this.#movedPlaces += count - at + this.#branches.length - this.#branchAt
    this.#branches.splice(this.#branchAt + 1, 0, { generation: this.#generation, pages: branch.pages.splice(at), separators: branch.separators.splice(at) })
    if (this.#pageAt < at) return
    this.#branchAt++
    this.#pageAt -= at
  }

  /** Little is left of the page at hand: with a neighbour that has not much more it becomes one. */
  #join(): void {
    const { pages, separators } = this.#branches[this.#branchAt]!
    for (const first of [this.#pageAt, this.#pageAt - 1]) {
      const left = pages[first]
      const right = pages[first + 1]
      if (left === undefined || right === undefined || left.liveBytes + right.liveBytes > this.#pageBytes / 2) continue
      this.#pageAt = first
      this.#replace(2, [this.#copyOf(left, 0, left.count, right.liveBytes).take(right, 0, right.count)], [separators[first]!])
      this.#movedBytes += right.liveBytes
      return this.#joinBranch()
    }
  }

  #dropPage(): void {
    this.#replace(1, [], [])
    if (this.#branches[this.#branchAt]!.pages.length > 0) return this.#joinBranch()
    this.#movedPlaces += this.#branches.length - this.#branchAt
    this.#branches.splice(this.#branchAt, 1)
  }

  #joinBranch(): void {
    if (this.#branches[this.#branchAt]!.pages.length > this.#branchPagesMax / 4) return
    for (const first of [this.#branchAt, this.#branchAt - 1]) {
      const left = this.#branches[first]
      const right = this.#branches[first + 1]
      if (left === undefined || right === undefined || left.pages.length + right.pages.length > this.#branchPagesMax / 2) continue
      this.#movedPlaces += left.pages.length + right.pages.length + this.#branches.length - first
      this.#branches.splice(first, 2, {
        generation: this.#generation, pages: [...left.pages, ...right.pages], separators: [...left.separators, ...right.separators],
      })
      return
    }
  }

  #ownBranch(at: number): Branch {
    const branch = this.#branches[at]!
    if (branch.generation >= this.#newestCapture) return branch
    this.#movedPlaces += branch.pages.length
    return this.#branches[at] = { generation: this.#generation, pages: branch.pages.slice(), separators: branch.separators.slice() }
  }

  /** The page at hand, to be changed: not one that a copy shares. */
  #ownPage(): KvPage {
    const page = this.#branches[this.#branchAt]!.pages[this.#pageAt]!
    if (page.generation >= this.#newestCapture) return page
    return this.#ownBranch(this.#branchAt).pages[this.#pageAt] = this.#copyOf(page, 0, page.count, Math.max(0, page.capacityBytes - page.liveBytes))
  }

  /** Of some slots, with room for so many bytes more. */
  #copyOf(page: KvPage, start: number, end: number, roomBytes: number): KvPage {
    const bytes = start === 0 && end === page.count ? page.liveBytes : page.bytesOf(start, end)
    this.#movedBytes += bytes
    return this.#newPage(bytes + roomBytes).take(page, start, end)
  }

  /** A page grows to twice what it needs, until it is as large as they get. */
  #newPage(neededBytes: number): KvPage {
    const roomy = Math.min(this.#pageBytes, Math.max(newPageBytesMin, neededBytes * 2))
    return new KvPage(Math.max(neededBytes, roomy), this.#generation)
  }
}

function* recordsOf(branches: readonly Branch[], isHeld: () => boolean): Generator<Buffer> {
  for (const { pages } of branches) {
    for (const page of pages) {
      for (let slot = 0; slot < page.count; slot++) {
        invariant(isHeld(), () => 'a copy is read that was released')
        const record = page.recordAt(slot)
        yield page.bytes.subarray(record, record + page.recordBytes(record))
      }
    }
  }
}
