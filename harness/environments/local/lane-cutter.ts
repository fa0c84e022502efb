import type { Cut } from '../capabilities.ts'
import { laneName, linkName, type Door, type Lane, type Way } from './lanes.ts'
import type { LinkProber, Probe } from './link-probe.ts'

/** A probe of a cut lane must not have passed for this long after a later exchange has; added to the lane's delay. */
const silenceMs = 20

interface SentProbe {
  readonly way: Way
  readonly door: Door
  readonly probe: Probe
  readonly entered: () => boolean
}

/** Shuts the gates of lanes, and opens them; proves both by probes through their doors. */
export class LaneCutter {
  readonly #prober: LinkProber
  readonly #doors: readonly Door[]
  readonly #probeDeadlineMs: number

  constructor(prober: LinkProber, doors: readonly Door[], probeDeadlineMs: number) {
    this.#prober = prober
    this.#doors = doors
    this.#probeDeadlineMs = probeDeadlineMs
  }

  async cut(lanes: readonly Lane[]): Promise<Cut> {
    const id = Symbol('cut')
    for (const { gate } of lanes) gate.cut(id)
    const open = () => { for (const { gate } of lanes) gate.heal(id) }
    try {
      await this.#proveSilence(lanes)
    } catch (error) {
      open()
      throw error
    }
    return {
      heal: async () => {
        open()
        await this.provePassage(lanes)
      },
    }
  }

  /** A probe passes each of these that nothing holds any more. */
  async provePassage(lanes: readonly Lane[]): Promise<void> {
    const sent = this.#probe(lanes)
    const pending = () => sent.filter(({ way: { forward, backward }, door, way, probe }) =>
      !refuses(door, way) && forward.gate.open && !(probe.arrived && (probe.returned || !backward.gate.open)))
    try {
      await until(() => pending().length === 0, this.#probeDeadlineMs, () =>
        `links do not pass again after healing: ${[...new Set(pending().map(({ way }) => laneName(way.forward)))].join(', ')}`)
    } finally {
      for (const { probe } of sent) probe.close()
    }
  }

  /** Probes by each way that leads over one of these lanes, there or back. The caller closes them. */
  #probe(lanes: readonly Lane[]): SentProbe[] {
    const touched = new Set(lanes)
    return this.#doors.flatMap((door) => door.ways.filter(({ forward, backward }) => touched.has(forward) || touched.has(backward))
      // Who is refused there sends nothing that could pass.
      .filter((way) => !refuses(door, way))
      .map((way) => {
        const relay = way.protocol === 'tcp' ? door.proxy.tcp : door.proxy.udp!
        const seenBefore = relay.probesSeen
        return { way, door, probe: this.#prober.probe(door.proxy.endpoint, way.protocol), entered: () => relay.probesSeen > seenBefore }
      }))
  }

  /** Every probe has entered its door, and none has passed a lane that is cut; nor has a byte of a member. */
  async #proveSilence(lanes: readonly Lane[]): Promise<void> {
    const passedBefore = lanes.map(({ gate }) => gate.passedBytes)
    const sent = this.#probe(lanes)
    try {
      await until(() => sent.every(({ entered, door, way }) => entered() || refuses(door, way)), this.#probeDeadlineMs, () => 'a probe could not be sent: the proxy of a link does not answer')
      const delayMs = Math.max(0, ...this.#doors.flatMap(({ ways }) => ways.flatMap(({ forward, backward }) => [forward.gate.delayMs, backward.gate.delayMs])))
      await new Promise((resolve) => setTimeout(resolve, silenceMs + 2 * delayMs))
      await this.#prober.control()
      const cut = new Set(lanes)
      for (const { way: { forward, backward }, probe } of sent) {
        if (cut.has(forward) && probe.arrived) throw new Error(`the cut of ${linkName(forward.link)} has failed: a probe has passed it (${laneName(forward)})`)
        if (cut.has(backward) && probe.returned) throw new Error(`the cut of ${linkName(backward.link)} has failed: the echo of a probe has passed it (${laneName(backward)})`)
      }
      lanes.forEach(({ link, gate }, i) => {
        if (gate.passedBytes !== passedBefore[i]) throw new Error(`the cut of ${linkName(link)} has failed: ${gate.passedBytes - passedBefore[i]!} bytes of members have passed it`)
      })
    } finally {
      for (const { probe } of sent) probe.close()
    }
  }
}

/** Nobody listens at this door. */
function refuses(door: Door, { protocol }: Way): boolean {
  return protocol === 'tcp' && door.proxy.tcp.refuses
}

async function until(condition: () => boolean, deadlineMs: number, failure: () => string): Promise<void> {
  const endMs = performance.now() + deadlineMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(failure())
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
