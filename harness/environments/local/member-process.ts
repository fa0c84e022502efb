import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { ControlLine } from '../member-faults/control-line.ts'
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
  /** Where faults may be made inside the process. */
  readonly control: ControlLine | undefined

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
        // The fourth is the lifeline: open on our side for as long as this process lives. The fifth asks and tells of faults.
        stdio: ['ignore', log, log, 'pipe', ...command.controlled ? ['pipe' as const] : []],
        // A group of its own: Ctrl-C at the terminal is for the harness, which ends members in its own time.
        detached: true,
      })
    } finally {
      closeSync(log)
    }
    const lifeline = this.#child.stdio[3]
    lifeline?.on('error', () => {})
    const control = this.#child.stdio[4]
    if (command.controlled && control !== undefined) this.control = new ControlLine(control as Duplex)
    const { pid } = this.#child
    if (pid !== undefined) state.addProcess(pid)
    this.#end = new Promise<void>((resolve) => {
      const end = (how: string) => {
        this.#ended ??= how
        // The control line ends by itself, once its last answer has been read.
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

  /** Resolves when the process has ended, in whatever way. */
  async gone(): Promise<void> {
    await this.#end
  }

  /** kill -9, for a process that ends itself and cannot wait. */
  killNow(): void {
    if (this.#ended === null) this.#child.kill('SIGKILL')
  }

  /** SIGTERM; resolves when the process is gone. Rejects after the time, and kills it then. */
  async terminate(timeoutMs: number): Promise<void> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => { this.#ended ??= `SIGKILL, ${timeoutMs} ms after SIGTERM`; this.#child.kill('SIGKILL') }, timeoutMs)
    await this.#end
    clearTimeout(timer)
    if (this.#ended?.startsWith('SIGKILL,') === true) throw new Error(`It did not end within ${timeoutMs} ms after SIGTERM, and was killed`)
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
