/**
 * One directed link's gate: open unless some cut holds it. Everything that
 * `from` sends to `to` passes the same gate, whichever connection carries it.
 */
export class Gate {
  readonly #cuts = new Set<symbol>()
  #delayMs = 0
  #waiting: (() => void)[] = []
  #passedBytes = 0

  get open(): boolean {
    return this.#cuts.size === 0
  }

  /** One-way delay for what arrives from now on. */
  get delayMs(): number {
    return this.#delayMs
  }

  /** Everything that has come through; stands still while the gate is shut. */
  get passedBytes(): number {
    return this.#passedBytes
  }

  /** Shuts the gate until every cut that shut it has been healed. */
  cut(id: symbol): void {
    this.#cuts.add(id)
  }

  /** Lifts one cut, and no other. */
  heal(id: symbol): void {
    if (!this.#cuts.delete(id) || !this.open) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** Calls `wake` once, at the next opening. */
  onceOpen(wake: () => void): void {
    this.#waiting.push(wake)
  }

  delay(delayMs: number): void {
    this.#delayMs = delayMs
  }

  count(bytes: number): void {
    this.#passedBytes += bytes
  }
}
