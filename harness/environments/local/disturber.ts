import { unreachable } from '../../../node/base/assert.ts'
import type { Disturbance, DisturbLinks, Effect, Link, Traffic } from '../capabilities.ts'
import { contradiction, isLate, oneByOne, onlyDatagrams, retransmittedMs, summaryOf, type ProbeSamples } from './disturbance-evidence.ts'
import { linkName, type Door, type Lane } from './lanes.ts'
import type { LinkProber, ProbedDoors } from './link-probe.ts'
import { ActiveHindrance, limitBurst, segmentBytes, type Hindrance } from './weather.ts'

/** Enough for chance to show itself, over all links together. */
const probesWanted = 150
const probesPerLinkMax = 60
const smallBytes = 64
const measureTimeoutMs = 2_000
/** Bandwidth is measured by a transfer that should take so long. */
const transferMs = 400
/** What is much slower than it should be, because members use up the most, may have come by then or not. */
const slowTimeoutMs = 4_000
/** Of a measurement that did not show what was asked for. */
const repeatsMax = 4
const healDeadlineMs = 10_000

export interface DisturberPorts {
  readonly prober: LinkProber
  readonly doors: readonly Door[]
  readonly lanes: (links: readonly Link[], traffic: Traffic) => readonly Lane[]
  readonly kinds: DisturbLinks['kinds']
  readonly traffics: readonly Traffic[]
  /** Leads what clients ask a member from now on through its door. Returns what ends that; once is enough. */
  readonly routeClients: (member: string) => () => void
}

/**
 * Loss, delay and the like on links, at the gates through which members' bytes
 * pass; measured by probes through the same doors. Duplicates and what comes out
 * of order are for datagrams: what is above the kernel's TCP never sees them.
 */
export class Disturber implements DisturbLinks {
  readonly kinds: DisturbLinks['kinds']
  readonly datagramKinds = ['duplicate', 'reorder'] as const
  readonly traffics: readonly Traffic[]
  readonly #ports: DisturberPorts

  constructor(ports: DisturberPorts) {
    this.#ports = ports
    this.kinds = ports.kinds
    this.traffics = ports.traffics
  }

  async disturb(links: readonly Link[], disturbance: Disturbance, traffic: Traffic): Promise<Effect> {
    if (!this.traffics.includes(traffic)) throw new Error(`The links of local members carry ${this.traffics.join(' and ')}; ${traffic} cannot be disturbed alone.`)
    const lanes = this.#ports.lanes(links, traffic)
    const hidden = this.datagramKinds.some((kind) => kind === disturbance.kind) && !lanes.some(({ protocol }) => protocol === 'udp')
    if (!this.kinds.includes(disturbance.kind) || hidden) throw new Error(onlyDatagrams(disturbance.kind))
    return await this.hinder(lanes, disturbance)
  }

  /** What clients ask members through their doors, and the answers. */
  async disturbClients(members: readonly string[], disturbance: Disturbance): Promise<Effect> {
    if (this.datagramKinds.some((kind) => kind === disturbance.kind)) throw new Error(onlyDatagrams(disturbance.kind))
    const lanes = this.#ports.doors.filter(({ link, conversation }) => conversation === 'client' && members.includes(link.to))
      .flatMap(({ ways }) => ways.flatMap(({ forward, backward }) => [forward, backward]))
    const routes = members.map((member) => this.#ports.routeClients(member))
    const direct = () => { for (const end of routes) end() }
    try {
      const { observed, heal } = await this.hinder(lanes, disturbance)
      return {
        observed,
        async heal() {
          const seen = await heal()
          direct()
          return seen
        },
      }
    } catch (error) {
      direct()
      throw error
    }
  }

  /**
   * What goes over these lanes; those of one link share the width of its wire, and what else is counted.
   * @param evenUnseen also where another fault lets no probe through to it; else that is refused
   */
  async hinder(lanes: readonly Lane[], hindrance: Hindrance, evenUnseen = false): Promise<Effect> {
    const id = Symbol(hindrance.kind)
    const perLink = new Map<string, ActiveHindrance>()
    for (const { link, gate } of lanes) {
      const active = perLink.get(linkName(link)) ?? new ActiveHindrance(hindrance)
      perLink.set(linkName(link), active)
      gate.disturb(id, active)
    }
    const calm = () => { for (const { gate } of lanes) gate.calm(id) }
    let observed: unknown
    try {
      // Lanes that nothing else holds tell the most.
      const open = this.#measurable(lanes)
      const alone = open.filter(({ gate }) => gate.disturbances === 1)
      if (open.length > 0) observed = await this.#prove(alone.length > 0 ? alone : open, hindrance, alone.length > 0)
      else if (evenUnseen) observed = { heldByAnotherFault: true }
      else throw new Error(`${hindrance.kind} cannot be seen: every one of its links is cut.`)
    } catch (error) {
      calm()
      throw error
    }
    return {
      observed,
      heal: async () => {
        calm()
        return await this.#proveCalm(lanes, hindrance)
      },
    }
  }

  /** What the probes met. Rejects where that is not what was asked for. */
  async #prove(lanes: readonly Lane[], hindrance: Hindrance, alone: boolean): Promise<unknown> {
    // A machine that stood still for a moment makes every probe late.
    for (let repeated = 0; ; repeated++) {
      const samples = await this.#measure(lanes, hindrance)
      const wrong = contradiction(hindrance, samples, alone)
      if (wrong === null) return summaryOf(samples)
      if (repeated === repeatsMax) throw new Error(`${hindrance.kind} on ${[...new Set(lanes.map(({ link }) => linkName(link)))].join(' ')} did not take effect: ${wrong}`)
    }
  }

  /** Those that probes go over first, and come out of. */
  #measurable(lanes: readonly Lane[]): Lane[] {
    return lanes.filter((lane) => !lane.answers && lane.gate.open && !(lane.protocol === 'tcp' && this.#doorOf(lane).proxy.tcp.refuses))
  }

  #doorOf(lane: Lane): Door {
    return this.#ports.doors.find(({ ways }) => ways.some(({ forward, backward }) => forward === lane || backward === lane))!
  }

  #probed(lanes: readonly Lane[]): ProbedDoors {
    const endpoints = (protocol: Lane['protocol']) => lanes.filter((lane) => lane.protocol === protocol).map((lane) => this.#doorOf(lane).proxy.endpoint)
    return { streams: endpoints('tcp'), datagrams: endpoints('udp') }
  }

  async #measure(lanes: readonly Lane[], hindrance: Hindrance): Promise<ProbeSamples> {
    const samples = await this.#probe(lanes, hindrance)
    // `--latency` is no part of it.
    const steadyMs = steadyDelayMs(lanes)
    return { ...samples, streams: samples.streams.map((sample) => sample.afterMs === null ? sample : { ...sample, afterMs: sample.afterMs - steadyMs }) }
  }

  async #probe(lanes: readonly Lane[], hindrance: Hindrance): Promise<ProbeSamples> {
    const doors = this.#probed(lanes)
    const steadyMs = 2 * steadyDelayMs(lanes)
    const count = Math.min(probesPerLinkMax, Math.ceil(probesWanted / Math.max(1, lanes.length)))
    const { prober } = this.#ports
    switch (hindrance.kind) {
      case 'bandwidth':
        return await prober.measure(doors, 1, Math.max(smallBytes, Math.ceil(hindrance.kbitPerS * transferMs / 8)), 30_000)
      case 'mtu': {
        const small = await prober.measure(doors, 2, Math.min(smallBytes, hindrance.maxBytes), measureTimeoutMs + steadyMs)
        const large = await prober.measure(doors, 2, hindrance.maxBytes + smallBytes, 2 * retransmittedMs + steadyMs)
        return { streams: [...small.streams, ...large.streams, ...small.datagrams === null ? [] : oneByOne(small.datagrams)], datagrams: large.datagrams }
      }
      case 'limit': {
        const burst = limitBurst(hindrance.packetsPerS)
        const packets = burst + Math.max(3, Math.ceil(hindrance.packetsPerS / 10))
        // One connection for each link: several would hold each other up.
        const streams = await prober.measure(this.#probed(onePerLink(lanes)), 1, packets * segmentBytes, slowTimeoutMs + steadyMs)
        const datagrams = await prober.measure({ ...doors, streams: [] }, 2 * packets, smallBytes, measureTimeoutMs)
        return { streams: streams.streams, datagrams: datagrams.datagrams }
      }
      case 'delay':
        return await prober.measure(doors, Math.min(count, 20), smallBytes, measureTimeoutMs + steadyMs + 2 * hindrance.delayMs)
      case 'duplicate':
      case 'reorder':
        return await prober.measure({ ...doors, streams: [] }, probesPerLinkMax, smallBytes, 0)
      case 'loss':
      case 'corrupt':
        // Sent again once, a segment has come: whoever waits for all of them waits for the unluckiest.
        return await prober.measure(doors, count, smallBytes, 2 * retransmittedMs + steadyMs)
      default: return unreachable(hindrance)
    }
  }

  /** Probes of the size that was hindered pass promptly, where nothing else holds the link. */
  async #proveCalm(lanes: readonly Lane[], hindrance: Hindrance): Promise<unknown> {
    const bytes = hindrance.kind === 'mtu' ? hindrance.maxBytes + smallBytes : smallBytes
    const deadlineMs = performance.now() + healDeadlineMs
    for (;;) {
      const checked = this.#measurable(lanes).filter(({ gate }) => gate.disturbances === 0)
      const samples = await this.#ports.prober.measure(this.#probed(checked), 5, bytes, measureTimeoutMs)
      const { streams, datagrams } = samples
      const steadyMs = steadyDelayMs(checked)
      const late = streams.filter((sample) => isLate({ ...sample, afterMs: sample.afterMs === null ? null : sample.afterMs - steadyMs })).length
      const lost = datagrams === null ? 0 : datagrams.sent - datagrams.arrived
      if (late + lost === 0) return { ...summaryOf(samples), links: new Set(checked.map(({ link }) => linkName(link))).size }
      if (performance.now() > deadlineMs) throw new Error(`${late} of ${streams.length} probes were still late or lost after ${hindrance.kind} had ended, and ${lost} datagrams were`)
    }
  }
}

/** Of TCP. */
function onePerLink(lanes: readonly Lane[]): readonly Lane[] {
  const streams = lanes.filter(({ protocol }) => protocol === 'tcp')
  return streams.filter(({ link }, at) => streams.findIndex((lane) => linkName(lane.link) === linkName(link)) === at)
}

/** `--latency` stays. */
function steadyDelayMs(lanes: readonly Lane[]): number {
  return Math.max(0, ...lanes.map(({ gate }) => gate.delayMs))
}
