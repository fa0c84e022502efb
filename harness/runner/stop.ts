import type { HarnessClock } from '../environments/environment.ts'

/** Thrown out of a run that was told to end early; no fault of the run. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
}

/** Says once, to many, that it is time to stop. No timers: works in virtual time. */
export class Stop {
  /** Why, once stopped. */
  #reason: string | null = null
  readonly #listeners = new Set<() => void>()

  get stopped(): boolean {
    return this.#reason !== null
  }

  get reason(): string | null {
    return this.#reason
  }

  /** The first reason counts. */
  stop(reason: string): void {
    if (this.#reason !== null) return
    this.#reason = reason
    for (const listener of this.#listeners) listener()
    this.#listeners.clear()
  }

  /** Calls once, at once if already stopped. Returns what unsubscribes. */
  whenStopped(listener: () => void): () => void {
    if (this.stopped) listener()
    else this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves with the task, or when stopped: true if it was the stop. */
  cutShort(task: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const unsubscribe = this.whenStopped(() => resolve(true))
      task.then(() => {
        unsubscribe()
        resolve(false)
      }, (error: unknown) => {
        unsubscribe()
        reject(error)
      })
    })
  }

  /** The task's result; rejects with InterruptedError as soon as stopped. The task goes on unobserved. */
  async orInterrupt<T>(task: Promise<T>): Promise<T> {
    const observed = task.then((value) => ({ value }))
    observed.catch(() => {})
    const interrupted = await this.cutShort(observed)
    if (interrupted) throw new InterruptedError(this.#reason ?? 'stopped')
    return (await observed).value
  }

  /** True if it was stopped before the time was over. */
  sleep(clock: HarnessClock, ms: number): Promise<boolean> {
    return this.cutShort(clock.sleep(ms))
  }
}
