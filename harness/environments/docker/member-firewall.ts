import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { portsOf, type SystemPorts } from '../deployment.ts'
import type { CutClients, Effect, Firewall, FirewallRule, Link, Traffic } from '../environment.ts'
import { messageOf } from './engine.ts'
import { probePort, readCountersScript } from './firewall.ts'
import type { AgentNamespace } from './link-disturber.ts'
import type { LinkHolds } from './link-holds.ts'
import { actionCount, applyScript, hasRules, limitBurst, removeScript } from './rule-chains.ts'
import { consulPorts, trafficsOf } from './traffic.ts'

/** A namespace that clients reach. */
export interface ReachableNamespace extends AgentNamespace {
  /** `http://host:port` as this process reaches it. */
  readonly baseUrl: string
  /** Whether nothing stands between this process and the namespace: a published port is opened by a proxy, come what may. */
  readonly direct: boolean
}

type Answer = 'open' | 'refused' | 'timeout' | 'unreachable'

const proofRounds = 6
/** Within one machine a handshake takes less than a millisecond; a dropped one is tried again after a second. */
const connectTimeoutMs = 500
const clientLimitProbes = 60
const mtuMax = 1500

/** Who stands for all that are no members. */
export const clients = 'clients'

/** Rules of users at their receivers, each proven by traffic that meets it. */
export class MemberFirewall implements Firewall, CutClients {
  readonly #namespaces: ReadonlyMap<string, ReachableNamespace>
  readonly #holds: LinkHolds
  readonly ports: SystemPorts
  #nextNumber = 1

  constructor(namespaces: readonly ReachableNamespace[], holds: LinkHolds, ports: SystemPorts = consulPorts) {
    this.ports = ports
    this.#namespaces = new Map(namespaces.map((namespace) => [namespace.member, namespace]))
    this.#holds = holds
  }

  cutClients(members: readonly string[]): Promise<Effect> {
    return this.apply(members.map((to) => ({ from: clients, to, protocol: 'tcp', port: this.ports.http, action: { kind: 'drop' } })))
  }

  async apply(rules: readonly FirewallRule[]): Promise<Effect> {
    const number = this.#nextNumber++
    for (const rule of rules) this.#check(rule)
    const byReceiver = new Map([...this.#namespaces.keys()].flatMap((to) => {
      const own = this.#standingAt(to, number, rules)
      return own.length === 0 ? [] : [[to, own] as const]
    }))
    const releases = [...byReceiver].flatMap(([to, own]) => own.map(({ rule }) => this.#hold(rule, to)))
    const release = () => {
      for (const letGo of releases) letGo()
    }
    let healed = false
    const heal = async () => {
      if (healed) return null
      try {
        const seen = await this.#heal(number, byReceiver, release)
        healed = true
        return seen
      } catch (error) {
        throw new Error(`Firewall rules could not be removed: ${messageOf(error)}`, { cause: error })
      }
    }
    try {
      const observed: Record<string, unknown> = {}
      await Promise.all([...byReceiver].map(async ([to, own]) => {
        await this.#namespace(to).run(applyScript({
          number, rules: own, addressOf: (member) => this.#namespace(member).address, memberAddresses: [...this.#namespaces.values()].map(({ address }) => address),
        }))
        for (const standing of own) observed[`${standing.index + 1} at ${to}`] = await this.#prove(standing)
      }))
      return { observed, heal }
    } catch (error) {
      await heal().catch(() => {})
      throw new Error(`Firewall rules could not be put in force: ${messageOf(error)}`, { cause: error })
    }
  }

  #check({ from, to, protocol, action }: FirewallRule): void {
    for (const member of [from, to]) if (member !== 'any' && member !== clients) this.#namespace(member)
    if (to === clients) throw new Error('A firewall rule stands at a receiver: `to` is a member or any')
    if (from === to && from !== 'any') throw new Error(`${from} has no link to itself`)
    if (action.kind === 'reset' && protocol === 'udp') throw new Error('Only TCP connections can be reset')
    if (action.kind === 'mtu' && (action.maxBytes < 64 || action.maxBytes >= mtuMax)) throw new Error(`An MTU of ${action.maxBytes} bytes cannot be shown here: 64 to ${mtuMax - 1}`)
    if (action.kind === 'limit' && !(action.packetsPerS >= 1 && action.packetsPerS <= 10_000)) throw new Error(`A limit of ${action.packetsPerS} packets per second: 1 to 10000`)
  }

  /** Those of a call's rules that stand at this member, and how each is proven as things are now. */
  #standingAt(to: string, number: number, rules: readonly FirewallRule[]): readonly StandingRule[] {
    const own = rules.map((rule, index) => ({ index, rule })).filter(({ rule }) => rule.to === to || (rule.to === 'any' && rule.from !== to))
    return own.map(({ index, rule }) => {
      const earlier = own.filter((other) => other.index < index).map((other) => other.rule)
      const port = this.#provingPort(rule, to, earlier)
      const blocked = port === null || this.#waysHeld(rule, to).there || earlier.some((other) => shadows(other, rule))
      return { number, index, rule, to, port: port ?? this.ports.http, blocked }
    })
  }

  /** Sends what the rule should stop until it has stopped some; what was seen. */
  async #prove({ number, index, rule, to, port, blocked }: StandingRule): Promise<unknown> {
    let problem = ''
    for (let round = 0; round < proofRounds; round++) {
      const before = await this.#count(number, index, to)
      const answer = await this.#provoke(rule, to, port)
      const stopped = await this.#count(number, index, to) - before
      problem = stopped === 0 ? `nothing met ${describe(rule)} at ${to}` : this.#answerProblem(rule, to, answer)
      // Another fault, or another rule, stops everything before it gets here: that the rule stands is all that can be seen.
      if (blocked && stopped === 0) return { rule: describe(rule), heldByAnotherFault: true }
      if (problem === '') return { rule: describe(rule), stopped, ...answer === null ? {} : { answer } }
    }
    throw new Error(problem)
  }

  #answerProblem(rule: FirewallRule, to: string, answer: Answer | null): string {
    const direct = (rule.from !== clients || this.#namespace(to).direct) && this.#waysHeld(rule, to).back === false
    const wanted: readonly (Answer | null)[] = rule.action.kind === 'drop' ? ['timeout'] : rule.action.kind === 'reject' || rule.action.kind === 'reset' ? ['refused', 'unreachable'] : []
    // What stands in front of a rule that refuses may drop first.
    if (answer === null || wanted.length === 0 || wanted.includes(answer) || !direct) return ''
    return `a connection through ${describe(rule)} at ${to} was ${answer}`
  }

  /** Sends what the rule is about, from one whom it is about. The answer of a connection, or null where none was tried. */
  async #provoke(rule: FirewallRule, to: string, port: number): Promise<Answer | null> {
    const { action, protocol } = rule
    const receiver = this.#namespace(to)
    const sender = rule.from === clients ? null : rule.from === 'any' ? [...this.#namespaces.values()].find(({ member }) => member !== to) ?? null : this.#namespace(rule.from)
    if (sender === null) return await this.#provokeFromHere(rule, receiver, port)
    const name = protocol === 'udp' ? 'udp' : 'tcp'
    switch (action.kind) {
      case 'drop': case 'reject': case 'reset':
        if (name === 'tcp') return await sender.agent.command('connect', port, connectTimeoutMs, receiver.address) as Answer
        await sender.agent.command('packet', name, 7006, port, 0, 1, receiver.address)
        return null
      case 'limit':
        await sender.agent.command('packet', name, 7006, port, 0, limitBurst(action.packetsPerS) * 3, receiver.address)
        return null
      case 'mtu':
        await sender.agent.command('packet', name, 7006, port, action.maxBytes + 1 - (name === 'udp' ? 28 : 40), 1, receiver.address)
        return null
      default: return action satisfies never
    }
  }

  /** Where to send what proves a rule: where no earlier rule takes it away. Null: there is no such port. */
  #provingPort(rule: FirewallRule, to: string, earlier: readonly FirewallRule[]): number | null {
    const { raft, http, gossip } = this.ports
    const isUdp = rule.protocol === 'udp'
    const fromHere = rule.from === clients
    // A published port is the only one that is reached from here.
    const candidates = fromHere && !this.#namespace(to).direct ? [http] : isUdp ? [probePort, gossip] : fromHere ? [http, probePort] : [raft, http, gossip, probePort]
    return provingPort(rule, earlier, candidates)
  }

  async #provokeFromHere({ protocol, action }: FirewallRule, { address, baseUrl, direct }: ReachableNamespace, port: number): Promise<Answer | null> {
    const published = new URL(baseUrl)
    const target = direct ? { host: address, port } : { host: published.hostname, port: Number(published.port) }
    if (protocol === 'udp') {
      await sendDatagrams(target, action.kind === 'limit' ? limitBurst(action.packetsPerS) * 3 : 1, action.kind === 'mtu' ? action.maxBytes + 1 : 1)
      return null
    }
    if (action.kind === 'limit') {
      await Promise.all(Array.from({ length: Math.max(clientLimitProbes, limitBurst(action.packetsPerS) * 2) }, () => tryConnection(target)))
      return null
    }
    return await tryConnection(target, action.kind === 'mtu' ? 4 * action.maxBytes : 0)
  }

  async #heal(number: number, byReceiver: ReadonlyMap<string, readonly StandingRule[]>, release: () => void): Promise<unknown> {
    await Promise.all([...byReceiver].map(async ([to, own]) => {
      const saved = await this.#namespace(to).run(removeScript(number, own.map(({ index }) => index)))
      if (hasRules(saved, number)) throw new Error(`its chains are still there at ${to}`)
    }))
    release()
    const observed: Record<string, unknown> = {}
    await Promise.all([...byReceiver].map(async ([to, own]) => {
      for (const { index, rule, port } of own) {
        const stops = rule.action.kind === 'drop' || rule.action.kind === 'reject' || rule.action.kind === 'reset'
        const { there, back } = this.#waysHeld(rule, to)
        if (!stops || rule.protocol === 'udp' || there || back) {
          observed[`${index + 1} at ${to}`] = 'removed'
          continue
        }
        // Whether somebody listens there is not the question: a refusal has come through too.
        let answer: Answer | null = 'timeout'
        for (let round = 0; round < proofRounds && answer === 'timeout'; round++) answer = await this.#provoke(rule, to, port)
        if (answer === 'timeout') throw new Error(`no answer through where ${describe(rule)} was at ${to}`)
        observed[`${index + 1} at ${to}`] = answer
      }
    }))
    return observed
  }

  /** Whether another fault may stop what would prove a rule, or the answer to it. */
  #waysHeld(rule: FirewallRule, to: string): { readonly there: boolean, readonly back: boolean } {
    const sender = rule.from === 'any' ? [...this.#namespaces.keys()].find((member) => member !== to) : rule.from
    if (sender === undefined) return { there: true, back: true }
    const held = (link: Link) => this.#holds.holds(link, trafficOf(rule, this.ports) ?? 'all', 'blocks', 'disturbs')
    return { there: held({ from: sender, to }), back: held({ from: to, to: sender }) }
  }

  async #count(number: number, index: number, to: string): Promise<number> {
    const count = actionCount(await this.#namespace(to).run(readCountersScript), number, index)
    if (count === null) throw new Error(`rule ${index + 1} is not there at ${to}`)
    return count
  }

  /** Tells other faults' probes of what they would meet. */
  #hold(rule: FirewallRule, to: string): () => void {
    const senders = rule.from === 'any' ? [clients, ...this.#namespaces.keys()].filter((member) => member !== to) : [rule.from]
    const traffic = rule.from === clients ? 'all' : trafficOf(rule, this.ports)
    if (traffic === null) return () => {}
    const links: Link[] = senders.map((from) => ({ from, to }))
    return this.#holds.hold(links, traffic, rule.action.kind === 'drop' || rule.action.kind === 'reject' || rule.action.kind === 'reset' ? 'blocks' : 'disturbs')
  }

  #namespace(member: string): ReachableNamespace {
    const namespace = this.#namespaces.get(member)
    if (namespace === undefined) throw new Error(`There is no member ${member}; there are ${[...this.#namespaces.keys()].join(', ')}`)
    return namespace
  }
}

/** The conversation whose probes a rule would stop; null for none. */
function trafficOf({ port }: FirewallRule, ports: SystemPorts): Traffic | null {
  if (port === null) return 'all'
  return trafficsOf(ports).find((traffic) => portsOf(traffic, ports)?.includes(port) === true) ?? null
}

/** Whether all that would prove a rule is stopped by an earlier one of the same call. */
export function shadows(earlier: FirewallRule, later: FirewallRule): boolean {
  const { kind } = earlier.action
  if (kind !== 'drop' && kind !== 'reject' && kind !== 'reset') return false
  // A rule for any protocol is proven with TCP.
  const [stopped, proven] = [kind === 'reset' ? 'tcp' : earlier.protocol, later.protocol === 'any' ? 'tcp' : later.protocol]
  return (earlier.from === 'any' || earlier.from === later.from) && (earlier.port === null || earlier.port === later.port) && (stopped === 'any' || stopped === proven)
}

/**
 * Of the ports that would do, the first that no earlier rule of the same call
 * has to itself: what is sent to prove a rule for all ports must not be stopped
 * by one for some port. Null: each is taken.
 */
export function provingPort(rule: FirewallRule, earlier: readonly FirewallRule[], candidates: readonly (number | null)[]): number | null {
  if (rule.port !== null) return rule.port
  const proven = rule.protocol === 'udp' ? 'udp' : 'tcp'
  const taken = new Set(earlier
    .filter(({ from, protocol }) => (from === 'any' || rule.from === 'any' || from === rule.from) && (protocol === 'any' || protocol === proven))
    .map(({ port }) => port))
  return candidates.find((port) => port !== null && !taken.has(port)) ?? null
}

/** A rule where it is in force. */
interface StandingRule {
  /** Of the call that brought it. */
  readonly number: number
  /** Among the rules of that call. */
  readonly index: number
  readonly rule: FirewallRule
  readonly to: string
  /** Where what proves it is sent. */
  readonly port: number
  /** Another fault, or an earlier rule, may stop everything before it gets here. */
  readonly blocked: boolean
}

function describe({ from, to, protocol, port, action }: FirewallRule): string {
  const how = action.kind === 'limit' ? `limit ${action.packetsPerS}/s` : action.kind === 'mtu' ? `mtu ${action.maxBytes}` : action.kind
  return `${how} ${protocol} ${from}→${to}${port === null ? '' : `:${port}`}`
}

interface Target {
  readonly host: string
  readonly port: number
}

/** What becomes of a TCP connection from this process, after so many bytes were written. */
function tryConnection(target: Target, bytes = 0): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(target)
    const end = (answer: Answer) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => end('timeout'), connectTimeoutMs)
    socket.on('connect', () => {
      if (bytes === 0) end('open')
      else socket.write(Buffer.alloc(bytes, 'x'))
    })
    socket.on('error', ({ code }: NodeJS.ErrnoException) => end(code === 'ECONNREFUSED' || code === 'ECONNRESET' ? 'refused' : 'unreachable'))
  })
}

async function sendDatagrams({ host, port }: Target, count: number, bytes: number): Promise<void> {
  const socket = createSocket('udp4')
  try {
    const data = Buffer.alloc(bytes)
    await Promise.all(Array.from({ length: count }, () => new Promise<void>((resolve) => socket.send(data, port, host, () => resolve()))))
  } finally {
    socket.close()
  }
}
