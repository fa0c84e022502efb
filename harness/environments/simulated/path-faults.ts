import { unreachable } from '../../../node/base/assert.ts'
import type { Cut, CutClients, CutLinks, Disturbance, DisturbLinks, Effect, Firewall, FirewallRule, Link, Traffic } from '../environment.ts'
import { effect } from './effect.ts'
import type { ActiveImpairment, Impairment } from './impairment.ts'
import { clientsEnd, type Flow, type Path, type Paths } from './path.ts'
import { measure, passes } from './path-probe.ts'
import { expectDisturbed, probePackets } from './probe-bounds.ts'
import type { VirtualTime } from './virtual-time.ts'

interface Placed {
  readonly path: Path
  readonly one: ActiveImpairment
}

/** What can go wrong between members, and between them and clients: impairments are put on paths, proven, and taken off. */
export class PathFaults implements CutLinks, CutClients, DisturbLinks, Firewall {
  readonly traffics = ['all', 'raft', 'gossip'] as const
  readonly kinds = ['loss', 'delay', 'duplicate', 'reorder', 'corrupt', 'bandwidth', 'mtu'] as const
  readonly #time: VirtualTime
  readonly #paths: Paths

  constructor(time: VirtualTime, paths: Paths) {
    this.#time = time
    this.#paths = paths
  }

  async cut(links: readonly Link[], traffic: Traffic = 'all'): Promise<Cut> {
    const { heal } = await this.#block(this.#between(links, traffic).map((path) => ({ path, impairment: { kind: 'cut' } })))
    return { heal: async () => void await heal() }
  }

  cutClients(members: readonly string[]): Promise<Effect> {
    return this.#block(this.#withClients(members).map((path) => ({ path, impairment: { kind: 'cut' } })))
  }

  async disturb(links: readonly Link[], disturbance: Disturbance, traffic: Traffic): Promise<Effect> {
    return await this.#disturb(this.#between(links, traffic), disturbance)
  }

  async disturbClients(members: readonly string[], disturbance: Disturbance): Promise<Effect> {
    return await this.#disturb(this.#withClients(members), disturbance)
  }

  async #disturb(paths: readonly Path[], disturbance: Disturbance): Promise<Effect> {
    const placed = place(paths.map((path) => ({ path, impairment: disturbance })))
    try {
      const observed = expectDisturbed(disturbance, await measure(this.#time, placed, probePackets(disturbance, placed.length)))
      return effect(observed, () => this.#mend(placed))
    } catch (error) {
      mendAll(placed)
      throw error
    }
  }

  /** Each rule on every path that it matches. */
  async apply(rules: readonly FirewallRule[]): Promise<Effect> {
    const wanted = rules.flatMap((rule) => this.#matching(rule).map((path) => ({ path, impairment: impairmentOf(rule.action) })))
    if (wanted.length === 0) throw new Error('No path matches any of the rules: ports are 8300 (TCP), 8301 (UDP and TCP) and 8500 (TCP, from clients).')
    const blocking = wanted.filter(({ impairment }) => impairment.kind === 'cut' || impairment.kind === 'reject' || impairment.kind === 'reset')
    const placed = place(wanted.filter((one) => !blocking.includes(one)))
    try {
      const observed: unknown[] = []
      for (const one of placed) {
        const { impairment } = one.one
        const packets = probePackets(impairment, 1)
        observed.push({ path: one.path.name, saw: expectDisturbed(impairment, await measure(this.#time, [one], packets)) })
      }
      const block = await this.#block(blocking)
      return effect({ limits: observed, blocked: block.observed }, async () => ({ limits: await this.#mend(placed), blocked: await block.heal() }))
    } catch (error) {
      mendAll(placed)
      throw error
    }
  }

  /** There and back. */
  #withClients(members: readonly string[]): Path[] {
    return members.flatMap((member) => [this.#paths.of(clientsEnd, member, 'client'), this.#paths.of(member, clientsEnd, 'client')])
  }

  #between(links: readonly Link[], traffic: Traffic): Path[] {
    return links.flatMap(({ from, to }) => flowsOf(traffic).map((flow) => this.#paths.of(from, to, flow)))
  }

  #matching({ from, to, protocol, port }: FirewallRule): Path[] {
    const { members } = this.#paths
    const ends = (end: string) => end === 'any' ? [...members] : [end]
    const sources = from === 'any' ? [...members, clientsEnd] : [from]
    return sources.flatMap((source) => ends(to).filter((target) => target !== source).flatMap((target) => {
      const flows: readonly Flow[] = source === clientsEnd ? ['client'] : ['raft', 'gossip-udp', 'gossip-tcp']
      return flows
        .filter((flow) => (protocol === 'any' || protocol === (flow === 'gossip-udp' ? 'udp' : 'tcp')) && (port === null || port === portOf(flow)))
        .map((flow) => this.#paths.of(source, target, flow))
    }))
  }

  /** Puts on what lets nothing pass, and proves that. */
  async #block(wanted: readonly { readonly path: Path, readonly impairment: Impairment }[]): Promise<Effect> {
    const placed = place(wanted)
    const passed = await this.#probe(placed.map(({ path }) => path), true)
    if (passed.length > 0) {
      mendAll(placed)
      throw new Error(`a probe passed ${passed.join(', ')}, which are cut`)
    }
    return effect({ silent: placed.map(({ path }) => path.name) }, () => this.#mend(placed))
  }

  /** Takes off; proves that what nothing else holds is whole again. */
  async #mend(placed: readonly Placed[]): Promise<unknown> {
    mendAll(placed)
    const paths = placed.map(({ path }) => path)
    const whole = paths.filter((path) => path.isClear)
    const silent = await this.#probe(whole, false)
    if (silent.length > 0) throw new Error(`no probe passes ${silent.join(', ')}, which are healed`)
    const held = paths.filter((path) => !path.isClear).map((path) => ({ path: path.name, stillHeldBy: path.wrong }))
    return held.length === 0 ? { passed: whole.length } : { passed: whole.length, held }
  }

  /** Names of the paths that a packet passed (`wanted`), or did not. */
  async #probe(paths: readonly Path[], wanted: boolean): Promise<string[]> {
    const passed = await passes(this.#time, paths, 1)
    return paths.filter((_, i) => passed[i] === wanted).map(({ name }) => name)
  }
}

const place = (wanted: readonly { readonly path: Path, readonly impairment: Impairment }[]): Placed[] =>
  wanted.map(({ path, impairment }) => ({ path, one: path.impair(impairment) }))

const mendAll = (placed: readonly Placed[]) => {
  for (const { path, one } of placed) path.mend(one)
}

function flowsOf(traffic: Traffic): readonly Flow[] {
  switch (traffic) {
    case 'all': return ['raft', 'gossip-udp', 'gossip-tcp']
    case 'raft': return ['raft']
    case 'gossip': return ['gossip-udp', 'gossip-tcp']
    default: return unreachable(traffic)
  }
}

function portOf(flow: Flow): number {
  switch (flow) {
    case 'raft': return 8300
    case 'gossip-udp':
    case 'gossip-tcp': return 8301
    case 'client': return 8500
    default: return unreachable(flow)
  }
}

function impairmentOf(action: FirewallRule['action']): Impairment {
  switch (action.kind) {
    case 'drop': return { kind: 'cut' }
    case 'reject': return { kind: 'reject' }
    case 'reset': return { kind: 'reset' }
    case 'limit': return action
    case 'mtu': return action
    default: return unreachable(action)
  }
}
