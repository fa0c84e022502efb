import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Effect } from '../capabilities.ts'

const run = promisify(execFile)
const mebibyte = 2 ** 20

/** A limit that the system puts on a process, and that its user may lower and raise again: getrlimit(2). */
interface Resource {
  /** Of `prlimit`. */
  readonly option: string
  /** In `/proc/PID/limits`. */
  readonly line: string
  /** What is set for a process where so much is asked for. */
  readonly value: (pid: number, asked: number) => number
}

export const resources = {
  files: { option: '--nofile', line: 'Max open files', value: (_pid, asked) => asked },
  /**
   * MiB. The system does not limit what is resident without a cgroup, but what a process may write to; of that
   * a member of Node.js has far more than it uses. So it may have what it has now, and what is left of `asked` above what it uses.
   */
  memory: {
    option: '--data', line: 'Max data size',
    value: (pid, asked) => memoryOf(pid, 'VmData') + Math.max(0, Math.round(asked * mebibyte) - memoryOf(pid, 'RssAnon')),
  },
} satisfies Record<string, Resource>

/** Limits of one resource on members' processes; the last that was asked for holds, over a restart too. */
export class ProcessLimits {
  readonly #resource: Resource
  readonly #pid: (member: string) => number | null
  readonly #asked = new Map<string, { readonly id: symbol, readonly asked: number }[]>()
  /** As it was before the first of them. */
  readonly #before = new Map<string, number>()

  /** @param pid of the member's running process; null where there is none */
  constructor(resource: Resource, pid: (member: string) => number | null) {
    this.#resource = resource
    this.#pid = pid
  }

  /** What holds a member holds its next process too. */
  async started(member: string): Promise<void> {
    await this.#put(member)
  }

  async limit(member: string, asked: number): Promise<Effect> {
    const pid = this.#pid(member)
    if (pid === null) throw new Error(`${member} does not run`)
    const held = this.#asked.get(member) ?? []
    if (held.length === 0) this.#before.set(member, this.#current(pid))
    const id = Symbol(member)
    this.#asked.set(member, [...held, { id, asked }])
    const { seen, wanted } = await this.#put(member) ?? { seen: 0, wanted: 0 }
    const { line } = this.#resource
    const release = () => this.#asked.set(member, (this.#asked.get(member) ?? []).filter((one) => one.id !== id))
    if (seen !== wanted) {
      release()
      await this.#put(member)
      throw new Error(`${line} of ${member} is ${seen}; asked was ${wanted}`)
    }
    return {
      observed: { [line]: seen, before: text(this.#before.get(member)!) },
      heal: async () => {
        release()
        const now = await this.#put(member)
        if (now === null) return { proven: `${member} is dead` }
        if (now.seen !== now.wanted) throw new Error(`${line} of ${member} is ${text(now.seen)}; it is to be ${text(now.wanted)}`)
        return { [line]: text(now.seen) }
      },
    }
  }

  /** Sets what is to hold now, and looks; null where no process runs, or nothing was ever asked. */
  async #put(member: string): Promise<{ readonly seen: number, readonly wanted: number } | null> {
    const pid = this.#pid(member)
    const before = this.#before.get(member)
    if (pid === null || before === undefined) return null
    const last = this.#asked.get(member)?.at(-1)
    const wanted = last === undefined ? before : this.#resource.value(pid, last.asked)
    // The soft limit only: the hard one could not be raised again without root.
    try {
      await run('prlimit', ['--pid', String(pid), `${this.#resource.option}=${text(wanted)}:`])
      return { seen: this.#current(pid), wanted }
    } catch (error) {
      // It has ended meanwhile.
      if (this.#pid(member) !== pid) return null
      throw error
    }
  }

  #current(pid: number): number {
    const value = new RegExp(`^${this.#resource.line}\\s+(\\d+|unlimited)`, 'm').exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))?.[1]
    return value === undefined || value === 'unlimited' ? Infinity : Number(value)
  }
}

const text = (limit: number): string => limit === Infinity ? 'unlimited' : String(limit)

/** Bytes; `VmData`: what it may write to, `RssAnon`: what of that it uses. */
function memoryOf(pid: number, what: 'VmData' | 'RssAnon'): number {
  const kibibytes = new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status does not tell ${what}`)
  return Number(kibibytes) * 1024
}

/** Whether `prlimit` (of util-linux) is there. */
export async function hasPrlimit(): Promise<boolean> {
  return await run('prlimit', ['--version']).then(() => true, () => false)
}
