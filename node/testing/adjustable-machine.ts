import type { Scheduler } from '../base/scheduler.ts'

/** A machine whose timers run in real time and whose clocks can be set without them, as the clock fault does to a local member. */
export interface AdjustableMachine {
  readonly scheduler: Scheduler
  /** The clocks, by so much; timers are as far away as before. */
  readonly jump: (byMs: number) => void
  /** Real time; what comes due meanwhile runs. */
  readonly pass: (ms: number) => void
}

export function adjustableMachine(): AdjustableMachine {
  let realMs = 0
  let offMs = 0
  const timers: { atMs: number, task: () => void }[] = []
  return {
    scheduler: {
      nowMs: () => realMs + offMs,
      wallMs: () => realMs + offMs,
      after(delayMs, task) {
        const timer = { atMs: realMs + delayMs, task }
        timers.push(timer)
        return () => {
          const place = timers.indexOf(timer)
          if (place >= 0) timers.splice(place, 1)
        }
      },
    },
    jump(byMs) { offMs += byMs },
    pass(ms) {
      const endMs = realMs + ms
      for (;;) {
        const next = timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
        if (next === undefined) break
        realMs = next.atMs
        timers.splice(timers.indexOf(next), 1)
        next.task()
      }
      realMs = endMs
    },
  }
}
