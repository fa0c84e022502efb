/** What a core wants to do later, in its own time. Equal times run in the order they were set. */
export class TimerQueue {
  /** By time, latest first: the next is the last. A member has some tens of them. */
  readonly #timers: Timer[] = []

  /** Returns what cancels it. */
  at(atMs: number, run: (nowMs: number) => void): () => void {
    const timer: Timer = { atMs, run, cancelled: false }
    const timers = this.#timers
    let i = timers.push(timer) - 1
    for (; i > 0 && timers[i - 1]!.atMs <= atMs; i--) timers[i] = timers[i - 1]!
    timers[i] = timer
    return () => { timer.cancelled = true }
  }

  /** Null: nothing to wait for. */
  nextMs(): number | null {
    this.#dropCancelled()
    return this.#timers.at(-1)?.atMs ?? null
  }

  /** Runs what is due, and what that sets if it is due too. Returns whether anything ran. */
  run(nowMs: number): boolean {
    let ran = false
    for (;;) {
      this.#dropCancelled()
      const next = this.#timers.at(-1)
      if (next === undefined || next.atMs > nowMs) return ran
      this.#timers.pop()
      next.run(nowMs)
      ran = true
    }
  }

  #dropCancelled(): void {
    while (this.#timers.at(-1)?.cancelled === true) this.#timers.pop()
  }
}

interface Timer {
  readonly atMs: number
  readonly run: (nowMs: number) => void
  cancelled: boolean
}
