import { unreachable } from '../../../node/base/assert.ts'
import type { Effect, LimitResources, Scarcity } from '../environment.ts'
import type { SimulatedClients } from './clients.ts'
import { effect } from './effect.ts'
import { quotaPeriodMs, taskCostMs } from './event-loop.ts'
import type { SimulatedMember } from './member.ts'
import type { VirtualTime } from './virtual-time.ts'

const cpuProbeTasks = 200
/** Beyond this a backlog is not worth waiting for. */
const cpuProbeMsMax = 60_000

/** Too little of something. */
export class ScarcityFaults implements LimitResources {
  readonly kinds = ['cpu', 'memory', 'files'] as const
  readonly #time: VirtualTime
  readonly #clients: SimulatedClients
  readonly #member: (name: string) => SimulatedMember

  constructor(time: VirtualTime, clients: SimulatedClients, member: (name: string) => SimulatedMember) {
    this.#time = time
    this.#clients = clients
    this.#member = member
  }

  async limit(name: string, scarcity: Scarcity): Promise<Effect> {
    const member = this.#member(name)
    switch (scarcity.kind) {
      case 'cpu': return this.#limitCpu(member, scarcity.share)
      case 'files': return this.#limitFiles(member, scarcity.max)
      case 'memory': return this.#limitMemory(member, scarcity.maxMiB)
      default: return unreachable(scarcity)
    }
  }

  async #limitCpu(member: SimulatedMember, share: number): Promise<Effect> {
    const end = member.loop.limit(share)
    const workMs = cpuProbeTasks * taskCostMs
    const tookMs = await this.#timeOfTasks(member)
    // The first quota is there at once, perhaps just before its period ends, and the last period need only have begun.
    const leastMs = Math.max(0, Math.floor(workMs / (share * quotaPeriodMs)) - 2) * quotaPeriodMs
    if (tookMs !== null && tookMs < leastMs) {
      end()
      throw new Error(`${member.name} is to have ${share} of a CPU, and did ${workMs} ms of work in ${tookMs} ms, less than ${leastMs}`)
    }
    return effect({ workMs, tookMs }, async () => {
      end()
      const healedMs = await this.#timeOfTasks(member)
      if (!member.loop.isLimited && !member.loop.stands && healedMs !== null && healedMs > 0) {
        throw new Error(`${member.name} has its CPU back, and took ${healedMs} ms for ${workMs} ms of work`)
      }
      return { workMs, tookMs: healedMs }
    })
  }

  /** Null: not within the time, or the process ended meanwhile. */
  #timeOfTasks(member: SimulatedMember): Promise<number | null> {
    const { queue } = this.#time
    const startNs = queue.nowNs
    return this.#time.promise<number | null>((resolve) => {
      const timeout = queue.after(cpuProbeMsMax, () => resolve(null))
      let left = cpuProbeTasks
      for (let n = 0; n < cpuProbeTasks; n++) {
        member.loop.run('io', () => {
          if (--left > 0) return
          queue.cancel(timeout)
          const tookMs = (queue.nowNs - startNs) / 1e6
          queue.after(0, () => resolve(tookMs))
        })
      }
    })
  }

  /** Who has more dies of it with its next task. */
  async #limitMemory(member: SimulatedMember, maxMiB: number): Promise<Effect> {
    const limit = { maxMiB }
    member.memoryLimits.add(limit)
    const end = () => void member.memoryLimits.delete(limit)
    const more = Math.max(0, maxMiB - member.memoryMiB) + 1
    if (member.isAlive && member.canHoldMiB(more)) {
      end()
      throw new Error(`${member.name} may have ${maxMiB} MiB, has ${member.memoryMiB} and could take ${more} more`)
    }
    return effect({ usedMiB: member.memoryMiB, maxMiB }, async () => {
      end()
      if (member.memoryLimits.size === 0 && !member.canHoldMiB(maxMiB)) throw new Error(`${member.name} may have as much memory as it likes, and could not take ${maxMiB} MiB`)
      return { running: member.isAlive, usedMiB: member.memoryMiB }
    })
  }

  async #limitFiles(member: SimulatedMember, max: number): Promise<Effect> {
    const limit = { max }
    member.descriptorLimits.add(limit)
    const end = () => void member.descriptorLimits.delete(limit)
    const taken = this.#fill(member, max)
    if (member.isAlive && taken >= max) {
      end()
      throw new Error(`${member.name} may have ${max} files open, and took ${taken} connections`)
    }
    return effect({ connectionsTaken: taken }, async () => {
      end()
      const takes = this.#fill(member, max)
      if (member.isAlive && member.descriptorLimits.size === 0 && takes < max) {
        throw new Error(`${member.name} may have as many files open as it likes, and took ${takes} connections of ${max}`)
      }
      return { connectionsTaken: takes }
    })
  }

  /** Opens connections until one is turned away, and closes them. */
  #fill(member: SimulatedMember, max: number): number {
    const held = this.#clients.holdConnections(member, max)
    held.release()
    return held.count
  }
}
