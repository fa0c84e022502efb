/** Rows stand in blocks of so many; blocks are never copied. */
const blockShift = 10
const blockSize = 1 << blockShift
const blockMask = blockSize - 1

/**
 * The configurations that a search has seen, each a row of 32-bit words. Open
 * addressing over typed arrays. The hash only finds the row: rows are compared
 * whole, so that a collision can never decide a verdict.
 */
export class ConfigCache {
  readonly #words: number
  /** A row, behind the two halves of its hash. */
  readonly #stride: number
  readonly #blocks: Int32Array[] = []
  /** Row number + 1, or 0. */
  #slots = new Int32Array(256)
  #count = 0

  /** `words`: length of a row. */
  constructor(words: number) {
    this.#words = words
    this.#stride = words + 2
  }

  get bytes(): number {
    return this.#slots.byteLength + this.#blocks.length * blockSize * this.#stride * 4
  }

  get size(): number {
    return this.#count
  }

  /** Adds it; false if it was there. One half of the 64-bit hash chooses the slot, the other is compared before the row is. */
  add(row: Int32Array, hashSlot: number, hashTag: number): boolean {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = hashSlot & mask
    for (;;) {
      const found = slots[slot]! - 1
      if (found < 0) break
      if (this.#equals(found, row, hashTag)) return false
      slot = (slot + 1) & mask
    }
    const count = this.#count++
    if ((count >>> blockShift) === this.#blocks.length) this.#blocks.push(new Int32Array(blockSize * this.#stride))
    const block = this.#blocks[count >>> blockShift]!
    let at = (count & blockMask) * this.#stride
    block[at++] = hashSlot
    block[at++] = hashTag
    for (let i = 0; i < this.#words; i++) block[at++] = row[i]!
    slots[slot] = count + 1
    if (this.#count * 2 > slots.length) this.#growSlots()
    return true
  }

  #equals(config: number, row: Int32Array, hashTag: number): boolean {
    const block = this.#blocks[config >>> blockShift]!
    let at = (config & blockMask) * this.#stride + 1
    if (block[at++] !== hashTag) return false
    for (let i = 0; i < this.#words; i++) if (block[at++] !== row[i]) return false
    return true
  }

  #growSlots(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let config = 0; config < this.#count; config++) {
      const block = this.#blocks[config >>> blockShift]!
      let slot = block[(config & blockMask) * this.#stride]! & mask
      while (slots[slot]! > 0) slot = (slot + 1) & mask
      slots[slot] = config + 1
    }
    this.#slots = slots
  }
}

/** Spreads every bit of a hash over all of them (Wellons' lowbias32). */
export function mixBits(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
  return hash ^ (hash >>> 16)
}
