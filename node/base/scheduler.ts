/**
 * The port through which a member meets time. The process entry gives the
 * operating system's clock and timers; a simulation gives virtual ones.
 */
export interface Scheduler {
  /** Monotonic milliseconds since an arbitrary start; never goes back. May have a fraction. */
  nowMs(): number
  /** Wall-clock milliseconds since 1970; may jump. Never used by consensus. */
  wallMs(): number
  /** Runs `task` once, not before `delayMs` has passed. Returns what cancels it. */
  after(delayMs: number, task: () => void): Cancel
  /** As `after(0, task)`, for what is never cancelled; cheapest where the same function comes again and again. Absent: `after` will do. */
  readonly soon?: (task: () => void) => void
}

export type Cancel = () => void
