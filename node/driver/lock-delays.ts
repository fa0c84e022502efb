import type { Scheduler } from '../base/scheduler.ts'

/** Below so many keys nobody looks for those whose delay is over. */
const sweepKeysMin = 1024

/**
 * Lock-delays (Consul documentation, "Sessions"): when a session ends against
 * its will, its holder may not have noticed yet, so that for a while nobody
 * gets its locks. Every member notes the end by its own clock as it applies the
 * entry; see `lock-gate.ts` for what a leader makes of it.
 */
export class LockDelays {
  readonly #scheduler: Pick<Scheduler, 'nowMs'>
  readonly #untilMs = new Map<string, number>()
  #sweepAtKeys = sweepKeysMin

  constructor(scheduler: Pick<Scheduler, 'nowMs'>) {
    this.#scheduler = scheduler
  }

  /** How many keys are remembered; some of their delays may be over. */
  get size(): number {
    return this.#untilMs.size
  }

  /** Nobody may lock `key` for this long. */
  delay(key: string, delayMs: number): void {
    const nowMs = this.#scheduler.nowMs()
    this.#untilMs.set(key, nowMs + delayMs)
    if (this.#untilMs.size < this.#sweepAtKeys) return
    for (const [other, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(other)
    this.#sweepAtKeys = Math.max(sweepKeysMin, this.#untilMs.size * 2)
  }

  /** The state is another one. */
  clear(): void {
    this.#untilMs.clear()
  }

  isDelayed(key: string): boolean {
    const untilMs = this.#untilMs.get(key)
    if (untilMs === undefined) return false
    if (untilMs > this.#scheduler.nowMs()) return true
    this.#untilMs.delete(key)
    return false
  }
}
