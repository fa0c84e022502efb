import type { Scheduler } from '../base/scheduler.ts'

/** What Node's timers take; above, they fire at once. */
const timeoutMsMax = 2 ** 31 - 1

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
    let timer: NodeJS.Timeout
    const wait = (leftMs: number) => {
      timer = leftMs > timeoutMsMax ? setTimeout(() => wait(leftMs - timeoutMsMax), timeoutMsMax) : setTimeout(task, leftMs)
    }
    wait(delayMs)
    return () => clearTimeout(timer)
  },
}
