import { readFileSync } from 'node:fs'
import type { Effect, LimitResources, Pause, Scarcity } from '../capabilities.ts'
import { ProcessLimits, resources } from './process-limits.ts'

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
  readonly #files: ProcessLimits
  readonly #memory: ProcessLimits

  /** @param prlimit whether there is the command that sets another process's limits */
  constructor(ports: ProcessPorts, prlimit: boolean) {
    this.#ports = ports
    this.#files = new ProcessLimits(resources.files, ports.pid)
    this.#memory = new ProcessLimits(resources.memory, ports.pid)
    // What a process is limited to can be seen only below /proc.
    if (process.platform === 'linux') {
      this.limitResources = { kinds: prlimit ? ['cpu', 'memory', 'files'] : ['cpu'], limit: (member, scarcity) => this.#limit(member, scarcity) }
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
    await this.#files.started(member)
    await this.#memory.started(member)
  }

  close(): void {
    for (const timer of this.#turns.values()) clearTimeout(timer)
    this.#turns.clear()
  }

  #limit(member: string, scarcity: Scarcity): Promise<Effect> {
    switch (scarcity.kind) {
      case 'cpu': return this.#starve(member, scarcity.share)
      case 'files': return this.#files.limit(member, scarcity.max)
      case 'memory': return this.#memory.limit(member, scarcity.maxMiB)
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
