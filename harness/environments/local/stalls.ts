/** A gap this long between two looks was no ordinary one. */
const stallMs = 15
const lookMs = 2

/**
 * Waits, and notes when this process stood still meanwhile: on a busy machine
 * nothing that goes through it is later than that by a fault.
 */
export class StallWatch {
  readonly #stalls: { readonly fromMs: number, readonly toMs: number }[] = []

  /** Until `done`, or until so much time has passed in which this process ran. */
  async wait(timeoutMs: number, done: () => boolean = () => false): Promise<void> {
    let ranMs = 0
    while (!done() && ranMs < timeoutMs) {
      const fromMs = performance.now()
      await new Promise((resolve) => setTimeout(resolve, lookMs))
      // Timers come first after a stall: what waits in the sockets is read before it is looked at.
      await new Promise((resolve) => setImmediate(resolve))
      const toMs = performance.now()
      if (toMs - fromMs > stallMs) this.#stalls.push({ fromMs, toMs })
      ranMs += Math.min(toMs - fromMs, stallMs)
    }
  }

  /** How long of this time it stood still. */
  stalledMs(fromMs: number, toMs: number): number {
    return this.#stalls.reduce((sum, stall) => sum + Math.max(0, Math.min(toMs, stall.toMs) - Math.max(fromMs, stall.fromMs)), 0)
  }
}
