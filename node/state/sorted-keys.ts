/**
 * A set of strings in the order of their UTF-8 bytes, for prefix queries over
 * many keys: a row of sorted blocks. A block splits when it is full and goes
 * when it is empty. Finding is two binary searches, O(log n); inserting moves
 * at most one block's pointers, a memmove of a few KiB.
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

export class SortedKeys {
  // Invariant: no block is empty, and the concatenation of all is strictly ascending.
  readonly #blocks: string[][] = []

  /** Does nothing if `key` is in already. */
  add(key: string): void {
    const at = this.#blockFor(key)
    const block = this.#blocks[at]
    if (block === undefined) {
      this.#blocks.push([key])
      return
    }
    const position = lowerBound(block, key)
    if (block[position] === key) return
    block.splice(position, 0, key)
    if (block.length > blockKeysMax) this.#blocks.splice(at + 1, 0, block.splice(blockKeysMax / 2))
  }

  /** Does nothing if `key` is not in. */
  remove(key: string): void {
    const at = this.#blockFor(key)
    const block = this.#blocks[at]
    if (block === undefined) return
    const position = lowerBound(block, key)
    if (block[position] !== key) return
    block.splice(position, 1)
    if (block.length === 0) this.#blocks.splice(at, 1)
  }

  clear(): void {
    this.#blocks.length = 0
  }

  /** All keys that begin with `prefix`, ascending. O(log n + matches). */
  withPrefix(prefix: string): string[] {
    const matches: string[] = []
    let at = this.#blockFor(prefix)
    let position = at < this.#blocks.length ? lowerBound(this.#blocks[at]!, prefix) : 0
    for (; at < this.#blocks.length; at++, position = 0) {
      const block = this.#blocks[at]!
      for (; position < block.length; position++) {
        const key = block[position]!
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
    const key = block[lowerBound(block, prefix)] ?? this.#blocks[at + 1]?.[0]
    return key !== undefined && key.startsWith(prefix)
  }

  /** The last block whose first key is not behind `key`, or the first. */
  #blockFor(key: string): number {
    let low = 0
    let high = this.#blocks.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.#blocks[middle]![0]!, key) <= 0) low = middle
      else high = middle
    }
    return low
  }
}

/** The first position whose key is not before `key`. */
function lowerBound(block: readonly string[], key: string): number {
  let low = 0
  let high = block.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareKeys(block[middle]!, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
