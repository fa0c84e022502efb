import type { SystemPorts } from '../deployment.ts'
import type { Disturbance, DisturbLinks, Effect, Link, ShapeLinks, Traffic } from '../environment.ts'
import { calmPlan, measure, planOfRound, probePlan, seemsCalm, seemsDisturbed, type HeardProbe, type LinkMeasure, type ProbePlan } from './disturbance-proof.ts'
import { messageOf } from './engine.ts'
import { grouped, type NetworkNamespace } from './link-cutter.ts'
import { LinkHolds } from './link-holds.ts'
import { bandsMax, isCalm, netemArguments, netemCalmScript, netemFeatureScript, netemScript } from './netem.ts'
import type { PacketAgent } from './packet-agent.ts'
import { agentWords, calmScript, disturbScript, packetFeaturesScript, parsePacketFeatures, ruleTarget, setUpPacketsScript, type PacketFeature } from './packet-rules.ts'
import { consulPorts, probeSourcePort, trafficsOf } from './traffic.ts'

/** A namespace with a program in it that can hold, change and measure packets. */
export interface AgentNamespace extends NetworkNamespace {
  readonly agent: Pick<PacketAgent, 'command'>
}

/** Probes are repeated until they show what they should, at most so often: chance and a busy machine may spoil one round. */
const proofRounds = 6
const heardPollMs = 40
/** The largest datagram that leaves in one piece. */
const mtuProbeMax = 1500
/** No test needs a longer line than two seconds, and probes must wait for it. */
const delayMsMax = 10_000

/** Stands for all who are no members. */
const clients = 'clients'
const anybody = '0.0.0.0/0'

const ruleKinds = ['loss', 'mtu'] as const
const agentKinds = ['loss', 'delay', 'duplicate', 'reorder', 'corrupt', 'bandwidth'] as const

/** Disturbs packets on links where they arrive, and proves it with probes of its own. */
export class LinkDisturber implements DisturbLinks, ShapeLinks {
  readonly kinds: readonly Disturbance['kind'][]
  readonly traffics: readonly Traffic[]
  readonly #ports: SystemPorts
  /** Why some kinds are not among `kinds`. */
  readonly missing: Readonly<Record<PacketFeature, string | null>>
  readonly #namespaces: ReadonlyMap<string, AgentNamespace>
  readonly #holds: LinkHolds
  readonly #randomInt: (count: number) => number
  readonly #opened = new Map<string, Promise<unknown>>()
  /** Bands in use at each sender. */
  readonly #bands = new Map<string, Set<number>>()
  readonly #netem: boolean
  #nextNumber = 1
  #nextToken = 1

  private constructor(namespaces: readonly AgentNamespace[], holds: LinkHolds, missing: Record<PacketFeature, string | null>, randomInt: (count: number) => number, ports: SystemPorts, netem: boolean) {
    this.#ports = ports
    this.#netem = netem
    this.traffics = trafficsOf(ports)
    this.#namespaces = new Map(namespaces.map((namespace) => [namespace.member, namespace]))
    this.#holds = holds
    this.missing = missing
    this.#randomInt = randomInt
    const able = new Set<Disturbance['kind']>([
      ...ruleKinds.filter((kind) => (kind === 'loss' ? missing.statistic : missing.length) === null),
      ...missing.nfqueue === null || netem ? agentKinds : [],
    ])
    this.kinds = [...able]
  }

  /** Makes the chains and tries what the kernel offers. @param randomInt below `count`; the chance of what happens to packets. */
  static async prepare(namespaces: readonly AgentNamespace[], holds: LinkHolds, randomInt: (count: number) => number, ports: SystemPorts = consulPorts): Promise<LinkDisturber> {
    await Promise.all(namespaces.map(({ run }) => run(setUpPacketsScript)))
    const features = parsePacketFeatures(await namespaces[0]!.run(packetFeaturesScript))
    // A rule that is accepted does not show that a program can be its end.
    const missing = features.nfqueue === null
      ? { ...features, nfqueue: await namespaces[0]!.agent.command('open').then(() => null, messageOf) }
      : features
    const netem = missing.nfqueue !== null && / works/.test(await namespaces[0]!.run(netemFeatureScript))
    return new LinkDisturber(namespaces, holds, missing, randomInt, ports, netem)
  }

  async disturb(links: readonly Link[], disturbance: Disturbance, traffic: Traffic): Promise<Effect> {
    this.#check(links, disturbance)
    return await this.#begin(links, disturbance, traffic, links)
  }

  /** What arrives at the port for clients, from anybody; other members send the probes. */
  async disturbClients(members: readonly string[], disturbance: Disturbance): Promise<Effect> {
    const probed = members.map((to) => ({ from: [...this.#namespaces.keys()].find((member) => member !== to) ?? to, to }))
    this.#check(probed, disturbance)
    return await this.#begin(probed, disturbance, clients, members.map((to) => ({ from: clients, to })))
  }

  /** @param links over which probes go; @param held what other faults' probes would meet */
  async #begin(links: readonly Link[], disturbance: Disturbance, traffic: Traffic | 'clients', held: readonly Link[]): Promise<Effect> {
    const number = this.#nextNumber++
    const unique = [...new Map(links.map((link) => [`${link.from} ${link.to}`, link])).values()]
    const way = this.#wayOf(disturbance)
    if (traffic === clients && way.kind === 'netem') throw new Error(`${disturbance.kind} of what clients ask needs NFQUEUE: ${this.missing.nfqueue}`)
    const what = `${disturbance.kind} on ${unique.map(({ from, to }) => `${from}→${to}`).join(' ')}`
    const release = this.#holds.hold(held, traffic === clients ? 'all' : traffic, 'disturbs')
    let healed = false
    const heal = async () => {
      if (healed) return null
      try {
        const seen = await this.#heal(number, unique, traffic, way, release)
        healed = true
        return seen
      } catch (error) {
        throw new Error(`${what} could not be healed: ${messageOf(error)}`, { cause: error })
      }
    }
    try {
      if (way.kind === 'netem') await this.#queueAtSenders(number, unique, traffic as Traffic, way)
      else await Promise.all([...grouped(unique.map(({ from, to }) => [to, from]))].map(async ([to, senders]) => {
        const namespace = this.#namespace(to)
        const sources = traffic === clients ? [anybody] : senders.map((from) => this.#namespace(from).address)
        if (way.kind === 'agent') {
          await this.#open(namespace)
          for (const source of sources) await namespace.agent.command('add', key(number, source), source, portsWord(traffic, this.#ports), ...agentWords(disturbance))
        }
        await namespace.run(disturbScript(number, sources, traffic, way.kind === 'rule' ? way.target : null, this.#ports))
      }))
      const observed = await this.#prove(unique, traffic, probePlan(disturbance), (seen) => seemsDisturbed(disturbance, seen), number, way)
      return { observed, heal }
    } catch (error) {
      await heal().catch(() => {})
      throw new Error(`${what} could not be brought about: ${messageOf(error)}`, { cause: error })
    }
  }

  /** On every link there is; for the whole run, so without a way back. */
  async delayAll(delayMs: number): Promise<void> {
    const members = [...this.#namespaces.keys()]
    const links = members.flatMap((from) => members.filter((to) => to !== from).map((to) => ({ from, to })))
    if (links.length > 0) await this.disturb(links, { kind: 'delay', delayMs, jitterMs: 0, distribution: 'uniform' }, 'all')
  }

  #wayOf(disturbance: Disturbance): Way {
    const target = ruleTarget(disturbance, this.missing)
    if (target !== null) return { kind: 'rule', target }
    const words = this.#netem ? netemArguments(disturbance) : null
    return words === null ? { kind: 'agent' } : { kind: 'netem', words, bands: new Map() }
  }

  async #queueAtSenders(number: number, links: readonly Link[], traffic: Traffic, { words, bands }: Way & { kind: 'netem' }): Promise<void> {
    await Promise.all([...grouped(links.map(({ from, to }) => [from, to]))].map(async ([from, receivers]) => {
      const used = this.#bands.get(from) ?? new Set()
      this.#bands.set(from, used)
      const band = Array.from({ length: bandsMax - 1 }, (_, at) => at + 2).find((free) => !used.has(free))
      if (band === undefined) throw new Error(`${from} has ${used.size} queues already, and no more bands`)
      used.add(band)
      bands.set(from, band)
      const destinations = receivers.map((to) => this.#namespace(to).address)
      await this.#namespace(from).run(netemScript({ number, band, destinations, traffic, arguments: words }, this.#ports))
    }))
  }

  async #clearSenders(number: number, { bands }: Way & { kind: 'netem' }): Promise<void> {
    await Promise.all([...bands].map(async ([from, band]) => {
      const left = await this.#namespace(from).run(netemCalmScript(number, band))
      if (!isCalm(left, band)) throw new Error(`a queue is left at ${from}: ${left.trim()}`)
      bands.delete(from)
      this.#bands.get(from)?.delete(band)
    }))
  }

  #check(links: readonly Link[], disturbance: Disturbance): void {
    if (!this.kinds.includes(disturbance.kind)) throw new Error(`${disturbance.kind} of packets does not work here`)
    for (const { from, to } of links) {
      if (from === to) throw new Error(`${from} has no link to itself that could be disturbed`)
      this.#namespace(from)
      this.#namespace(to)
    }
    if (disturbance.kind === 'mtu' && (disturbance.maxBytes < 128 || disturbance.maxBytes >= mtuProbeMax)) {
      throw new Error(`An MTU of ${disturbance.maxBytes} bytes cannot be shown here: 128 to ${mtuProbeMax - 1}`)
    }
    if (disturbance.kind === 'delay' && disturbance.delayMs > delayMsMax) throw new Error(`A delay of ${disturbance.delayMs} ms is more than ${delayMsMax}`)
    if (disturbance.kind === 'loss' && disturbance.burstLength > 1 && this.missing.nfqueue !== null && !this.#netem) throw new Error(`Losses in bursts need NFQUEUE: ${this.missing.nfqueue}`)
  }

  async #heal(number: number, links: readonly Link[], traffic: Traffic | 'clients', way: Way, release: () => void): Promise<unknown> {
    if (way.kind === 'netem') await this.#clearSenders(number, way)
    else await Promise.all([...grouped(links.map(({ from, to }) => [to, from]))].map(async ([to, senders]) => {
      const { run, agent } = this.#namespace(to)
      await run(calmScript(number, way.kind === 'rule' ? way.target : null))
      if (way.kind === 'agent') for (const source of traffic === clients ? [anybody] : senders.map((from) => this.#namespace(from).address)) await agent.command('remove', key(number, source))
    }))
    release()
    return await this.#prove(links, traffic, calmPlan, seemsCalm)
  }

  /**
   * Measures links until each shows what it should; the measures by link. A link
   * that another fault holds cannot be measured: there the agent's count of packets must grow, or nothing is said.
   */
  async #prove(
    links: readonly Link[], traffic: Traffic | 'clients', plan: ProbePlan, problemOf: (seen: LinkMeasure) => string | null, number?: number, way?: Way,
  ): Promise<Record<string, unknown>> {
    const observed: Record<string, unknown> = {}
    let open = links
    for (let round = 1; open.length > 0; round++) {
      const seen = await this.#measure(open, traffic, planOfRound(plan, round))
      const wrong: { readonly link: Link, readonly reason: string }[] = []
      for (const link of open) {
        const name = `${link.from}>${link.to}`
        const measured = seen.get(name)!
        const reason = problemOf(measured)
        observed[name] = measured
        if (reason === null) continue
        if (!this.#isMuddled(link, traffic, number !== undefined)) wrong.push({ link, reason: `${name}: ${reason}` })
        else if (number !== undefined && way?.kind === 'agent') {
          const counts = await this.#namespace(link.to).agent.command('counts', key(number, traffic === clients ? anybody : this.#namespace(link.from).address)) as [number, number]
          observed[name] = { packetsSeen: counts[0], packetsTouched: counts[1], heldByAnotherFault: true }
          if (counts[0] === 0) wrong.push({ link, reason: `${name}: no packet has met it` })
        } else observed[name] = { ...measured, heldByAnotherFault: true }
      }
      if (wrong.length > 0 && round >= proofRounds) throw new Error(wrong.map(({ reason }) => reason).join('; '))
      open = wrong.map(({ link }) => link)
    }
    return observed
  }

  /** Whether another fault spoils what a probe of this link shows. */
  #isMuddled(link: Link, traffic: Traffic | 'clients', ownHold: boolean): boolean {
    // What holds all of a link holds the probes of clients' traffic too.
    if (traffic === clients) return this.#holds.count(link, 'all') > 0
    return this.#holds.holds(link, traffic, 'blocks') || this.#holds.count(link, traffic) > (ownHold ? 1 : 0)
  }

  async #measure(links: readonly Link[], traffic: Traffic | 'clients', plan: ProbePlan): Promise<Map<string, LinkMeasure>> {
    const token = this.#nextToken++
    const senders = grouped(links.map(({ from, to }) => [from, to]))
    const receivers = grouped(links.map(({ from, to }) => [to, from]))
    const heard = new Map<string, HeardProbe[]>()
    await Promise.all([...receivers.keys()].map((to) => this.#namespace(to).agent.command('listen', token)))
    await Promise.all([...senders].map(([from, targets]) => this.#namespace(from).agent.command(
      'send', token, probeSourcePort(traffic, this.#ports), plan.count, plan.spacingMs, plan.sizeBytes, ...targets.map((to) => this.#namespace(to).address))))
    const endMs = performance.now() + plan.count * plan.spacingMs + plan.latestMs
    // Once more after the last: a second copy of it may be on its way.
    let complete = false
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, heardPollMs))
      const late = performance.now() >= endMs
      await Promise.all([...receivers].map(async ([to, froms]) => {
        const probes = await this.#namespace(to).agent.command('heard', token) as [string, number, number, 0 | 1][]
        for (const from of froms) {
          const { address } = this.#namespace(from)
          heard.set(`${from}>${to}`, probes.filter(([sender]) => sender === address)
            .map(([, sequence, delayUs, intact]) => ({ sequence, delayMs: delayUs / 1000, intact: intact === 1 })))
        }
      }))
      if (late || complete) break
      complete = links.every(({ from, to }) => new Set(heard.get(`${from}>${to}`)!.map(({ sequence }) => sequence)).size >= plan.count)
    }
    await Promise.all([...receivers.keys()].map((to) => this.#namespace(to).agent.command('forget', token)))
    return new Map(links.map(({ from, to }) => [`${from}>${to}`, measure(plan.count, plan.sizeBytes, heard.get(`${from}>${to}`)!)]))
  }

  #open({ member, agent }: AgentNamespace): Promise<unknown> {
    let opening = this.#opened.get(member)
    if (opening === undefined) {
      const seed = this.#randomInt(2 ** 31)
      opening = agent.command('open').then(() => agent.command('seed', seed))
      this.#opened.set(member, opening)
      opening.catch(() => this.#opened.delete(member))
    }
    return opening
  }

  #namespace(member: string): AgentNamespace {
    const namespace = this.#namespaces.get(member)
    if (namespace === undefined) throw new Error(`There is no member ${member}; there are ${[...this.#namespaces.keys()].join(', ')}`)
    return namespace
  }
}

/** How a disturbance is made. */
type Way =
  | { readonly kind: 'rule', readonly target: string }
  | { readonly kind: 'agent' }
  /** `bands`: by sender. */
  | { readonly kind: 'netem', readonly words: string, readonly bands: Map<string, number> }

/** Of the agent, which has one disturbance for each source. */
function key(number: number, source: string): string {
  return `${number}-${source}`
}

function portsWord(traffic: Traffic | 'clients', ports: SystemPorts): string {
  return traffic === 'all' ? '*' : String(probeSourcePort(traffic, ports))
}
