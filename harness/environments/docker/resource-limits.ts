import type { Effect, LimitResources, Scarcity } from '../environment.ts'
import { MachineTooBusyError } from '../machine-too-busy.ts'
import { messageOf } from './engine.ts'
import type { MemberContainer } from './member-container.ts'

export interface ResourcePorts {
  readonly container: (member: string) => MemberContainer
  /** Runs a script that sees the member's processes (the member is number 1); see `runBeside`. */
  readonly besideProcesses: (container: MemberContainer, script: string) => Promise<string>
  /** Runs a script within the member's container, so within its limits. */
  readonly within: (container: MemberContainer, script: string) => Promise<string>
}

const cpuPeriodUs = 100_000
const probeMs = 600
const cpuProofRounds = 5
/** A share is measured over few periods, of which the first may be spent already. */
const shareTolerance = 0.25
const mib = 1024 ** 2
const noMemoryLimitBytes = 2 ** 50

/** CPU and memory through the member's cgroup, files through its process's limit. One of a kind at a time on a member. */
export class ResourceLimits implements LimitResources {
  readonly kinds = ['cpu', 'memory', 'files'] as const
  readonly #ports: ResourcePorts
  readonly #held = new Set<string>()

  constructor(ports: ResourcePorts) {
    this.#ports = ports
  }

  async limit(member: string, scarcity: Scarcity): Promise<Effect> {
    const name = `${member} ${scarcity.kind}`
    if (this.#held.has(name)) throw new Error(`${member} has a limit of ${scarcity.kind} already`)
    const container = this.#ports.container(member)
    this.#held.add(name)
    let undo: (() => Promise<unknown>) | undefined
    let healed = false
    const heal = async () => {
      if (healed) return null
      try {
        const seen = await undo?.() ?? null
        healed = true
        this.#held.delete(name)
        return seen
      } catch (error) {
        throw new Error(`The limit of ${scarcity.kind} on ${member} could not be lifted: ${messageOf(error)}`, { cause: error })
      }
    }
    try {
      if (!(await container.state()).running) throw new Error('it does not run')
      const { observed, prepareUndo } = this.#kindOf(container, scarcity)
      undo = await prepareUndo()
      const seen = await observed().catch(async (error: unknown) => {
        // A member may die of what it lacks before anything can be read of it: no stronger effect is to be had.
        if ((await container.state()).running) throw error
        return { running: false }
      })
      return { observed: seen, heal }
    } catch (error) {
      await heal().catch(() => {})
      if (error instanceof MachineTooBusyError) throw error
      throw new Error(`${scarcity.kind} of ${member} could not be limited: ${messageOf(error)}`, { cause: error })
    }
  }

  /** `prepareUndo` looks at what is now and says how to get back there; `observed` limits and proves. */
  #kindOf(container: MemberContainer, scarcity: Scarcity): { prepareUndo(): Promise<() => Promise<unknown>>, observed(): Promise<unknown> } {
    switch (scarcity.kind) {
      case 'cpu': return {
        prepareUndo: async () => async () => {
          // 0 would mean: as it was. A negative quota is none.
          await container.update({ CpuPeriod: cpuPeriodUs, CpuQuota: -1 })
          if (!(await container.state()).running) return { running: false }
          const used = await this.#cpuShare(container)
          const limit = await this.#cgroupValue(container, 'cpu.max', 'cpu/cpu.cfs_quota_us')
          if (!/^(max|-1)/.test(limit)) throw new Error(`the quota is still ${limit}`)
          return { cpuShare: used }
        },
        observed: async () => {
          await container.update({ CpuPeriod: cpuPeriodUs, CpuQuota: Math.max(1_000, Math.round(scarcity.share * cpuPeriodUs)) })
          for (let round = 1; ; round++) {
            const used = await this.#cpuShare(container)
            if (used > scarcity.share + shareTolerance) throw new Error(`a busy process in its container still gets ${used} of a CPU`)
            // On a busy machine it would get little anyway: that it was held back is what the limit did.
            const periods = Number(/nr_throttled (\d+)/.exec(await this.#cgroupValue(container, 'cpu.stat', 'cpu/cpu.stat'))?.[1] ?? 0)
            if (periods > 0) return { cpuShare: used, periodsHeldBack: periods }
            if (round < cpuProofRounds) continue
            const why = `a busy process in its container got ${used} of a CPU and was never held back`
            throw used < scarcity.share ? new MachineTooBusyError(`${why}: on this machine it gets less than ${scarcity.share} without a limit`) : new Error(why)
          }
        },
      }
      case 'memory': return {
        prepareUndo: async () => {
          return async () => {
            // The engine takes no word for none; more than any machine has is as good.
            await container.update({ Memory: noMemoryLimitBytes, MemorySwap: noMemoryLimitBytes })
            if (!(await container.state()).running) return { running: false }
            const bytes = await this.#memoryLimit(container)
            if (bytes !== null && bytes <= scarcity.maxMiB * mib) throw new Error(`the limit is still ${bytes} bytes`)
            return { memoryMaxBytes: bytes }
          }
        },
        observed: async () => {
          const bytes = scarcity.maxMiB * mib
          await container.update({ Memory: bytes, MemorySwap: bytes })
          const seen = await this.#memoryLimit(container)
          if (seen === null || seen > bytes) throw new Error(`its cgroup says ${seen ?? 'no limit'}`)
          return { memoryMaxBytes: seen }
        },
      }
      case 'files': return {
        prepareUndo: async () => {
          const before = await this.#filesLimit(container)
          return async () => {
            if (!(await container.state()).running) return { running: false }
            await this.#ports.besideProcesses(container, `prlimit --pid 1 --nofile=${before}:`)
            const now = await this.#filesLimit(container)
            // A member that was started anew meanwhile has its own limit, which is none of ours.
            if (now === String(scarcity.max) && now !== before) throw new Error(`the limit is still ${now}`)
            return { filesMax: Number(now) }
          }
        },
        observed: async () => {
          await this.#ports.besideProcesses(container, `prlimit --pid 1 --nofile=${scarcity.max}:`)
          const now = await this.#filesLimit(container)
          if (now !== String(scarcity.max)) throw new Error(`the process says ${now}`)
          const open = Number(await this.#ports.besideProcesses(container, 'ls /proc/1/fd | wc -l'))
          return { filesMax: Number(now), filesOpen: open }
        },
      }
      default: return scarcity satisfies never
    }
  }

  /** What share of a CPU a process gets that does nothing but count, beside the member's own. */
  async #cpuShare(container: MemberContainer): Promise<number> {
    const printed = await this.#ports.within(container, `end=$(( $(date +%s%N) + ${probeMs * 1_000_000} )); began=$(date +%s%N)
      while [ $(date +%s%N) -lt $end ]; do for ((i = 0; i < 20000; i++)); do :; done; done
      echo $(( $(date +%s%N) - began )); times`)
    // `times` prints the shell's own user and system time, then its children's: `0m0.123s 0m0.004s`.
    const [elapsed, ...rest] = printed.trim().split('\n')
    const usedS = [...rest.join(' ').matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0)
    return Math.round(usedS / (Number(elapsed) / 1e9) * 100) / 100
  }

  async #memoryLimit(container: MemberContainer): Promise<number | null> {
    const text = await this.#cgroupValue(container, 'memory.max', 'memory/memory.limit_in_bytes')
    // The old interface's "none" is the largest multiple of a page below 2^63.
    return text === 'max' || Number(text) >= noMemoryLimitBytes ? null : Number(text)
  }

  /** As the container itself sees it, by the names of both versions of cgroups. */
  async #cgroupValue(container: MemberContainer, unified: string, legacy: string): Promise<string> {
    return (await this.#ports.within(container, `cat /sys/fs/cgroup/${unified} 2>/dev/null || cat /sys/fs/cgroup/${legacy}`)).trim()
  }

  async #filesLimit(container: MemberContainer): Promise<string> {
    return (await this.#ports.besideProcesses(container, `awk '/Max open files/ { print $4 }' /proc/1/limits 2>/dev/null || sed -n 's/^Max open files *\\([0-9a-z]*\\).*/\\1/p' /proc/1/limits`)).trim()
  }
}
