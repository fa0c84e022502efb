import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FromLoadProcess, LoadJob, LoadOutcome, ToLoadProcess } from './load-job.ts'

const extension = basename(import.meta.url).endsWith('.ts') ? 'ts' : 'js'
const entry = fileURLToPath(new URL(`./load-process.${extension}`, import.meta.url))
const endPatienceMs = 5_000

/** The process that makes load, one job after another. It ends when this is disposed. */
export class LoadGenerator implements AsyncDisposable {
  readonly #child: ChildProcess = fork(entry, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // autocannon's ticks say so where they are late, which is no news on a busy machine.
    execArgv: [...process.execArgv, '--disable-warning=TimeoutNegativeWarning'],
  })
  #count = 0

  /** Rejects with what went wrong in the process, or when it is gone. */
  run(job: Omit<LoadJob, 'id'>): Promise<LoadOutcome> {
    const id = this.#count++
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => {
        this.#child.off('message', onMessage)
        this.#child.off('exit', onExit)
        then()
      }
      const onMessage = (message: FromLoadProcess) => {
        if (message.id !== id) return
        settle(() => message.kind === 'done' ? resolve(message.outcome) : reject(new Error(`the load generator failed: ${message.error}`)))
      }
      const onExit = (code: number | null, signal: string | null) => settle(() => reject(new Error(`the load generator ended with ${signal ?? code}`)))
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return reject(new Error('the load generator has ended'))
      this.#child.on('message', onMessage)
      this.#child.on('exit', onExit)
      this.#child.send({ kind: 'job', job: { ...job, id } } satisfies ToLoadProcess)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    if (this.#child.connected) this.#child.send({ kind: 'stop' } satisfies ToLoadProcess)
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endPatienceMs)
    await ended
    clearTimeout(timer)
  }
}
