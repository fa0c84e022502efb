/**
 * Turns many `sync` calls into few flushes, one at a time. A flush answers
 * those who asked before it began; who asks while it runs waits for the next,
 * because their writes may have missed it. After a failed flush all fail: an
 * operating system may drop the dirty pages of a failed fdatasync, so that
 * trying again would succeed without the data.
 */
export class SyncQueue {
  readonly #flush: (done: (error: Error | null) => void) => void
  #waiting: ((error: Error | null) => void)[] = []
  #running = false
  #failure: Error | null = null

  /** `flush` makes durable all that was written before the call; it must not call back at once. */
  constructor(flush: (done: (error: Error | null) => void) => void) {
    this.#flush = flush
  }

  get idle(): boolean {
    return !this.#running
  }

  sync(done: (error: Error | null) => void): void {
    this.#waiting.push(done)
    if (!this.#running) this.#run()
  }

  #run(): void {
    const answered = this.#waiting
    this.#waiting = []
    this.#running = true
    this.#flush((error) => {
      this.#failure ??= error
      this.#running = false
      // The next flush starts before the answers, so that the disk does not wait for them.
      if (this.#waiting.length > 0) this.#run()
      for (const done of answered) done(this.#failure)
    })
  }
}
