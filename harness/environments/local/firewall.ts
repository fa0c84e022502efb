import { unreachable } from '../../../node/base/assert.ts'
import type { Effect, Firewall, FirewallRule } from '../capabilities.ts'
import { clientsEnd, laneName, type Conversation, type Door, type Lane } from './lanes.ts'
import type { HeldConnection } from './link-probe.ts'
import type { LinkFabric } from './link-fabric.ts'

/** What the harness's own clients have to do with it: nobody else asks local members. */
export interface ClientPorts {
  /** Keeps them off members altogether. */
  cut(members: readonly string[]): Promise<Effect>
  /** Their established connections to a member are reset. */
  reset(member: string): void
}

/** As users know them; where a run has a block of ports instead, rules name these all the same. */
const ports: Readonly<Record<Conversation, number>> = { raft: 8300, gossip: 8301, client: 8500 }
const holdTimeoutMs = 10_000
const resetTimeoutMs = 5_000

/**
 * Rules by source, destination, port and protocol, carried by the proxies of
 * links (and of the way from clients, which leads through one only while a rule
 * is about it). What is dropped or refused passes no gate; whoever dials where it
 * is refused finds nobody who listens. A rule that names a port is about what is sent to
 * that port; without one, also about answers from other ports.
 */
export class LocalFirewall implements Firewall {
  readonly #fabric: LinkFabric
  readonly #clients: ClientPorts
  readonly #members: readonly string[]

  constructor(fabric: LinkFabric, members: readonly string[], clients: ClientPorts) {
    this.#fabric = fabric
    this.#members = members
    this.#clients = clients
  }

  async apply(rules: readonly FirewallRule[]): Promise<Effect> {
    for (const rule of rules) this.#check(rule)
    const matched = rules.map((rule) => ({ rule, lanes: this.#fabric.everyLane.filter((lane) => matches(rule, lane)) })).filter(({ lanes }) => lanes.length > 0)
    if (matched.length === 0) throw new Error('Nothing that local members say matches any of the rules: ports are 8300 (TCP), 8301 (UDP and TCP) and 8500 (TCP, from clients).')
    const observed: unknown[] = []
    const undo: (() => Promise<unknown>)[] = []
    const healAll = async () => {
      const seen: unknown[] = []
      // The last first. What has failed to heal is still there for the next try.
      while (undo.length > 0) {
        seen.push(await undo.at(-1)!())
        undo.pop()
      }
      return seen
    }
    try {
      // Through what blocks nothing could be measured.
      for (const { rule, lanes } of matched.toSorted((a, b) => Number(blocks(a.rule)) - Number(blocks(b.rule)))) {
        const saw = await this.#put(rule, lanes, undo)
        observed.push({ rule: lanes.map(laneName), action: rule.action.kind, saw })
      }
    } catch (error) {
      await healAll().catch(() => {})
      throw error
    }
    return { observed, heal: async () => ({ healed: await healAll() }) }
  }

  #check({ from, to, protocol, action }: FirewallRule): void {
    for (const name of [from, to]) {
      if (name !== 'any' && name !== clientsEnd && !this.#members.includes(name)) throw new Error(`There is no member ${name}; there are ${this.#members.join(', ')}.`)
    }
    if (to === clientsEnd) throw new Error('A firewall rule stands at a receiver: `to` is a member or any.')
    if (action.kind === 'reset' && protocol === 'udp') throw new Error('Only TCP connections can be reset.')
    if (action.kind === 'limit' && !(action.packetsPerS >= 1 && action.packetsPerS <= 10_000)) throw new Error(`A limit of ${action.packetsPerS} packets per second: 1 to 10000.`)
  }

  /** Puts one rule in force; what the probes saw. */
  async #put({ action }: FirewallRule, lanes: readonly Lane[], undo: (() => Promise<unknown>)[]): Promise<unknown> {
    const between = lanes.filter(({ conversation }) => conversation !== 'client')
    const asked = [...new Set(lanes.filter(({ conversation }) => conversation === 'client').map(({ link }) => link.to))]
    if (action.kind === 'drop') {
      const silent = await this.#cut(between, undo)
      if (asked.length === 0) return silent
      const { observed, heal } = await this.#clients.cut(asked)
      undo.push(heal)
      return { silent, clients: observed }
    }
    if (action.kind === 'reset') for (const member of asked) this.#clients.reset(member)
    const routes = asked.map((member) => this.#fabric.routes.route(member))
    undo.push(async () => { for (const end of routes) end() })
    switch (action.kind) {
      case 'reject': {
        const refused = await this.#refuse(lanes, undo)
        return { refused, silent: await this.#cut(lanes, undo) }
      }
      case 'reset': {
        const held = await this.#holdConnections(lanes)
        try {
          const refused = await this.#refuse(lanes, undo)
          const silent = await this.#cut(lanes, undo)
          for (const door of this.#doorsOf(lanes)) door.proxy.tcp.reset()
          await ended(held)
          return { refused, silent, reset: held.length }
        } finally {
          for (const connection of held) connection.close()
        }
      }
      case 'limit':
      case 'mtu': {
        const { observed, heal } = await this.#fabric.disturber.hinder(lanes, action, true)
        undo.push(heal)
        return observed
      }
      default: return unreachable(action)
    }
  }

  async #cut(lanes: readonly Lane[], undo: (() => Promise<unknown>)[]): Promise<{ readonly silentLanes: number }> {
    const { heal } = await this.#fabric.cutter.cut(lanes)
    undo.push(async () => {
      await heal()
      return { passed: lanes.length }
    })
    return { silentLanes: lanes.length }
  }

  /** Nobody listens any more where these lanes begin; proven by dialling. Healed before what is behind the door. */
  async #refuse(lanes: readonly Lane[], undo: (() => Promise<unknown>)[]): Promise<number> {
    const id = Symbol('refusal')
    const doors = this.#doorsOf(lanes.filter(({ answers, protocol }) => !answers && protocol === 'tcp'))
    for (const { proxy } of doors) proxy.tcp.refuse(id)
    undo.push(async () => {
      for (const { proxy } of doors) await proxy.tcp.admit(id)
      await this.#fabric.cutter.provePassage(lanes)
      return { listensAgain: doors.length }
    })
    for (const { proxy, link } of doors) {
      if (await this.#fabric.prober.dial(proxy.endpoint) !== 'refused') throw new Error(`connections from ${link.from} to ${link.to} are still taken`)
    }
    return doors.length
  }

  /** Established connections through the doors of these lanes, where one can be made. */
  async #holdConnections(lanes: readonly Lane[]): Promise<HeldConnection[]> {
    const passable = this.#doorsOf(lanes).filter(({ proxy, ways: [tcp] }) => !proxy.tcp.refuses && tcp!.forward.gate.open && tcp!.backward.gate.open)
    const results = await Promise.allSettled(passable.map(({ proxy }) => this.#fabric.prober.hold(proxy.endpoint, holdTimeoutMs)))
    const held = results.flatMap((result) => result.status === 'fulfilled' ? [result.value] : [])
    const failed = results.find((result) => result.status === 'rejected')
    if (failed === undefined) return held
    for (const connection of held) connection.close()
    throw failed.reason
  }

  #doorsOf(lanes: readonly Lane[]): readonly Door[] {
    return this.#fabric.doors.filter(({ ways }) => ways.some(({ forward, backward }) => lanes.includes(forward) || lanes.includes(backward)))
  }
}

/** Whether packets of the lane meet the rule. */
function matches({ from, to, protocol, port, action }: FirewallRule, { link, conversation, protocol: its, answers }: Lane): boolean {
  // Datagrams are answered from the port that members listen on, to that same port.
  const toPort = answers && its === 'tcp' ? null : ports[conversation]
  return (from === 'any' || from === link.from) && link.to !== clientsEnd && (to === 'any' || to === link.to)
    && (protocol === 'any' || protocol === its) && !(action.kind === 'reset' && its !== 'tcp')
    && (port === null || port === toPort)
}

const blocks = ({ action: { kind } }: FirewallRule) => kind === 'drop' || kind === 'reject' || kind === 'reset'

async function ended(held: readonly HeldConnection[]): Promise<void> {
  const endMs = performance.now() + resetTimeoutMs
  while (held.some((connection) => !connection.ended())) {
    if (performance.now() > endMs) throw new Error(`${held.filter((connection) => !connection.ended()).length} of ${held.length} established connections were not reset`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
