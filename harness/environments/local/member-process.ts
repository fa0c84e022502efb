import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import type { MemberCommand, MemberFiles } from './member-command.ts'
import type { RunState } from './run-state.ts'

/** SIGTERM is answered within this time, or not at all. */
const stopDeadlineMs = 3_000

/** One start of one member. A restart is another one. */
export class MemberProcess {
  readonly #child: ChildProcess
  readonly #files: MemberFiles
  /** The log is appended to; what this process says begins here. */
  readonly #logOffset: number
  /** How it ended: `exit code 1`, `SIGKILL`; null while it runs. */
  #ended: string | null = null
  readonly #end: Promise<unknown>

  /** Throws the system's error if the program cannot be started. */
  constructor(command: MemberCommand, files: MemberFiles, state: RunState) {
    this.#files = files
    mkdirSync(files.data, { recursive: true })
    for (const [path, text] of Object.entries(command.files)) writeFileSync(path, text)
    const log = openSync(files.log, 'a')
    try {
      this.#logOffset = fstatSync(log).size
      this.#child = spawn(command.program, command.args, {
        cwd: files.directory,
        env: { ...command.environment },
        // The last one is the lifeline: open on our side for as long as this process lives.
        stdio: ['ignore', log, log, 'pipe'],
        // A group of its own: Ctrl-C at the terminal is for the harness, which ends members in its own time.
        detached: true,
      })
    } finally {
      closeSync(log)
    }
    const lifeline = this.#child.stdio[3]
    lifeline?.on('error', () => {})
    const { pid } = this.#child
    if (pid !== undefined) state.addProcess(pid)
    this.#end = new Promise<void>((resolve) => {
      const end = (how: string) => {
        this.#ended ??= how
        lifeline?.destroy()
        if (pid !== undefined) state.removeProcess(pid)
        resolve()
      }
      this.#child.on('error', (error) => { if (pid === undefined) end(error.message) })
      this.#child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`))
    })
  }

  get ended(): string | null {
    return this.#ended
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** kill -9; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.killNow()
    await this.#end
  }

  /** kill -9, for a process that ends itself and cannot wait. */
  killNow(): void {
    if (this.#ended === null) this.#child.kill('SIGKILL')
  }

  /** SIGTERM, then kill -9 when it does not answer. Resolves when the process is gone. */
  async stop(): Promise<void> {
    if (this.#ended !== null) return
    const timer = setTimeout(() => this.killNow(), stopDeadlineMs)
    this.#child.kill('SIGTERM')
    await this.#end
    clearTimeout(timer)
  }

  /** What this process has said so far. */
  log(): string {
    return readFileSync(this.#files.log).subarray(this.#logOffset).toString('utf8')
  }

  /** For an error message. */
  lastLines(count: number): string {
    const lines = this.log().trimEnd().split('\n').slice(-count)
    return lines.map((line) => `    ${line}`).join('\n')
  }
}
