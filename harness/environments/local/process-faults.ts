import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Effect, LimitResources, Pause, Scarcity } from '../capabilities.ts'

const run = promisify(execFile)

/** One turn of a starved process: it runs for its share of this, and stands still for the rest. */
const turnMs = 40
const sampleMs = 800
const answerDeadlineMs = 10_000
const silentProbeMs = 250

export interface ProcessPorts {
  /** Of the member's running process; null where there is none. */
  pid(member: string): number | null
  /** Whether the member answers HTTP within the time. */
  answers(member: string, timeoutMs: number): Promise<boolean>
}

/** Faults that signals and limits of the operating system make, without root. */
export class ProcessFaults implements Pause {
  readonly limitResources: LimitResources | undefined
  readonly #ports: ProcessPorts
  /** How many effects hold a member's process still. */
  readonly #held = new Map<string, number>()
  readonly #turns = new Map<string, NodeJS.Timeout>()
  readonly #fileLimits = new Map<string, number[]>()

  /** @param prlimit whether there is the command that sets another process's limits */
  constructor(ports: ProcessPorts, prlimit: boolean) {
    this.#ports = ports
    // What a process is limited to can be seen only below /proc.
    if (process.platform === 'linux') {
      this.limitResources = { kinds: prlimit ? ['cpu', 'files'] : ['cpu'], limit: (member, scarcity) => this.#limit(member, scarcity) }
    }
  }

  async pause(member: string): Promise<Effect> {
    this.#requirePid(member)
    this.#hold(member, +1)
    let held = true
    const release = () => { if (held) this.#hold(member, -1); held = false }
    if (await this.#ports.answers(member, silentProbeMs)) {
      release()
      throw new Error(`${member} was stopped and still answers`)
    }
    return {
      observed: { proven: `${member} did not answer` },
      heal: async () => {
        release()
        if (this.holds(member) || this.#ports.pid(member) === null) return { proven: `${member} is not to answer: it is dead, or held by another fault` }
        if (!await this.#ports.answers(member, answerDeadlineMs)) throw new Error(`${member} goes on and did not answer within ${answerDeadlineMs} ms`)
        return { proven: `${member} answered` }
      },
    }
  }

  /** What holds a member holds its next process too. */
  async started(member: string): Promise<void> {
    if (this.holds(member)) this.#signal(member, 'SIGSTOP')
    const max = this.#fileLimits.get(member)?.at(-1)
    if (max !== undefined) await setFileLimit(this.#requirePid(member), max)
  }

  close(): void {
    for (const timer of this.#turns.values()) clearTimeout(timer)
    this.#turns.clear()
  }

  #limit(member: string, scarcity: Scarcity): Promise<Effect> {
    switch (scarcity.kind) {
      case 'cpu': return this.#starve(member, scarcity.share)
      case 'files': return this.#limitFiles(member, scarcity.max)
      case 'memory': throw new Error('The memory of local members cannot be limited.')
    }
  }

  /** Stops and continues the process in turns. */
  async #starve(member: string, share: number): Promise<Effect> {
    if (!(share > 0 && share < 1)) throw new RangeError(`a share of ${share} of a CPU: give more than 0 and less than 1`)
    if (this.#turns.has(member)) throw new Error(`${member}'s CPU is limited already`)
    const turn = (runs: boolean) => {
      if (!this.holds(member)) this.#signal(member, runs ? 'SIGCONT' : 'SIGSTOP')
      this.#turns.set(member, setTimeout(() => turn(!runs), turnMs * (runs ? share : 1 - share)))
    }
    turn(true)
    const stop = () => {
      clearTimeout(this.#turns.get(member))
      this.#turns.delete(member)
      if (!this.holds(member)) this.#signal(member, 'SIGCONT')
    }
    const stood = await this.#stoodStill(member)
    if (Math.abs(stood - (1 - share)) > 0.25) {
      stop()
      throw new Error(`${member} was to stand still ${Math.round(100 * (1 - share))} % of the time and did ${Math.round(100 * stood)} %`)
    }
    return {
      observed: { stoodStill: Math.round(stood * 100) / 100 },
      heal: async () => {
        stop()
        if (this.holds(member) || this.#ports.pid(member) === null) return { proven: `${member} is dead, or held by another fault` }
        const still = await this.#stoodStill(member)
        if (still > 0) throw new Error(`${member} still stands still ${Math.round(100 * still)} % of the time`)
        return { stoodStill: still }
      },
    }
  }

  async #stoodStill(member: string): Promise<number> {
    let [stopped, looks] = [0, 0]
    for (const endMs = performance.now() + sampleMs; performance.now() < endMs; looks++) {
      const pid = this.#requirePid(member)
      // The state stands behind the name, which is in brackets and may hold any character.
      if (/\) T /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) stopped++
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    return stopped / looks
  }

  async #limitFiles(member: string, max: number): Promise<Effect> {
    const pid = this.#requirePid(member)
    const before = fileLimit(pid)
    const limits = this.#fileLimits.get(member) ?? []
    this.#fileLimits.set(member, [...limits, max])
    await setFileLimit(pid, max)
    const seen = fileLimit(pid)
    if (seen !== max) throw new Error(`${member} may still open ${seen} files; asked were ${max}`)
    return {
      observed: { files: seen, before },
      heal: async () => {
        const rest = [...this.#fileLimits.get(member) ?? []]
        const at = rest.indexOf(max)
        if (at >= 0) rest.splice(at, 1)
        this.#fileLimits.set(member, rest)
        const now = this.#ports.pid(member)
        if (now === null) return { proven: `${member} is dead` }
        const wanted = rest.at(-1) ?? before
        await setFileLimit(now, wanted)
        if (fileLimit(now) !== wanted) throw new Error(`${member} may open ${fileLimit(now)} files; before it were ${wanted}`)
        return { files: wanted }
      },
    }
  }

  #hold(member: string, change: number): void {
    this.#held.set(member, (this.#held.get(member) ?? 0) + change)
    this.#signal(member, this.holds(member) ? 'SIGSTOP' : 'SIGCONT')
  }

  /** Whether a pause holds the member's process, or would its next one. */
  holds(member: string): boolean {
    return (this.#held.get(member) ?? 0) > 0
  }

  #signal(member: string, signal: NodeJS.Signals): void {
    const pid = this.#ports.pid(member)
    if (pid === null) return
    try {
      process.kill(pid, signal)
    } catch (error) {
      // It has just ended.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  #requirePid(member: string): number {
    const pid = this.#ports.pid(member)
    if (pid === null) throw new Error(`${member} does not run`)
    return pid
  }
}

/** Whether `prlimit` (of util-linux) is there. */
export async function hasPrlimit(): Promise<boolean> {
  return await run('prlimit', ['--version']).then(() => true, () => false)
}

async function setFileLimit(pid: number, max: number): Promise<void> {
  // The soft limit only: the hard one could not be raised again without root.
  await run('prlimit', ['--pid', String(pid), `--nofile=${max}:`])
}

function fileLimit(pid: number): number {
  const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))
  return line?.[1] === undefined || line[1] === 'unlimited' ? Infinity : Number(line[1])
}
