import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Job, JobEnd } from './job.ts'

const extension = basename(import.meta.url).endsWith('.ts') ? 'ts' : 'js'
const entry = fileURLToPath(new URL(`./job-process.${extension}`, import.meta.url))
/** A process that is told to end and has a run on tears it down first. Containers take longer. */
const defaultEndPatienceMs = 15_000

interface Slot {
  readonly child: ChildProcess
  job: { readonly id: number, readonly end: (end: JobEnd | null) => void } | null
}

/**
 * Processes that do runs side by side. A process that dies takes only its own
 * run with it, and the next run gets a fresh one. Disposing ends all of them.
 */
export class JobPool implements AsyncDisposable {
  readonly #size: number
  readonly #endPatienceMs: number
  readonly #slots = new Set<Slot>()
  #disposed = false

  constructor(size: number, endPatienceMs: number = defaultEndPatienceMs) {
    this.#size = size
    this.#endPatienceMs = endPatienceMs
  }

  /** Does all of them, at most as many at once as there are processes; each end is told as it comes, and may be enough. */
  async runAll(jobs: Iterator<Job>, onEnd: (job: Job, end: JobEnd) => 'more' | 'enough'): Promise<void> {
    let enough = false
    await Promise.all(Array.from({ length: this.#size }, async () => {
      for (;;) {
        const next = enough || this.#disposed ? null : jobs.next()
        if (next === null || next.done === true) return
        const end = await this.run(next.value)
        if (end === null) return
        if (onEnd(next.value, end) === 'enough') enough = true
      }
    }))
  }

  /** Does one, in a process that is free. Null: the pool was disposed of. */
  run(job: Job): Promise<JobEnd | null> {
    if (this.#disposed) return Promise.resolve(null)
    const slot = [...this.#slots].find((slot) => slot.job === null) ?? this.#start()
    return new Promise((resolve) => {
      slot.job = { id: job.id, end: resolve }
      slot.child.send({ kind: 'job', job })
    })
  }

  #start(): Slot {
    const slot: Slot = { child: fork(entry, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }), job: null }
    this.#slots.add(slot)
    const take = () => {
      const { job } = slot
      slot.job = null
      return job
    }
    slot.child.on('message', (end: JobEnd) => take()?.end(end))
    slot.child.on('exit', (code, signal) => {
      this.#slots.delete(slot)
      const job = take()
      job?.end(this.#disposed ? null : { kind: 'failed', id: job.id, error: `the process that did the run ended with ${signal ?? code}`, directory: null })
    })
    return slot
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await Promise.all([...this.#slots].map(async ({ child }) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      if (child.connected) child.send({ kind: 'stop' })
      const timer = setTimeout(() => child.kill('SIGKILL'), this.#endPatienceMs)
      await ended
      clearTimeout(timer)
    }))
  }
}
