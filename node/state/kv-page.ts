/**
 * Some entries of the key-value table as bytes in one buffer, in the order of
 * their keys' bytes: a slotted page. Records are added behind one another; the
 * slots in front say where each begins, in order. What is replaced by something
 * longer, or removed, stays as waste until its page is written anew (`take`).
 *
 * Why bytes: garbage collection looks at each object that lives. With an object,
 * a string and a buffer for each of a million keys it stops the program for tens
 * of milliseconds at a time; a page of a hundred entries is four objects.
 *
 *     0          u32 for each slot: where the record begins
 *     recordsAt  u32 length, then the record as in a snapshot (kv-records.ts), …
 */
import { invariant } from '../base/assert.ts'
import { entryLayout } from './kv-records.ts'

const slotBytes = 4
const lengthBytes = 4
const { keyAt, keyBytesAt } = entryLayout
/** An entry without key, session and value. */
const recordBytesMin = lengthBytes + keyAt

/** What a record of `recordBytes` takes in a page. */
export function storedBytes(recordBytes: number): number {
  return lengthBytes + recordBytes
}

export class KvPage {
  /** As of how many copies of the whole it is the table's own: a copy made later shares it. */
  readonly generation: number
  /** For records. */
  readonly capacityBytes: number
  readonly bytes: Buffer
  readonly view: DataView
  readonly #recordsAt: number
  #count = 0
  /** Where the next record goes. */
  #end: number
  #liveBytes = 0

  constructor(capacityBytes: number, generation: number) {
    this.generation = generation
    this.capacityBytes = capacityBytes
    this.#recordsAt = Math.floor(capacityBytes / recordBytesMin) * slotBytes
    this.bytes = Buffer.allocUnsafeSlow(this.#recordsAt + capacityBytes)
    this.view = new DataView(this.bytes.buffer)
    this.#end = this.#recordsAt
  }

  get count(): number {
    return this.#count
  }

  /** Of the records that are in, with their lengths; at most `capacityBytes`. */
  get liveBytes(): number {
    return this.#liveBytes
  }

  /** The slot that has `key`, or `~slot` of where it would stand. */
  find(key: Uint8Array, keyBytes: number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = this.compare(middle, key, keyBytes)
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle
    }
    return ~low
  }

  /** Negative, 0 or positive: the key in `slot` is before, equal to, or behind the one that begins at `from` of `key`. */
  compare(slot: number, key: Uint8Array, keyBytes: number, from = 0): number {
    const { bytes, view } = this
    const record = view.getUint32(slot * slotBytes, true)
    const length = view.getUint32(record + keyBytesAt, true)
    const shared = Math.min(length, keyBytes)
    const at = record + keyAt
    for (let i = 0; i < shared; i++) {
      const difference = bytes[at + i]! - key[from + i]!
      if (difference !== 0) return difference
    }
    return length - keyBytes
  }

  /** Whether the key in `slot` begins with `prefix`. */
  startsWith(slot: number, prefix: Uint8Array, prefixBytes: number): boolean {
    const { bytes, view } = this
    const record = view.getUint32(slot * slotBytes, true)
    if (view.getUint32(record + keyBytesAt, true) < prefixBytes) return false
    const at = record + keyAt
    for (let i = 0; i < prefixBytes; i++) if (bytes[at + i] !== prefix[i]) return false
    return true
  }

  /** Where the record of `slot` begins in `bytes`. */
  recordAt(slot: number): number {
    return this.view.getUint32(slot * slotBytes, true)
  }

  /** Of the record that begins at `record`. */
  recordBytes(record: number): number {
    return this.view.getUint32(record - lengthBytes, true)
  }

  keyIn(slot: number): string {
    const at = this.recordAt(slot) + keyAt
    return this.bytes.toString('utf8', at, at + this.view.getUint32(at - keyAt + keyBytesAt, true))
  }

  /** Room for a record, to be filled at once. Returns where it begins, or -1 if there is none left. */
  insert(slot: number, recordBytes: number): number {
    const needed = lengthBytes + recordBytes
    if (this.#end + needed > this.bytes.length) return -1
    this.bytes.copyWithin((slot + 1) * slotBytes, slot * slotBytes, this.#count * slotBytes)
    this.#count++
    this.#liveBytes += needed
    return this.#add(slot, recordBytes)
  }

  /** Room for another record in the place of that in `slot`, whose bytes are void now. -1, and nothing changed, if there is none left. */
  resize(slot: number, recordBytes: number): number {
    const record = this.recordAt(slot)
    const before = this.recordBytes(record)
    if (recordBytes > before || recordBytes < before / 2) {
      if (this.#end + lengthBytes + recordBytes > this.bytes.length) return -1
      this.#liveBytes += recordBytes - before
      return this.#add(slot, recordBytes)
    }
    this.#liveBytes += recordBytes - before
    this.view.setUint32(record - lengthBytes, recordBytes, true)
    return record
  }

  removeAt(slot: number): void {
    this.#liveBytes -= lengthBytes + this.recordBytes(this.recordAt(slot))
    this.bytes.copyWithin(slot * slotBytes, (slot + 1) * slotBytes, this.#count * slotBytes)
    this.#count--
  }

  /** Copies of the records of `page` from slot `start` to before `end`, behind all that are in. */
  take(page: KvPage, start: number, end: number): this {
    for (let slot = start; slot < end; slot++) {
      const from = page.recordAt(slot)
      const recordBytes = page.recordBytes(from)
      const record = this.insert(this.#count, recordBytes)
      invariant(record >= 0, () => `a page for ${this.capacityBytes} bytes has ${this.#liveBytes} and is to take ${recordBytes} more`)
      page.bytes.copy(this.bytes, record, from, from + recordBytes)
    }
    return this
  }

  /** What the records of slots `start` to before `end` take. */
  bytesOf(start: number, end: number): number {
    let bytes = 0
    for (let slot = start; slot < end; slot++) bytes += lengthBytes + this.recordBytes(this.recordAt(slot))
    return bytes
  }

  /** The first slot before which at least `bytes` of records stand. */
  slotBehind(bytes: number): number {
    let slot = 0
    for (let before = 0; slot < this.#count && before < bytes; slot++) before += lengthBytes + this.recordBytes(this.recordAt(slot))
    return slot
  }

  #add(slot: number, recordBytes: number): number {
    const record = this.#end + lengthBytes
    this.view.setUint32(this.#end, recordBytes, true)
    this.view.setUint32(slot * slotBytes, record, true)
    this.#end = record + recordBytes
    return record
  }
}
