import { seededRandom, type Random } from '../../../node/base/random.ts'
import type { Cut, CutLinks, Link, ShapeLinks } from '../environment.ts'
import { Disturber } from './disturber.ts'
import { Gate } from './gate.ts'
import { LinkProber, type Probe } from './link-probe.ts'
import { LinkProxy } from './link-proxy.ts'
import type { Endpoint } from './tcp-relay.ts'

/** A port on which members hear each other. */
export interface Service {
  readonly endpoint: Endpoint
  /** Hears datagrams too, on the same port. */
  readonly udp: boolean
}

export interface FabricMember {
  readonly name: string
  readonly services: readonly Service[]
}

/** A probe of a cut link must not have passed for this long after a later exchange has; added to the link's delay. */
const silenceMs = 20

interface Door {
  readonly link: Link
  readonly service: Service
  readonly proxy: LinkProxy
}

/**
 * All links between members: a gate for each directed link, and for each link
 * and service a door that the sender dials instead of the receiver. Every door
 * forwards to a member's own address; bytes that come back over a dialled
 * connection belong to the opposite link and pass its gate.
 */
export class LinkFabric implements CutLinks, ShapeLinks {
  readonly #gates = new Map<string, Gate>()
  readonly #doors: Door[] = []
  readonly #prober: LinkProber
  readonly disturber: Disturber

  readonly #probeDeadlineMs: number

  private constructor(prober: LinkProber, probeDeadlineMs: number, datagrams: boolean) {
    this.#prober = prober
    this.disturber = new Disturber({
      prober,
      gate: (link) => this.#gate(link),
      doors: (links) => this.#doors.filter(({ link }) => links.some((one) => keyOf(one) === keyOf(link))).map(({ proxy }) => proxy),
    }, datagrams)
    this.#probeDeadlineMs = probeDeadlineMs
  }

  /**
   * @param host address on which the doors listen
   * @param random for loss, jitter and the like
   * @param probeDeadlineMs a link that does not pass a probe for so long after healing has not healed
   */
  static async open(members: readonly FabricMember[], host: string, probeDeadlineMs = 5_000, random: Random = seededRandom(0)): Promise<LinkFabric> {
    const datagrams = members.some(({ services }) => services.some(({ udp }) => udp))
    const fabric = new LinkFabric(await LinkProber.open(host), probeDeadlineMs, datagrams)
    const { mark: probeMark, echo: probeTarget } = fabric.#prober
    try {
      const pairs = members.flatMap((from) => members.filter((to) => to !== from).map((to) => ({ from, to })))
      for (const { from, to } of pairs) fabric.#gates.set(keyOf({ from: from.name, to: to.name }), new Gate(random.split(`link ${from.name} ${to.name}`)))
      for (const { from, to } of pairs) {
        const link = { from: from.name, to: to.name }
        const forward = fabric.#gate(link)
        const backward = fabric.#gate(opposite(link))
        for (const service of to.services) {
          const proxy = await LinkProxy.open({ host, target: service.endpoint, udp: service.udp, forward, backward, probeMark, probeTarget })
          fabric.#doors.push({ link, service, proxy })
        }
      }
      return fabric
    } catch (error) {
      fabric.close()
      throw error
    }
  }

  /** For one member: each other member's advertised `host:port`, and the door to dial instead. */
  dialMap(from: string): Record<string, string> {
    const map: Record<string, string> = {}
    for (const { link, service, proxy } of this.#doors) {
      if (link.from === from) map[textOf(service.endpoint)] = textOf(proxy.endpoint)
    }
    return map
  }

  /** Links over which no member has made a connection yet. */
  unusedLinks(): Link[] {
    return this.#doors.filter(({ proxy }) => proxy.acceptedConnections === 0).map(({ link }) => link)
  }

  async cut(links: readonly Link[]): Promise<Cut> {
    const id = Symbol('cut')
    const gates = links.map((link) => this.#gate(link))
    for (const gate of gates) gate.cut(id)
    const open = () => { for (const gate of gates) gate.heal(id) }
    try {
      await this.#proveSilence(links)
    } catch (error) {
      open()
      throw error
    }
    return {
      heal: async () => {
        open()
        await this.#provePassage(links)
      },
    }
  }

  async delayAll(delayMs: number): Promise<void> {
    if (!(delayMs >= 0)) throw new RangeError(`a delay of ${delayMs} ms is not possible`)
    for (const gate of this.#gates.values()) gate.delay(delayMs)
  }

  /** Ends every connection at once; gates stay as they are. */
  close(): void {
    for (const { proxy } of this.#doors) proxy.close()
    this.#prober.close()
  }

  #gate(link: Link): Gate {
    const gate = this.#gates.get(keyOf(link))
    if (gate === undefined) throw new RangeError(`there is no link ${keyOf(link)}`)
    return gate
  }

  /** Probes on every door that leads over one of these links, there or back. The caller closes them. */
  #probe(links: readonly Link[]): SentProbe[] {
    const keys = new Set(links.flatMap((link) => [keyOf(link), keyOf(opposite(link))]))
    return this.#doors.filter(({ link }) => keys.has(keyOf(link))).flatMap(({ link, proxy }) => {
      const seenBefore = proxy.probesSeen
      const probes = this.#prober.probe(proxy)
      return probes.map((probe) => ({ link, probe, entered: () => proxy.probesSeen >= seenBefore + probes.length }))
    })
  }

  /** Every probe has entered its door, and none has passed a link that is cut; nor has a byte of a member. */
  async #proveSilence(links: readonly Link[]): Promise<void> {
    const gates = links.map((link) => ({ link, gate: this.#gate(link) }))
    const passedBefore = gates.map(({ gate }) => gate.passedBytes)
    const sent = this.#probe(links)
    try {
      await until(() => sent.every(({ entered }) => entered()), this.#probeDeadlineMs, () => 'a probe could not be sent: the proxy of a link does not answer')
      const delayMs = Math.max(0, ...[...this.#gates.values()].map((gate) => gate.delayMs))
      await new Promise((resolve) => setTimeout(resolve, silenceMs + 2 * delayMs))
      await this.#prober.control()
      const cut = new Set(links.map(keyOf))
      for (const { link, probe } of sent) {
        if (cut.has(keyOf(link)) && probe.arrived) throw new Error(`the cut of ${keyOf(link)} has failed: a probe has passed it`)
        if (cut.has(keyOf(opposite(link))) && probe.returned) throw new Error(`the cut of ${keyOf(opposite(link))} has failed: the echo of a probe has passed it`)
      }
      gates.forEach(({ link, gate }, i) => {
        if (gate.passedBytes !== passedBefore[i]) throw new Error(`the cut of ${keyOf(link)} has failed: ${gate.passedBytes - passedBefore[i]!} bytes of members have passed it`)
      })
    } finally {
      for (const { probe } of sent) probe.close()
    }
  }

  /** A probe passes every link that no cut holds any more. */
  async #provePassage(links: readonly Link[]): Promise<void> {
    const sent = this.#probe(links)
    const pending = () => sent.filter(({ link, probe }) => {
      const there = this.#gate(link).open
      const back = this.#gate(opposite(link)).open
      return there && !(probe.arrived && (probe.returned || !back))
    })
    try {
      await until(() => pending().length === 0, this.#probeDeadlineMs, () =>
        `links do not pass again after healing: ${[...new Set(pending().map(({ link }) => keyOf(link)))].join(', ')}`)
    } finally {
      for (const { probe } of sent) probe.close()
    }
  }
}

interface SentProbe {
  /** Of the door. */
  readonly link: Link
  readonly probe: Probe
  readonly entered: () => boolean
}

async function until(condition: () => boolean, deadlineMs: number, failure: () => string): Promise<void> {
  const endMs = performance.now() + deadlineMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(failure())
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

const keyOf = (link: Link) => `${link.from}→${link.to}`
const opposite = ({ from, to }: Link): Link => ({ from: to, to: from })
const textOf = ({ host, port }: Endpoint) => `${host}:${port}`
