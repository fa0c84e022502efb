import type { Disturbance, DisturbLinks, Effect, Link, Traffic } from '../capabilities.ts'
import { contradiction, onlyDatagrams, retransmittedMs, summaryOf, type ProbeSamples } from './disturbance-evidence.ts'
import type { Gate } from './gate.ts'
import type { LinkProber } from './link-probe.ts'
import type { LinkProxy } from './link-proxy.ts'

/** Enough for chance to show itself, over all links together. */
const probesWanted = 150
const probesPerLinkMax = 60
const smallBytes = 64
const measureTimeoutMs = 2_000
/** Bandwidth is measured by a transfer that should take so long. */
const transferMs = 400
/** Of a measurement that did not show what was asked for. */
const repeatsMax = 2
const healDeadlineMs = 10_000

export interface DisturberPorts {
  readonly prober: LinkProber
  readonly gate: (link: Link) => Gate
  readonly doors: (links: readonly Link[]) => readonly LinkProxy[]
}

/** Loss, delay and the like on links, at the gates through which members' bytes pass; measured by probes through the same doors. */
export class Disturber implements DisturbLinks {
  readonly kinds: DisturbLinks['kinds']
  readonly traffics: readonly Traffic[]
  readonly #ports: DisturberPorts

  /** @param datagrams the links carry some: only they can be doubled or overtake each other */
  constructor(ports: DisturberPorts, datagrams: boolean) {
    this.#ports = ports
    this.kinds = ['loss', 'delay', 'corrupt', 'bandwidth', 'mtu', ...datagrams ? ['duplicate', 'reorder'] as const : []]
    this.traffics = ['all']
  }

  async disturb(links: readonly Link[], disturbance: Disturbance, traffic: Traffic): Promise<Effect> {
    if (!this.traffics.includes(traffic)) throw new Error(`The links of local members carry ${this.traffics.join(' and ')}; ${traffic} cannot be disturbed alone.`)
    if (!this.kinds.includes(disturbance.kind)) throw new Error(onlyDatagrams(disturbance.kind))
    const id = Symbol(disturbance.kind)
    const gates = links.map((link) => this.#ports.gate(link))
    for (const gate of gates) gate.disturb(id, disturbance)
    const calm = () => { for (const gate of gates) gate.calm(id) }
    let samples: ProbeSamples
    try {
      // Links that nothing else holds tell the most.
      const open = links.filter((link) => this.#ports.gate(link).open)
      const alone = open.filter((link) => this.#ports.gate(link).disturbances === 1)
      const measured = alone.length > 0 ? alone : open
      if (measured.length === 0) throw new Error(`${disturbance.kind} cannot be seen: every one of its links is cut.`)
      samples = await this.#measure(measured, disturbance)
      let wrong = contradiction(disturbance, samples, alone.length > 0)
      // A machine that stood still for a moment makes every probe late.
      for (let again = 1; wrong !== null && again <= repeatsMax; again++) {
        samples = await this.#measure(measured, disturbance)
        wrong = contradiction(disturbance, samples, alone.length > 0)
      }
      if (wrong !== null) throw new Error(`${disturbance.kind} on ${links.map(({ from, to }) => `${from}>${to}`).join(' ')} did not take effect: ${wrong}`)
    } catch (error) {
      calm()
      throw error
    }
    return {
      observed: summaryOf(samples),
      heal: async () => {
        calm()
        return await this.#proveCalm(links, disturbance)
      },
    }
  }

  async #measure(links: readonly Link[], disturbance: Disturbance): Promise<ProbeSamples> {
    const samples = await this.#probe(links, disturbance)
    // `--latency` is no part of it.
    const steadyMs = steadyDelayMs(links, this.#ports.gate)
    return { ...samples, streams: samples.streams.map(({ bytes, afterMs }) => ({ bytes, afterMs: afterMs === null ? null : afterMs - steadyMs })) }
  }

  async #probe(links: readonly Link[], disturbance: Disturbance): Promise<ProbeSamples> {
    const doors = this.#ports.doors(links)
    const steadyMs = 2 * steadyDelayMs(links, this.#ports.gate)
    const count = Math.min(probesPerLinkMax, Math.ceil(probesWanted / Math.max(1, doors.length)))
    const { prober } = this.#ports
    switch (disturbance.kind) {
      case 'bandwidth':
        return await prober.measure(doors, 1, Math.max(smallBytes, Math.ceil(disturbance.kbitPerS * transferMs / 8)), 30_000)
      case 'mtu': {
        const small = await prober.measure(doors, 2, Math.min(smallBytes, disturbance.maxBytes), measureTimeoutMs + steadyMs)
        const large = await prober.measure(doors, 2, disturbance.maxBytes + smallBytes, 2 * retransmittedMs + steadyMs)
        return { streams: [...small.streams, ...large.streams], datagrams: null }
      }
      case 'delay':
        return await prober.measure(doors, Math.min(count, 20), smallBytes, measureTimeoutMs + steadyMs + 2 * disturbance.delayMs)
      case 'loss':
      case 'corrupt':
      case 'duplicate':
      case 'reorder':
        // Sent again once, a segment has come: whoever waits for all of them waits for the unluckiest.
        return await prober.measure(doors, count, smallBytes, 2 * retransmittedMs + steadyMs)
    }
  }

  /** Probes of the size that was hindered pass promptly, where nothing else holds the link. */
  async #proveCalm(links: readonly Link[], disturbance: Disturbance): Promise<unknown> {
    const free = () => links.filter((link) => this.#ports.gate(link).open && this.#ports.gate(link).disturbances === 0)
    const bytes = disturbance.kind === 'mtu' ? disturbance.maxBytes + smallBytes : smallBytes
    const deadlineMs = performance.now() + healDeadlineMs
    for (;;) {
      const checked = free()
      const samples = await this.#ports.prober.measure(this.#ports.doors(checked), 5, bytes, measureTimeoutMs)
      const late = samples.streams.filter(({ afterMs }) => afterMs === null || afterMs >= retransmittedMs + steadyDelayMs(checked, this.#ports.gate)).length
      if (late === 0) return { ...summaryOf(samples), links: checked.length }
      if (performance.now() > deadlineMs) throw new Error(`${late} of ${samples.streams.length} probes were still late or lost after ${disturbance.kind} had ended`)
    }
  }
}

/** `--latency` stays. */
function steadyDelayMs(links: readonly Link[], gate: (link: Link) => Gate): number {
  return Math.max(0, ...links.map((link) => gate(link).delayMs))
}
