import { unreachable } from '../../node/base/assert.ts'
import { isUp } from '../checkers/membership-polls.ts'
import type { Environment, Link } from '../environments/environment.ts'
import type { GossipFault, GossipWatch, ViewChange } from '../environments/gossip-watch.ts'
import { clientOf } from '../systems/leader.ts'
import type { System } from '../systems/system.ts'
import type { MembersClient, MemberView } from '../../workloads/ports/members.ts'
import { linksOf } from './break-member.ts'

/** Each member is asked this often: the fineness of what is seen. */
const pollMs = 50
const askTimeoutMs = 1000

/** Why this cannot be measured here; null where it can. */
export function cannotWatchGossip(environment: Environment, system: System): string | null {
  const { kind, kill, cutLinks, disturbLinks } = environment
  if (kill === undefined || cutLinks === undefined) return `environment ${kind} cannot kill members and cut links`
  if (disturbLinks === undefined || !['delay', 'loss'].every((one) => disturbLinks.kinds.includes(one as 'delay' | 'loss'))) return `environment ${kind} can neither delay nor lose what members say`
  return clientOf(system, environment, environment.members[0]!, askTimeoutMs).members === undefined ? `${system.name} does not tell whom its members hold for alive` : null
}

/** Whole members, each asked again and again whom it holds for alive. They run, and go with this. */
export class PolledGossip implements GossipWatch {
  readonly members: readonly string[]
  readonly changes: ViewChange[] = []
  readonly #environment: Environment
  readonly #views = new Map<string, Map<string, ViewChange['status']>>()
  readonly #polling: Promise<unknown>
  #over = false

  constructor(environment: Environment, system: System) {
    this.members = environment.members
    this.#environment = environment
    this.#polling = Promise.all(this.members.map((member) => this.#poll(member, clientOf(system, environment, member, askTimeoutMs).members!)))
  }

  nowMs(): number {
    return this.#environment.clock.nowNs() / 1e6
  }

  converged(): boolean {
    return this.members.every((observer) => this.members.every((member) => member === observer || this.#views.get(observer)?.get(member) === 'up'))
  }

  async afflict(member: string, fault: GossipFault): Promise<() => Promise<void>> {
    const { kill, cutLinks, disturbLinks } = this.#environment
    const links = linksOf(this.members, member)
    switch (fault.kind) {
      case 'kill':
        await kill!.kill(member)
        this.#views.delete(member)
        return () => kill!.restart(member)
      case 'cut': {
        const cut = await cutLinks!.cut(links)
        return () => cut.heal()
      }
      case 'slow': {
        const effect = await disturbLinks!.disturb(links, { kind: 'delay', delayMs: fault.delayMs, jitterMs: 0, distribution: 'uniform' }, this.#traffic())
        return async () => void await effect.heal()
      }
      default: return unreachable(fault)
    }
  }

  async lose(probability: number): Promise<() => Promise<void>> {
    const links: Link[] = this.members.flatMap((from) => this.members.filter((to) => to !== from).map((to) => ({ from, to })))
    const effect = await this.#environment.disturbLinks!.disturb(links, { kind: 'loss', probability, burstLength: 1 }, this.#traffic())
    return async () => void await effect.heal()
  }

  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const untilMs = this.nowMs() + timeoutMs
    while (!condition()) {
      if (this.nowMs() > untilMs) return false
      await this.#environment.clock.sleep(pollMs / 2)
    }
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true
    await this.#polling
    await this.#environment[Symbol.asyncDispose]()
  }

  /** Raft goes on undisturbed where that can be told apart: members' processes have then nothing else to do. */
  #traffic(): 'gossip' | 'all' {
    return this.#environment.disturbLinks!.traffics.includes('gossip') ? 'gossip' : 'all'
  }

  async #poll(observer: string, client: MembersClient): Promise<void> {
    const { clock } = this.#environment
    while (!this.#over) {
      const answer = await client.view()
      if (answer.type === 'ok') this.#look(observer, answer.members)
      await clock.sleep(pollMs)
    }
  }

  #look(observer: string, members: readonly MemberView[]): void {
    const view = this.#views.get(observer) ?? new Map<string, ViewChange['status']>()
    this.#views.set(observer, view)
    for (const { name, status: shown } of members) {
      if (name === observer) continue
      const status = !isUp(shown) ? 'failed' : shown === 'suspect' ? 'suspect' : 'up'
      if (view.get(name) === status) continue
      view.set(name, status)
      this.changes.push({ observer, member: name, status, atMs: this.nowMs() })
    }
  }
}
