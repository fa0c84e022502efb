import type { DamageFiles, DiskTrouble, Effect, FileDamage, Pause, TroubleDisk } from '../environment.ts'
import { effect } from './effect.ts'
import type { MemberLives } from './member-lives.ts'
import type { SimulatedMember } from './member.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A probe of a process that runs is answered within this. */
const answerMsMax = 500

/** What can go wrong with one member's process and disk; each proven by looking at what the member meets. */
export class MachineFaults implements Pause, TroubleDisk, DamageFiles {
  readonly kinds = ['full', 'slow', 'read-only'] as const
  readonly #time: VirtualTime
  readonly #lives: MemberLives

  constructor(time: VirtualTime, lives: MemberLives) {
    this.#time = time
    this.#lives = lives
  }

  async pause(name: string): Promise<Effect> {
    const member = this.#living(name, 'paused')
    const life = member.lifeNumber
    member.loop.pause()
    const runsOn = () => {
      // Whoever killed it in between has ended the pause too.
      if (member.lifeNumber === life) member.loop.resume()
    }
    if (await this.#answers(member)) {
      runsOn()
      throw new Error(`${name} is paused and still answers`)
    }
    let resumed = false
    return effect({ silentForMs: answerMsMax }, async () => {
      if (!resumed) runsOn()
      resumed = true
      return this.#proveRuns(member, life)
    })
  }

  async trouble(name: string, trouble: DiskTrouble): Promise<Effect> {
    const lives = this.#lives
    const member = lives.member(name)
    const end = member.disks.trouble(trouble)
    const saw = await this.#probeDisk(member)
    const proven = trouble.kind === 'slow' ? saw.tookMs >= trouble.syncMs : saw.error !== null
    if (!proven) {
      end()
      throw new Error(`${name}'s disk is to be ${trouble.kind}; a probe wrote in ${saw.tookMs} ms: ${saw.error ?? 'no error'}`)
    }
    return effect(saw, async () => {
      end()
      const after = await this.#probeDisk(member)
      if (member.disks.isSound && after.error !== null) throw new Error(`${name}'s disk is healed, and a probe cannot write: ${after.error}`)
      // As whoever supervises a service does: it ended because it could not write.
      const restarted = lives.endedByItself(name)
      if (restarted) await lives.restart(name)
      return { ...after, restarted }
    })
  }

  async damage(name: string, damage: FileDamage, fraction: number): Promise<unknown> {
    const member = this.#lives.member(name)
    if (member.isAlive) throw new Error(`${name} runs: kill it before its files are damaged.`)
    return member.disks.damage(damage, fraction)
  }

  async #probeDisk(member: SimulatedMember): Promise<{ readonly tookMs: number, readonly error: string | null }> {
    const time = this.#time
    const startNs = time.nowNs()
    const error = await time.promise<Error | null>((resolve) => member.disks.probe(resolve))
    return { tookMs: (time.nowNs() - startNs) / 1e6, error: error?.message ?? null }
  }

  async #proveRuns(member: SimulatedMember, life: number): Promise<unknown> {
    if (member.lifeNumber !== life) return { endedMeanwhile: true }
    if (member.loop.stands) return { stillHeldBy: 'another pause' }
    const time = this.#time
    const startNs = time.nowNs()
    // A starved process takes its time.
    for (let n = 0; n < 20; n++) {
      if (await this.#answers(member)) return { answeredAfterMs: (time.nowNs() - startNs) / 1e6 }
      if (member.lifeNumber !== life) return { endedMeanwhile: true }
      if (member.loop.stands) return { stillHeldBy: 'another pause' }
    }
    throw new Error(`${member.name} runs on, and does not answer`)
  }

  /** Whether its process answers a request that comes from its own machine. */
  #answers(member: SimulatedMember): Promise<boolean> {
    const time = this.#time
    return time.promise<boolean>((resolve) => {
      const timeout = time.queue.after(answerMsMax, () => resolve(false))
      member.handle?.({ method: 'GET', target: '/v1/agent/self', headers: {}, body: new Uint8Array(0) }, () => {
        time.queue.cancel(timeout)
        time.queue.after(0, () => resolve(true))
      })
    })
  }

  #living(name: string, what: string): SimulatedMember {
    const member = this.#lives.member(name)
    if (!member.isAlive) throw new Error(`${name} is dead, and cannot be ${what}.`)
    return member
  }
}
