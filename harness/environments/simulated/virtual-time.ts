import type { HarnessClock } from '../environment.ts'
import { EventQueue } from './event-queue.ts'
import { epochMs } from './member-clock.ts'

/** A few ms, so that signals and whoever draws the progress are soon heard. */
const turnsPerRound = 64

/**
 * Drives a simulation: the harness, which is written with promises, and the
 * members, which are not, in one virtual time.
 *
 * The harness waits only for what `promise` gives out. When an event settles
 * one of those, everything that follows from it without time passing is let
 * run before the next event is taken: microtasks end before a macrotask
 * begins. Events among members settle nothing and cost no such turn, which is
 * what makes the simulation quick.
 */
export class VirtualTime implements HarnessClock {
  readonly queue = new EventQueue()
  readonly zeroWallMs = epochMs
  /** Promises given to the harness and not settled yet. */
  #owedCount = 0
  #harnessWoken = false

  nowNs(): number {
    return this.queue.nowNs
  }

  wallMs(): number {
    return epochMs + this.queue.nowNs / 1e6
  }

  sleep(ms: number): Promise<void> {
    return this.promise((resolve) => { this.queue.after(ms, () => resolve()) })
  }

  /** A promise for the harness, to be settled, once, by an event. */
  promise<T>(start: (resolve: (value: T) => void) => void): Promise<T> {
    this.#owedCount++
    return new Promise<T>((settle) => {
      let settled = false
      start((value) => {
        if (settled) return
        settled = true
        this.#owedCount--
        this.#harnessWoken = true
        settle(value)
      })
    })
  }

  /**
   * Runs events until `main` has settled. Rejects with what `main` or an event
   * threw, or if the harness waits for something that no event will bring.
   */
  run<T>(main: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let settled = false
      let over = false
      const result = main().finally(() => { settled = true })
      // Whoever awaits `run` sees the rejection; it must not count as unhandled until then.
      result.catch(() => {})
      const turn = () => {
        if (over) return
        if (settled) {
          over = true
          return resolve(result)
        }
        try {
          this.#runUntilHarnessWakes()
        } catch (error) {
          over = true
          reject(error)
        }
      }
      // Between two immediates Node runs all microtasks, and between two rounds of
      // them it looks at the operating system too, which costs more than many a turn.
      const round = () => {
        if (over) return
        for (let n = 0; n < turnsPerRound; n++) setImmediate(turn)
        setImmediate(round)
      }
      setImmediate(round)
    })
  }

  #runUntilHarnessWakes(): void {
    this.#harnessWoken = false
    while (!this.#harnessWoken) {
      if (this.#owedCount === 0 || !this.queue.runNext()) {
        throw new Error(`the simulation stands still at ${this.queue.nowNs} ns: the run waits for something that no event will bring (${this.#owedCount} promises open, ${this.queue.size} events)`)
      }
    }
  }
}
