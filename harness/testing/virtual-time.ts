import { setImmediate } from 'node:timers/promises'
import type { HarnessClock } from '../environments/environment.ts'

/** A clock for tests that jumps from one wake-up to the next. The same sleeps give the same order. */
export class VirtualTime implements HarnessClock {
  readonly zeroWallMs = 0
  #nowNs = 0
  #sequence = 0
  readonly #sleepers: { readonly atNs: number, readonly sequence: number, readonly wake: () => void }[] = []

  nowNs(): number {
    return Math.round(this.#nowNs)
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.#sleepers.push({ atNs: this.#nowNs + Math.max(0, ms) * 1e6, sequence: this.#sequence++, wake })
    })
  }

  /** Drives time until `main` has settled. */
  async run<T>(main: () => Promise<T>): Promise<T> {
    let settled = false
    const result = main().finally(() => {
      settled = true
    })
    result.catch(() => {})
    for (;;) {
      // All that can go on without time passing goes on first.
      await setImmediate()
      if (settled) return result
      const next = this.#takeNext()
      if (next === undefined) throw new Error('nobody sleeps and the run has not settled: it would hang')
      this.#nowNs = next.atNs
      next.wake()
    }
  }

  #takeNext() {
    let best = 0
    for (const [at, sleeper] of this.#sleepers.entries()) {
      const first = this.#sleepers[best]!
      if (sleeper.atNs < first.atNs || (sleeper.atNs === first.atNs && sleeper.sequence < first.sequence)) best = at
    }
    return this.#sleepers.splice(best, 1)[0]
  }
}
