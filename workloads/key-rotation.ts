/**
 * Many keys at a time, each for a bounded number of operations. What a checker
 * must search grows fast with the operations on one key that may have
 * happened, and only linearly with the number of keys.
 */
export class KeyRotation {
  readonly #opsPerKey: number
  /** Keys in use, with how often each was drawn. */
  readonly #slots: { key: string, drawn: number }[]
  #next = 0

  constructor(keyCount: number, opsPerKey: number) {
    this.#opsPerKey = opsPerKey
    this.#slots = Array.from({ length: keyCount }, () => ({ key: this.#fresh(), drawn: 0 }))
  }

  /** The key in a slot; each call is one operation on it. */
  draw(slot: number): string {
    const current = this.#slots[slot]!
    if (current.drawn === this.#opsPerKey) {
      current.key = this.#fresh()
      current.drawn = 0
    }
    current.drawn += 1
    return current.key
  }

  #fresh(): string {
    return `k${this.#next++}`
  }
}
