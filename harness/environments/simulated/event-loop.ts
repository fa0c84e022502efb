import type { Event, EventQueue } from './event-queue.ts'

/** The kernel's accounting: so much CPU in each period, then none until the next. */
export const quotaPeriodMs = 100
/** What one task of a member takes of a CPU of its own; nothing where nothing is limited. */
export const taskCostMs = 0.2

export type TaskKind = 'timer' | 'io'

/**
 * One process's turn at its CPU: whether it may run now, and what waits where
 * it may not. What waited runs in the order in which Node takes it up again:
 * timers that are due first, then what came from outside.
 */
export class EventLoop {
  readonly #queue: EventQueue
  #pauses = 0
  readonly #shares = new Set<{ readonly share: number }>()
  #usedMs = 0
  #periodNs = 0
  #timers: (() => void)[] = []
  #io: (() => void)[] = []
  #wake: Event | null = null

  constructor(queue: EventQueue) {
    this.#queue = queue
  }

  /** The process stands still: whatever comes waits. */
  get stands(): boolean {
    return this.#pauses > 0
  }

  /** Its CPU is limited. */
  get isLimited(): boolean {
    return this.#shares.size > 0
  }

  /** Nothing holds it up: what comes runs at once. */
  get isFree(): boolean {
    return this.#pauses === 0 && this.#shares.size === 0
  }

  /** How much waits. */
  get backlog(): number {
    return this.#timers.length + this.#io.length
  }

  run(kind: TaskKind, task: () => void): void {
    if (this.isFree) return task()
    if (this.#pauses > 0 || this.backlog > 0 || !this.#mayRun()) {
      (kind === 'timer' ? this.#timers : this.#io).push(task)
      if (this.#pauses === 0) this.#wakeLater()
      return
    }
    this.#spend()
    task()
  }

  /** Counted: runs on when each pause has ended. What waited runs before `resume` returns, as far as the CPU allows. */
  pause(): void {
    this.#pauses++
  }

  resume(): void {
    this.#pauses--
    if (this.#pauses === 0) this.#drain()
  }

  /** Several limits hold together: the smallest counts. Returns what ends it. */
  limit(share: number): () => void {
    const one = { share }
    this.#shares.add(one)
    return () => {
      this.#shares.delete(one)
      if (this.#pauses === 0) this.#drain()
    }
  }

  /** The process is gone, with all that waited; its successor runs, under the same limits. */
  reset(): void {
    this.#pauses = 0
    this.#timers = []
    this.#io = []
  }

  #mayRun(): boolean {
    if (this.#shares.size === 0) return true
    const period = Math.floor(this.#queue.nowNs / (quotaPeriodMs * 1e6))
    if (period !== this.#periodNs) {
      this.#periodNs = period
      this.#usedMs = 0
    }
    let share = 1
    for (const one of this.#shares) share = Math.min(share, one.share)
    return this.#usedMs < share * quotaPeriodMs
  }

  #spend(): void {
    if (this.#shares.size > 0) this.#usedMs += taskCostMs
  }

  #drain(): void {
    while (this.#pauses === 0 && this.backlog > 0) {
      if (!this.#mayRun()) return this.#wakeLater()
      this.#spend()
      const task = this.#timers.shift() ?? this.#io.shift()!
      task()
    }
  }

  #wakeLater(): void {
    if (this.#wake !== null) return
    const periodNs = quotaPeriodMs * 1e6
    this.#wake = this.#queue.at((Math.floor(this.#queue.nowNs / periodNs) + 1) * periodNs, () => {
      this.#wake = null
      this.#drain()
    })
  }
}
