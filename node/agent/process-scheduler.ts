import type { Scheduler } from '../base/scheduler.ts'

/** The operating system's clock and timers. */
export const processScheduler: Scheduler = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, task) => {
    if (delayMs <= 0) {
      // After all I/O callbacks of this turn: what they bring goes together.
      const immediate = setImmediate(task)
      return () => clearImmediate(immediate)
    }
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}
