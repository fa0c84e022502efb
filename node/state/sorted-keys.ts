/**
 * A set of strings in the order of their UTF-8 bytes, for prefix queries over
 * many keys: a row of sorted blocks. A block splits when it is full and goes
 * when it is empty. Finding is two binary searches, O(log n); inserting moves
 * at most one block's pointers, a memmove of a few KiB. Keys that come in order
 * are appended, O(1) each.
 *
 * A copy costs the row of blocks alone: a block that a copy shares is copied
 * when it changes.
 */
const blockKeysMax = 512

/** Negative, 0 or positive: `a` before, equal to, or behind `b` in the order of their UTF-8 bytes. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i)
    const unitB = b.charCodeAt(i)
    if (unitA !== unitB) return byteOrder(unitA) - byteOrder(unitB)
  }
  return a.length - b.length
}

/**
 * UTF-8 sorts by code point; UTF-16 does too, except that surrogates (0xd800 to
 * 0xdfff, for code points from 0x10000) stand before 0xe000 to 0xffff.
 */
function byteOrder(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/** Units from here on sort otherwise in UTF-16 than in UTF-8; without any, `<` tells the order, several times as fast. */
const unordered = /[\ud800-\uffff]/

/** In the order of their UTF-8 bytes. */
export function sortKeys(keys: Iterable<string>): string[] {
  const sorted = [...keys]
  return sorted.some((key) => unordered.test(key)) ? sorted.sort(compareKeys) : sorted.sort()
}

interface Block {
  readonly keys: string[]
  /** As of how many copies it is this set's own. */
  readonly generation: number
}

export class SortedKeys {
  // Invariant: no block is empty, and the concatenation of all is strictly ascending.
  readonly #blocks: Block[] = []
  /** How many copies were made: older blocks are shared with them. */
  #generation = 0
  /** No key that was ever in has a unit of `unordered`. */
  #plain = true

  /** Does nothing if `key` is in already. */
  add(key: string): void {
    if (this.#plain && unordered.test(key)) this.#plain = false
    const last = this.#blocks[this.#blocks.length - 1]
    if (last === undefined || this.#isBefore(last.keys[last.keys.length - 1]!, key)) return this.#append(key)
    const at = this.#blockFor(key)
    const position = this.#lowerBound(this.#blocks[at]!.keys, key)
    if (this.#blocks[at]!.keys[position] === key) return
    const { keys } = this.#own(at)
    keys.splice(position, 0, key)
    if (keys.length > blockKeysMax) this.#blocks.splice(at + 1, 0, { keys: keys.splice(blockKeysMax / 2), generation: this.#generation })
  }

  /** Behind all others. A block that is full stays so: more of them in order are to be expected. */
  #append(key: string): void {
    const at = this.#blocks.length - 1
    if (at < 0 || this.#blocks[at]!.keys.length >= blockKeysMax) this.#blocks.push({ keys: [key], generation: this.#generation })
    else this.#own(at).keys.push(key)
  }

  /** Does nothing if `key` is not in. */
  remove(key: string): void {
    const at = this.#blockFor(key)
    const block = this.#blocks[at]
    if (block === undefined) return
    const position = this.#lowerBound(block.keys, key)
    if (block.keys[position] !== key) return
    const { keys } = this.#own(at)
    keys.splice(position, 1)
    if (keys.length === 0) this.#blocks.splice(at, 1)
  }

  clear(): void {
    this.#blocks.length = 0
  }

  /** All keys as they are now, ascending, to be read a few at a time while they change. */
  capture(): Iterable<string> {
    this.#generation++
    return keysOf(this.#blocks.slice())
  }

  /** All keys that begin with `prefix`, ascending. O(log n + matches). */
  withPrefix(prefix: string): string[] {
    const matches: string[] = []
    let at = this.#blockFor(prefix)
    let position = at < this.#blocks.length ? this.#lowerBound(this.#blocks[at]!.keys, prefix) : 0
    for (; at < this.#blocks.length; at++, position = 0) {
      const { keys } = this.#blocks[at]!
      for (; position < keys.length; position++) {
        const key = keys[position]!
        if (!key.startsWith(prefix)) return matches
        matches.push(key)
      }
    }
    return matches
  }

  /** Whether any key begins with `prefix`. O(log n). */
  hasPrefix(prefix: string): boolean {
    const at = this.#blockFor(prefix)
    const block = this.#blocks[at]
    if (block === undefined) return false
    // The first key that is not before the prefix may open the next block.
    const key = block.keys[this.#lowerBound(block.keys, prefix)] ?? this.#blocks[at + 1]?.keys[0]
    return key !== undefined && key.startsWith(prefix)
  }

  /** The block to be changed: not one that a copy shares. */
  #own(at: number): Block {
    const block = this.#blocks[at]!
    if (block.generation === this.#generation) return block
    const own = { keys: block.keys.slice(), generation: this.#generation }
    this.#blocks[at] = own
    return own
  }

  /** The last block whose first key is not behind `key`, or the first. */
  #blockFor(key: string): number {
    const plain = this.#isPlain(key)
    let low = 0
    let high = this.#blocks.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      const first = this.#blocks[middle]!.keys[0]!
      if (plain ? first <= key : compareKeys(first, key) <= 0) low = middle
      else high = middle
    }
    return low
  }

  /** The first position whose key is not before `key`. */
  #lowerBound(block: readonly string[], key: string): number {
    const plain = this.#isPlain(key)
    let low = 0
    let high = block.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (plain ? block[middle]! < key : compareKeys(block[middle]!, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #isBefore(a: string, b: string): boolean {
    return this.#plain ? a < b : compareKeys(a, b) < 0
  }

  /** A prefix that is looked for need not be in. */
  #isPlain(key: string): boolean {
    return this.#plain && !unordered.test(key)
  }
}

function* keysOf(blocks: readonly Block[]): Generator<string> {
  for (const { keys } of blocks) yield* keys
}
