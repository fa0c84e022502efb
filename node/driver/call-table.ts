import type { Cancel, Scheduler } from '../base/scheduler.ts'

interface Waiter<T> {
  readonly id: number
  readonly deadlineMs: number
  readonly value: T
}

/**
 * Things that wait, by number, each with the same time allowed, so that one
 * timer serves all: they run out in the order in which they came.
 */
export class CallTable<T> {
  readonly #scheduler: Scheduler
  readonly #timeoutMs: number
  readonly #onTimeout: (value: T) => void
  readonly #waiting = new Map<number, Waiter<T>>()
  #lastId: number
  #timer: Cancel | null = null

  /** Numbers count up from `firstId`. */
  constructor(scheduler: Scheduler, timeoutMs: number, firstId: number, onTimeout: (value: T) => void) {
    this.#scheduler = scheduler
    this.#timeoutMs = timeoutMs
    this.#lastId = firstId - 1
    this.#onTimeout = onTimeout
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Returns the number under which `value` waits. */
  add(value: T): number {
    const id = ++this.#lastId
    this.#waiting.set(id, { id, deadlineMs: this.#scheduler.nowMs() + this.#timeoutMs, value })
    this.#arm()
    return id
  }

  /** Takes it out; undefined if it ran out or was taken before. */
  take(id: number): T | undefined {
    const waiter = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiter?.value
  }

  /** Takes out all that match, in the order in which they came. */
  takeAll(matches: (value: T) => boolean = () => true): T[] {
    const taken = [...this.#waiting.values()].filter((waiter) => matches(waiter.value))
    for (const waiter of taken) this.#waiting.delete(waiter.id)
    return taken.map((waiter) => waiter.value)
  }

  stop(): void {
    this.#timer?.()
    this.#timer = null
  }

  #arm(): void {
    if (this.#timer !== null) return
    // The oldest: a Map keeps the order of insertion.
    const oldest = this.#waiting.values().next().value
    if (oldest === undefined) return
    this.#timer = this.#scheduler.after(Math.max(0, oldest.deadlineMs - this.#scheduler.nowMs()), () => {
      this.#timer = null
      const nowMs = this.#scheduler.nowMs()
      for (const waiter of [...this.#waiting.values()]) {
        if (waiter.deadlineMs > nowMs) break
        this.#waiting.delete(waiter.id)
        this.#onTimeout(waiter.value)
      }
      this.#arm()
    })
  }
}
