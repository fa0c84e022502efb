import { unreachable } from '../../../node/base/assert.ts'
import type { Cancel } from '../../../node/base/scheduler.ts'
import type { ClockSkew, Clocks } from '../environment.ts'
import type { Event, EventQueue } from './event-queue.ts'

/** Virtual time begins on a day like any other. */
export const epochMs = Date.UTC(2026, 0, 1)

interface ActiveSkew {
  readonly skew: ClockSkew
  readonly clocks: Clocks
  readonly sinceMs: number
}

interface Timer {
  readonly dueMonotonicMs: number
  event: Event
  readonly task: () => void
}

/**
 * One machine's clocks, made from virtual time: a wall clock, and a monotonic
 * one with the timers that follow it. The wall clock is the true time and what
 * each skew adds to it. The monotonic clock never goes back: a drift changes
 * its rate, a jump forward moves it on (as when a virtual machine was
 * suspended) and falls timers due; a jump back, and a strobe's, are the wall clock's alone.
 */
export class MemberClock {
  readonly #queue: EventQueue
  readonly #skews = new Set<ActiveSkew>()
  readonly #timers = new Set<Timer>()
  // The monotonic clock: base + (true - since) * rate.
  #baseMs = 0
  #sinceMs = 0
  #rate = 1

  constructor(queue: EventQueue) {
    this.#queue = queue
  }

  monotonicMs(): number {
    const trueMs = this.#queue.nowNs / 1e6
    // Exact where nothing was ever wrong.
    return this.#rate === 1 && this.#baseMs === this.#sinceMs ? trueMs : this.#baseMs + (trueMs - this.#sinceMs) * this.#rate
  }

  wallMs(): number {
    return epochMs + this.#queue.nowNs / 1e6 + this.wallErrorMs
  }

  /** How many skews hold. */
  get skewCount(): number {
    return this.#skews.size
  }

  /** Of the monotonic clock. */
  get rate(): number {
    return this.#rate
  }

  /** How far the wall clock is off. */
  get wallErrorMs(): number {
    let errorMs = 0
    if (this.#skews.size === 0) return errorMs
    for (const one of this.#skews) errorMs += this.#wallErrorMs(one)
    return errorMs
  }

  /** By this machine's monotonic clock. */
  after(delayMs: number, task: () => void): Cancel {
    if (delayMs <= 0) {
      const event = this.#queue.after(0, task)
      return () => this.#queue.cancel(event)
    }
    const timer: Timer = {
      dueMonotonicMs: this.monotonicMs() + delayMs,
      event: this.#queue.after(delayMs / this.#rate, () => this.#fire(timer)),
      task,
    }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
      this.#queue.cancel(timer.event)
    }
  }

  /** Begins; returns what sets that right again. Several add up. */
  skew(skew: ClockSkew, clocks: Clocks): () => void {
    const one: ActiveSkew = { skew, clocks, sinceMs: this.#queue.nowNs / 1e6 }
    this.#skews.add(one)
    if (clocks === 'all') {
      if (skew.kind === 'jump' && skew.offsetMs > 0) this.#moveMonotonic(skew.offsetMs)
      else if (skew.kind === 'drift') this.#moveMonotonic(0)
    }
    return () => {
      if (this.#skews.delete(one) && clocks === 'all') this.#moveMonotonic(0)
    }
  }

  /** A process ended, and its timers with it. */
  forgetTimers(): void {
    for (const timer of this.#timers) this.#queue.cancel(timer.event)
    this.#timers.clear()
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer)
    timer.task()
  }

  #wallErrorMs({ skew, sinceMs }: ActiveSkew): number {
    const elapsedMs = this.#queue.nowNs / 1e6 - sinceMs
    switch (skew.kind) {
      case 'jump': return skew.offsetMs
      case 'strobe': return Math.floor(elapsedMs / skew.periodMs) % 2 === 0 ? skew.offsetMs : 0
      case 'drift': return elapsedMs * (skew.rate - 1)
      default: return unreachable(skew)
    }
  }

  /** By so much at once, and on at the rate that the skews make now. Timers follow. */
  #moveMonotonic(byMs: number): void {
    this.#baseMs = this.monotonicMs() + byMs
    this.#sinceMs = this.#queue.nowNs / 1e6
    this.#rate = 1
    for (const { skew, clocks } of this.#skews) if (clocks === 'all' && skew.kind === 'drift') this.#rate *= skew.rate
    // Those that are due now fire by their times, as a process finds them.
    for (const timer of [...this.#timers].sort((a, b) => a.dueMonotonicMs - b.dueMonotonicMs)) {
      this.#queue.cancel(timer.event)
      timer.event = this.#queue.after((timer.dueMonotonicMs - this.#baseMs) / this.#rate, () => this.#fire(timer))
    }
  }
}
