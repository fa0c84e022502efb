import type { Random } from '../../../node/base/random.ts'
import type { HttpOutcome, Kill, SpareMembers } from '../environment.ts'
import type { Climate } from './climate.ts'
import type { SimulatedClients } from './clients.ts'
import type { Ending, SimulatedMember } from './member.ts'
import type { VirtualTime } from './virtual-time.ts'

const answerDeadlineMs = 30_000
const answerRequestTimeoutMs = 1_000
const answerPollMs = 10

export interface MemberLivesPorts {
  readonly time: VirtualTime
  readonly climate: Climate
  /** Of start-up times. */
  readonly random: Random
  readonly clients: SimulatedClients
  readonly members: readonly SimulatedMember[]
  readonly spares: readonly string[]
  readonly say: (line: string) => void
}

/** Starts members and ends them. */
export class MemberLives implements Kill, SpareMembers {
  readonly spares: readonly string[]
  readonly #ports: MemberLivesPorts
  readonly #members = new Map<string, SimulatedMember>()
  /** What a member died of by itself; null where somebody ended it since. */
  readonly #crashes = new Map<string, Error | null>()

  constructor(ports: MemberLivesPorts) {
    this.#ports = ports
    this.spares = ports.spares
    for (const member of ports.members) this.#members.set(member.name, member)
  }

  /** @throws Error with a sentence if there is none of that name. */
  member(name: string): SimulatedMember {
    const member = this.#members.get(name)
    if (member === undefined) throw new Error(`There is no member ${name}; there are ${[...this.#members.keys()].join(', ')}.`)
    return member
  }

  /** It is dead, and nobody killed it. */
  endedByItself(name: string): boolean {
    return !this.member(name).isAlive && (this.#crashes.get(name) ?? null) !== null
  }

  /** Resolves when it answers HTTP; also to one that asks from its own machine where clients are cut off. */
  async restart(name: string): Promise<void> {
    const { time, climate, random } = this.#ports
    const member = this.member(name)
    if (member.isAlive) throw new Error(`${name} runs already.`)
    await time.sleep(climate.startupMs(random))
    this.#crashes.delete(name)
    member.start()
    const untilNs = time.nowNs() + answerDeadlineMs * 1e6
    for (;;) {
      const said = await this.#ask(member)
      if (said === null) return
      const crash = this.#crashes.get(name) ?? null
      if (crash !== null && !member.isAlive) throw new Error(`${name} crashed when it started: ${crash.message}`, { cause: crash })
      if (time.nowNs() > untilNs) throw new Error(`${name} did not answer within ${answerDeadlineMs / 1000} s (${said}).`)
      await time.sleep(answerPollMs)
    }
  }

  async kill(name: string): Promise<void> {
    this.#end(name, 'killed', 'kill')
  }

  async terminate(name: string, timeoutMs: number): Promise<void> {
    const { time } = this.#ports
    const member = this.member(name)
    member.terminate()
    const untilNs = time.nowNs() + timeoutMs * 1e6
    while (member.isAlive) {
      if (time.nowNs() >= untilNs) {
        this.#end(name, 'killed', 'kill')
        throw new Error(`${name} did not end within ${timeoutMs} ms of SIGTERM, and was killed.`)
      }
      await time.sleep(answerPollMs)
    }
    this.#ended(name)
  }

  async cutPower(name: string, { torn }: { readonly torn: boolean }): Promise<void> {
    this.#end(name, 'the power is cut', torn ? 'power-torn' : 'power')
  }

  async restartEmpty(name: string): Promise<void> {
    const member = this.member(name)
    if (member.isAlive) throw new Error(`${name} runs already.`)
    member.wipe()
    await this.restart(name)
  }

  async start(spare: string): Promise<void> {
    if (!this.spares.includes(spare)) throw new Error(`${spare} is no spare member; there are ${this.spares.join(', ') || 'none'}.`)
    await this.restart(spare)
  }

  async remove(name: string): Promise<void> {
    this.#end(name, 'removed', 'kill')
    this.member(name).wipe()
  }

  /** A member died of an error (or, null, left the cluster and ended). */
  onEnded(name: string, error: Error | null): void {
    this.#ports.clients.memberDied(name)
    if (error === null) return this.#ended(name)
    // Once for each error: a run of days would say it for ever.
    if (this.#crashes.get(name)?.message !== error.message) this.#ports.say(`${name} crashed: ${error.message}`)
    this.#crashes.set(name, error)
  }

  #end(name: string, reason: string, ending: Ending): void {
    this.member(name).end(reason, ending)
    this.#ended(name)
  }

  #ended(name: string): void {
    this.#crashes.set(name, null)
    this.#ports.clients.memberDied(name)
  }

  /** Null: it answered. Else what happened. */
  async #ask(member: SimulatedMember): Promise<string | null> {
    const outcome: HttpOutcome = await this.#ports.clients.request(member, { method: 'GET', target: '/v1/agent/self' }, answerRequestTimeoutMs)
    if (outcome.kind !== 'response') {
      // The network is the probe's trouble, not the member's.
      return this.#ports.clients.isCutOff(member.name) && member.isAlive && !member.loop.stands ? null : outcome.error
    }
    return outcome.status === 200 ? null : `status ${outcome.status}`
  }
}
