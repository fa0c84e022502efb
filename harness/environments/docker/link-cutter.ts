import type { Cut, CutLinks, Link, Traffic } from '../environment.ts'
import { messageOf } from './engine.ts'
import {
  arrivedFrom, cutScript, droppedFrom, hasCut, healScript, parseCounters, probePort, probeScript, readCountersScript, watchPeersScript, type RuleCount,
} from './firewall.ts'
import { LinkHolds } from './link-holds.ts'
import type { SystemPorts } from '../deployment.ts'
import { consulPorts, probeSourcePort, trafficsOf } from './traffic.ts'

/** A member's network namespace, which outlives the member's process. */
export interface NetworkNamespace {
  readonly member: string
  /** IPv4 on the run's network. */
  readonly address: string
  /** Runs a bash script in it; see ControlShell. */
  run(script: string): Promise<string>
  /** What can send packets from a port of choice in it; see docker/packet-agent.py. Absent: all traffic is cut or none. */
  readonly agent?: { command(...words: readonly (string | number)[]): Promise<unknown> }
}

/** What a probe showed instead. */
interface Problem {
  readonly text: string
  /** Nothing was seen at all. */
  readonly silence: boolean
}

/** A probe is repeated until it shows what it should, at most so long. */
const defaultProofTimeoutMs = 5_000
const proofPauseMs = 20

/** Cuts links with firewall rules at their receiving end, and proves it. */
export class LinkCutter implements CutLinks {
  readonly #namespaces: ReadonlyMap<string, NetworkNamespace>
  readonly #proofTimeoutMs: number
  readonly #holds: LinkHolds
  readonly #ports: SystemPorts
  readonly traffics: readonly Traffic[]
  #nextNumber = 1

  constructor(namespaces: readonly NetworkNamespace[], holds = new LinkHolds(), proofTimeoutMs = defaultProofTimeoutMs, ports: SystemPorts = consulPorts) {
    this.#ports = ports
    this.#proofTimeoutMs = proofTimeoutMs
    this.#holds = holds
    this.traffics = namespaces.every(({ agent }) => agent !== undefined) ? trafficsOf(ports) : ['all']
    this.#namespaces = new Map(namespaces.map((namespace) => [namespace.member, namespace]))
  }

  /** Makes the rules that count arriving probes. Once, before the first cut. */
  async prepare(): Promise<void> {
    const all = [...this.#namespaces.values()]
    await Promise.all(all.map((own) => own.run(watchPeersScript(all.filter((peer) => peer !== own).map((peer) => peer.address)))))
  }

  async cut(links: readonly Link[], traffic: Traffic = 'all'): Promise<Cut> {
    if (!this.traffics.includes(traffic)) throw new Error(`${traffic} cannot be cut on its own here, only ${this.traffics.join(', ')}`)
    for (const { from, to } of links) {
      if (from === to) throw new Error(`${from} has no link to itself that could be cut`)
    }
    const number = this.#nextNumber++
    const unique = [...new Map(links.map((link) => [`${link.from} ${link.to}`, link])).values()]
    const release = this.#holds.hold(unique, traffic, 'blocks')
    let healing: Promise<void> | undefined
    // A healing that failed may be tried again.
    const heal = () => (healing ??= this.#heal(number, unique, traffic, release).catch((error: unknown) => {
      healing = undefined
      throw error
    }))
    try {
      const before = await this.#atReceivers(unique, (sources) => cutScript(number, sources, traffic, this.#ports))
      await this.#prove(unique, traffic, (link, counts) => this.#seemsCut(number, link, counts, before))
    } catch (error) {
      // Half a cut must not stay; what made it fail is what the reader needs.
      await heal().catch(() => {})
      throw new Error(`The cut of ${describe(unique)} could not be made: ${messageOf(error)}`, { cause: error })
    }
    return { heal }
  }

  async #heal(number: number, links: readonly Link[], traffic: Traffic, release: () => void): Promise<void> {
    const receivers = [...byReceiver(links).keys()]
    const before = new Map<string, readonly RuleCount[]>()
    try {
      await Promise.all(receivers.map(async (to) => {
        const saved = await this.#namespace(to).run(healScript(number))
        if (hasCut(saved, number)) throw new Error(`its chain is still there on ${to}`)
        before.set(to, parseCounters(saved))
      }))
      release()
      await this.#prove(links, traffic, (link, counts) => this.#seemsOpen(link, traffic, counts, before))
    } catch (error) {
      throw new Error(`The cut of ${describe(links)} could not be healed: ${messageOf(error)}`, { cause: error })
    }
  }

  /** Null, or what the probe showed instead. */
  #seemsCut(number: number, { from, to }: Link, counts: readonly RuleCount[], before: ReadonlyMap<string, readonly RuleCount[]>): Problem | null {
    const source = this.#namespace(from).address
    const arrived = arrivedFrom(counts, source) - arrivedFrom(before.get(to)!, source)
    if (arrived > 0) return { text: `${arrived} probes from ${from} still arrived at ${to}`, silence: false }
    const dropped = droppedFrom(counts, number, source)
    if (dropped === null) return { text: `${to} has no rule that drops what comes from ${from}`, silence: false }
    return dropped > 0 ? null : { text: `no probe from ${from} was dropped at ${to}`, silence: true }
  }

  /** Null, or what the probe showed instead. */
  #seemsOpen(link: Link, traffic: Traffic, counts: readonly RuleCount[], before: ReadonlyMap<string, readonly RuleCount[]>): Problem | null {
    const { from, to } = link
    if (this.#holds.holds(link, traffic, 'blocks')) return null
    const source = this.#namespace(from).address
    return arrivedFrom(counts, source) > arrivedFrom(before.get(to)!, source) ? null : { text: `no probe from ${from} arrived at ${to}`, silence: true }
  }

  /** Sends probes over the links until `judge` finds nothing wrong with any, or rejects with what is wrong. */
  async #prove(links: readonly Link[], traffic: Traffic, judge: (link: Link, counts: readonly RuleCount[]) => Problem | null): Promise<void> {
    const deadlineMs = performance.now() + this.#proofTimeoutMs
    let open = links
    while (open.length > 0) {
      await Promise.all([...bySender(open)].map(([from, targets]) => this.#probe(this.#namespace(from), targets.map((to) => this.#namespace(to).address), traffic)))
      const counts = await this.#atReceivers(open, () => readCountersScript)
      const wrong = open.flatMap((link) => {
        const problem = judge(link, counts.get(link.to)!)
        return problem === null ? [] : [{ link, problem }]
      })
      open = wrong.map(({ link }) => link)
      if (wrong.length > 0 && performance.now() >= deadlineMs) {
        // Where another fault loses or holds back packets, probes may never get here; the rules are as they should be.
        const failed = wrong.filter(({ link, problem }) => !(problem.silence && this.#holds.holds(link, traffic, 'disturbs')))
        if (failed.length > 0) throw new Error(failed.map(({ problem }) => problem.text).join(', '))
        open = []
      }
      if (open.length > 0) await new Promise((resolve) => setTimeout(resolve, proofPauseMs))
    }
  }

  /** Sends a packet to each address; of one conversation, one each of its protocols, from the conversation's port. */
  async #probe({ run, agent }: NetworkNamespace, addresses: readonly string[], traffic: Traffic): Promise<void> {
    if (traffic === 'all') await run(probeScript(addresses))
    else await Promise.all(addresses.flatMap((to) => ['udp', 'tcp'].map((protocol) => agent!.command('packet', protocol, probeSourcePort(traffic, this.#ports), probePort, 0, 1, to))))
  }

  /** Runs a script at each receiver, given its senders' addresses; the counters that each prints. */
  async #atReceivers(links: readonly Link[], script: (sources: readonly string[]) => string): Promise<Map<string, readonly RuleCount[]>> {
    return new Map(await Promise.all([...byReceiver(links)].map(async ([to, senders]) => {
      const printed = await this.#namespace(to).run(script(senders.map((from) => this.#namespace(from).address)))
      return [to, parseCounters(printed)] as const
    })))
  }

  #namespace(member: string): NetworkNamespace {
    const namespace = this.#namespaces.get(member)
    if (namespace === undefined) throw new Error(`There is no member ${member}; there are ${[...this.#namespaces.keys()].join(', ')}`)
    return namespace
  }
}

function byReceiver(links: readonly Link[]): Map<string, string[]> {
  return grouped(links.map(({ from, to }) => [to, from]))
}

function bySender(links: readonly Link[]): Map<string, string[]> {
  return grouped(links.map(({ from, to }) => [from, to]))
}

/** Values by key, in the order in which they came. */
export function grouped(pairs: readonly (readonly [string, string])[]): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const [key, value] of pairs) groups.set(key, [...groups.get(key) ?? [], value])
  return groups
}

function describe(links: readonly Link[]): string {
  return links.map(({ from, to }) => `${from}→${to}`).join(' ')
}
