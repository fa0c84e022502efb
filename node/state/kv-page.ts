/**
 * Some entries of the key-value table as bytes in one buffer, in the order of
 * their keys' bytes: a slotted page. Records are added behind one another; the
 * slots, which grow towards them from the end, say where each begins. What is
 * replaced by something longer, or removed, stays as waste until its page is
 * written anew (`take`).
 *
 * Why bytes: garbage collection looks at each object that lives. With an object,
 * a string and a buffer for each of a million keys it stops the program for tens
 * of milliseconds at a time; a page of a hundred entries is four objects.
 *
 *     from 0        u32 length, then the record as in a snapshot (kv-records.ts), …
 *     from the end  u32 head, u32 where the record begins: slot 0; slot 1 before it, …
 *
 * A head is what follows in the key behind the prefix that all keys of the page
 * have, four bytes, with zeros where the key ends. Most comparisons of a search
 * need no more than these few neighbouring bytes; only where heads are equal is
 * the record itself looked at, which is mostly in no cache.
 */
import { invariant } from '../base/assert.ts'
import { entryLayout } from './kv-records.ts'

const lengthBytes = 4
const slotBytes = 8
/** Within a slot. */
const recordField = 4
const { keyAt, keyBytesAt } = entryLayout

/** What a record of `recordBytes` takes in a page. */
export function storedBytes(recordBytes: number): number {
  return lengthBytes + recordBytes + slotBytes
}

export class KvPage {
  /** As of how many copies of the whole it is the table's own: a copy made later shares it. */
  readonly generation: number
  readonly bytes: Buffer
  readonly view: DataView
  #count = 0
  /** Where the next record goes. */
  #end = 0
  #liveBytes = 0
  // Invariant: all keys have their first `prefixBytes` bytes in common.
  #prefixBytes = 0

  constructor(capacityBytes: number, generation: number) {
    this.generation = generation
    this.bytes = Buffer.allocUnsafeSlow(capacityBytes)
    this.view = new DataView(this.bytes.buffer)
  }

  get count(): number {
    return this.#count
  }

  get capacityBytes(): number {
    return this.bytes.length
  }

  /** What the records that are in take; at most `capacityBytes`. */
  get liveBytes(): number {
    return this.#liveBytes
  }

  /** The slot that has `key`, or `~slot` of where it would stand. */
  find(key: Uint8Array, keyBytes: number): number {
    if (this.#count === 0) return ~0
    const { view } = this
    const prefixOrder = this.#prefixOrder(key, keyBytes)
    if (prefixOrder !== 0) return prefixOrder < 0 ? ~this.#count : ~0
    const head = headOf(key, this.#prefixBytes, keyBytes)
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = view.getUint32(this.#slotAt(middle), true)
      const order = other === head ? this.compare(middle, key, keyBytes) : other - head
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle
    }
    return ~low
  }

  /** Negative, 0 or positive: the key in `slot` is before, equal to, or behind the one that begins at `from` of `key`. */
  compare(slot: number, key: Uint8Array, keyBytes: number, from = 0): number {
    const { bytes, view } = this
    const at = this.recordAt(slot) + keyAt
    const length = view.getUint32(at - keyAt + keyBytesAt, true)
    const shared = Math.min(length, keyBytes)
    for (let i = 0; i < shared; i++) {
      const difference = bytes[at + i]! - key[from + i]!
      if (difference !== 0) return difference
    }
    return length - keyBytes
  }

  /** Whether the key in `slot` begins with `prefix`. */
  startsWith(slot: number, prefix: Uint8Array, prefixBytes: number): boolean {
    const at = this.recordAt(slot) + keyAt
    if (this.view.getUint32(at - keyAt + keyBytesAt, true) < prefixBytes) return false
    return sharedBytes(this.bytes, at, prefix, 0, prefixBytes) === prefixBytes
  }

  /** Where the record of `slot` begins in `bytes`. */
  recordAt(slot: number): number {
    return this.view.getUint32(this.#slotAt(slot) + recordField, true)
  }

  /** Of the record that begins at `record`. */
  recordBytes(record: number): number {
    return this.view.getUint32(record - lengthBytes, true)
  }

  keyIn(slot: number): string {
    const at = this.recordAt(slot) + keyAt
    return this.bytes.toString('utf8', at, at + this.view.getUint32(at - keyAt + keyBytesAt, true))
  }

  /**
   * A record for the key that begins at `from` of `key`, to be filled in at once
   * but for that key. Returns where it begins, or -1 if there is no room.
   */
  insert(slot: number, recordBytes: number, key: Uint8Array, keyBytes: number, from = 0): number {
    if (!this.#hasRoom(storedBytes(recordBytes))) return -1
    if (this.#count === 0) this.#prefixBytes = keyBytes
    else if (slot === 0 || slot === this.#count) this.#keepPrefix(slot === 0 ? 0 : slot - 1, key, keyBytes, from)
    this.bytes.copyWithin(this.#slotAt(this.#count), this.#slotAt(this.#count - 1), this.#slotAt(slot - 1))
    this.#count++
    this.#liveBytes += storedBytes(recordBytes)
    const record = this.#add(slot, recordBytes)
    this.view.setUint32(this.#slotAt(slot), headOf(key, from + this.#prefixBytes, from + keyBytes), true)
    this.view.setUint32(record + keyBytesAt, keyBytes, true)
    this.#writeKey(record, key, keyBytes, from)
    return record
  }

  /** Room for another record of the same key in the place of that in `slot`, to be filled in at once but for the key. -1, and nothing changed, if there is none left. */
  resize(slot: number, recordBytes: number): number {
    const old = this.recordAt(slot)
    const before = this.recordBytes(old)
    if (recordBytes <= before && recordBytes >= before / 2) {
      this.#liveBytes += recordBytes - before
      this.view.setUint32(old - lengthBytes, recordBytes, true)
      return old
    }
    if (!this.#hasRoom(lengthBytes + recordBytes)) return -1
    this.#liveBytes += recordBytes - before
    const record = this.#add(slot, recordBytes)
    const keyBytes = this.view.getUint32(old + keyBytesAt, true)
    this.view.setUint32(record + keyBytesAt, keyBytes, true)
    this.#writeKey(record, this.bytes, keyBytes, old + keyAt)
    return record
  }

  removeAt(slot: number): void {
    this.#liveBytes -= storedBytes(this.recordBytes(this.recordAt(slot)))
    this.bytes.copyWithin(this.#slotAt(this.#count - 2), this.#slotAt(this.#count - 1), this.#slotAt(slot))
    this.#count--
  }

  /** Copies of the records of `page` from slot `start` to before `end`, behind all that are in. */
  take(page: KvPage, start: number, end: number): this {
    for (let slot = start; slot < end; slot++) {
      const from = page.recordAt(slot)
      const recordBytes = page.recordBytes(from)
      const record = this.insert(this.#count, recordBytes, page.bytes, page.view.getUint32(from + keyBytesAt, true), from + keyAt)
      invariant(record >= 0, () => `a page for ${this.capacityBytes} bytes has ${this.#liveBytes} and is to take ${recordBytes} more`)
      page.bytes.copy(this.bytes, record, from, from + recordBytes)
    }
    return this
  }

  /** What the records of slots `start` to before `end` take. */
  bytesOf(start: number, end: number): number {
    let bytes = 0
    for (let slot = start; slot < end; slot++) bytes += storedBytes(this.recordBytes(this.recordAt(slot)))
    return bytes
  }

  /** The first slot before which at least `bytes` of records stand. */
  slotBehind(bytes: number): number {
    let slot = 0
    for (let before = 0; slot < this.#count && before < bytes; slot++) before += storedBytes(this.recordBytes(this.recordAt(slot)))
    return slot
  }

  #slotAt(slot: number): number {
    return this.bytes.length - (slot + 1) * slotBytes
  }

  #hasRoom(bytes: number): boolean {
    return this.#end + bytes <= this.bytes.length - this.#count * slotBytes
  }

  /** Negative, 0 or positive: all keys are before `key`, have their prefix in common with it, or are behind it. */
  #prefixOrder(key: Uint8Array, keyBytes: number): number {
    const at = this.recordAt(0) + keyAt
    const prefixBytes = this.#prefixBytes
    const shared = sharedBytes(this.bytes, at, key, 0, Math.min(prefixBytes, keyBytes))
    if (shared === prefixBytes) return 0
    return shared === keyBytes ? 1 : this.bytes[at + shared]! - key[shared]!
  }

  /** A key comes to stand in front of all, or behind: what all have in common may be less than before. `neighbour`: a slot. */
  #keepPrefix(neighbour: number, key: Uint8Array, keyBytes: number, from: number): void {
    const shared = sharedBytes(this.bytes, this.recordAt(neighbour) + keyAt, key, from, Math.min(this.#prefixBytes, keyBytes))
    if (shared === this.#prefixBytes) return
    this.#prefixBytes = shared
    for (let slot = 0; slot < this.#count; slot++) {
      const at = this.recordAt(slot) + keyAt
      this.view.setUint32(this.#slotAt(slot), headOf(this.bytes, at + shared, at + this.view.getUint32(at - keyAt + keyBytesAt, true)), true)
    }
  }

  #add(slot: number, recordBytes: number): number {
    const record = this.#end + lengthBytes
    this.view.setUint32(this.#end, recordBytes, true)
    this.view.setUint32(this.#slotAt(slot) + recordField, record, true)
    this.#end = record + recordBytes
    return record
  }

  #writeKey(record: number, key: Uint8Array, keyBytes: number, from: number): void {
    const { bytes } = this
    for (let i = 0; i < keyBytes; i++) bytes[record + keyAt + i] = key[from + i]!
  }
}

/** Four bytes from `at` on, zeros from `end` on; the order of these numbers is that of the bytes. */
function headOf(key: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) return (key[at]! << 24 | key[at + 1]! << 16 | key[at + 2]! << 8 | key[at + 3]!) >>> 0
  let head = 0
  for (let i = 0; i < 4; i++) head = head << 8 | (at + i < end ? key[at + i]! : 0)
  return head >>> 0
}

/** How many of at most `max` bytes are the same. */
function sharedBytes(a: Uint8Array, aFrom: number, b: Uint8Array, bFrom: number, max: number): number {
  let shared = 0
  while (shared < max && a[aFrom + shared] === b[bFrom + shared]) shared++
  return shared
}
