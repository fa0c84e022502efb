import { invariant } from '../../node/base/assert.ts'
import type { Worker } from '../../workloads/workload.ts'

export type { Worker }

/**
 * The workers of one phase. The worker in slot i talks to member i mod n. A
 * worker whose operation may have happened is retired, because that operation
 * is still open and a sequential client cannot begin another; its successor
 * takes the slot with its number plus the stride.
 */
export class WorkerPool {
  readonly #free: Worker[]
  readonly #size: number
  readonly #stride: number
  readonly #takers: ((worker: Worker) => void)[] = []
  readonly #idleWaiters: (() => void)[] = []

  constructor(size: number, members: readonly string[], firstProcess = 0) {
    invariant(size >= 1 && members.length >= 1, () => `a pool of ${size} workers at ${members.length} members`)
    this.#size = size
    this.#stride = size
    this.#free = Array.from({ length: size }, (_, slot) => ({ slot, member: members[slot % members.length]!, process: firstProcess + slot }))
  }

  /** The worker that has been free for longest; null if all are busy. */
  takeFree(): Worker | null {
    return this.#free.shift() ?? null
  }

  /** The same, or the next to become free. First come, first served. */
  take(): Promise<Worker> {
    const worker = this.takeFree()
    if (worker !== null) return Promise.resolve(worker)
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  /** The worker is free again; `retired`: as its successor. */
  give(worker: Worker, retired: boolean): void {
    const next = retired ? { ...worker, process: worker.process + this.#stride } : worker
    const taker = this.#takers.shift()
    if (taker !== undefined) return taker(next)
    this.#free.push(next)
    invariant(this.#free.length <= this.#size, () => `${this.#free.length} free workers of ${this.#size}`)
    if (this.#free.length === this.#size) for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }

  /** Resolves when no worker is busy. */
  idle(): Promise<void> {
    if (this.#free.length === this.#size) return Promise.resolve()
    return new Promise((resolve) => this.#idleWaiters.push(resolve))
  }
}
