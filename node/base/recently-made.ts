/** So many numbers are told apart. A power of two. */
const slotCount = 256

/**
 * What was made of some bytes, kept for a while for whoever has the very same
 * ones (the same object, not an equal one): members that share a process apply
 * the same entries, each in its own turn. What is made must not be changed by
 * anybody. In a process of its own a member never meets one again, and loses nothing.
 */
export class RecentlyMade<T> {
  readonly #make: (bytes: Uint8Array) => T
  readonly #bytesMax: number
  readonly #slots: ({ readonly bytes: Uint8Array, readonly made: T } | undefined)[] = new Array(slotCount).fill(undefined)

  /** `bytesMax`: longer ones are not kept, which bounds what all of them take. */
  constructor(make: (bytes: Uint8Array) => T, bytesMax: number) {
    this.#make = make
    this.#bytesMax = bytesMax
  }

  /** `number`: of the bytes, such as their index in a log; only a hint of where to look. */
  of(number: number, bytes: Uint8Array): T {
    const at = number & (slotCount - 1)
    const kept = this.#slots[at]
    if (kept !== undefined && kept.bytes === bytes) return kept.made
    const made = this.#make(bytes)
    if (bytes.length <= this.#bytesMax) this.#slots[at] = { bytes, made }
    return made
  }
}
