/** Something that holds the bytes of an answer until its client has read them. */
export interface Holder {
  destroy(): void
}

/**
 * Answers that wait for their clients to read them, together: past the budget
 * the one that has waited longest is given up with its connection. One answer
 * alone may be as large as it is.
 */
export class AnswerBudget {
  readonly #bytesMax: number
  /** Oldest first. */
  readonly #held = new Map<Holder, number>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A holder has one answer at a time. */
  hold(holder: Holder, bytes: number): void {
    this.release(holder)
    this.#held.set(holder, bytes)
    this.#bytes += bytes
    for (const [oldest] of this.#held) {
      if (this.#bytes <= this.#bytesMax || oldest === holder) return
      this.release(oldest)
      oldest.destroy()
    }
  }

  /** Read, or given up. */
  release(holder: Holder): void {
    this.#bytes -= this.#held.get(holder) ?? 0
    this.#held.delete(holder)
  }
}
