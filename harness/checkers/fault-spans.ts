/**
 * A run's faults as spans of time, and what they do to promises that lean on
 * clocks: which of them loosen a bound, and by how much.
 */
import { z } from 'zod'
import type { FaultRecord } from '../runner/fault-record.ts'

export interface FaultSpan {
  readonly name: string
  readonly value: unknown
  /** When it was asked for; it took effect at that time or later. */
  readonly fromNs: number
  /** When it was mended; Infinity: never. */
  readonly untilNs: number
  /** Whom it struck; null where its value does not say. */
  readonly members: readonly string[] | null
}

const struckSchema = z.object({ members: z.array(z.string()) })

/** In order of their start. One that could not be proven may have taken effect all the same. */
export function faultSpans(records: readonly FaultRecord[]): FaultSpan[] {
  const stops = new Map<number, number>()
  for (const { fault, step, doneNs, error } of records) if (step === 'stop' && error === null) stops.set(fault, doneNs)
  return records.filter(({ step }) => step === 'start').map(({ fault, name, value, askedNs }) => {
    const struck = struckSchema.safeParse(value)
    return { name, value, fromNs: askedNs, untilNs: stops.get(fault) ?? Infinity, members: struck.success ? struck.data.members : null }
  })
}

/** After which a process begins anew, with what is on its disk. */
const restarting: ReadonlySet<string> = new Set(['kill', 'terminate', 'power', 'crash-loop', 'restart-all', 'rolling-restart', 'damage', 'disk', 'resources', 'membership', 'registry'])

/** After which a member may be another one, and its node registered anew. */
const replacing: ReadonlySet<string> = new Set(['damage', 'membership'])

export const restartsMembers = ({ name }: FaultSpan) => restarting.has(name)
export const replacesMembers = ({ name }: FaultSpan) => replacing.has(name)

/** What was broken goes on being felt: elections, connections made anew, what was missed. */
const aftermathNs = 5e9

/** Whether a fault was on in a stretch of time, or had just been. */
export function isDisturbed(spans: readonly FaultSpan[], fromNs: number, untilNs: number): boolean {
  return spans.some((span) => span.fromNs <= untilNs && span.untilNs + aftermathNs >= fromNs)
}

const clockSchema = z.object({
  skew: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('jump'), offsetMs: z.number() }),
    z.object({ kind: z.literal('strobe'), offsetMs: z.number() }),
    z.object({ kind: z.literal('drift'), rate: z.number() }),
  ]),
  clocks: z.enum(['wall', 'all']),
})

/** A skew of every clock of some members. One of the wall clock alone loosens nothing: no duration may be measured by it. */
interface ClockSpan extends FaultSpan {
  readonly skew: z.infer<typeof clockSchema>['skew']
}

/** How far members' monotonic clocks may have been from real time. */
export class ClockBounds {
  readonly #skews: readonly ClockSpan[]

  constructor(spans: readonly FaultSpan[]) {
    this.#skews = spans.flatMap((span) => {
      if (span.name !== 'clock') return []
      const clock = clockSchema.safeParse(span.value)
      // What cannot be read may have been anything.
      if (!clock.success) return [{ ...span, skew: { kind: 'strobe', offsetMs: Infinity } }]
      return clock.data.clocks === 'wall' ? [] : [{ ...span, skew: clock.data.skew }]
    })
  }

  /**
   * The earliest moment at which `durationNs` from `fromNs` on may have passed
   * by some member's clock. A drift makes it sooner by its rate, and its
   * mending may be a jump by all that it had gathered; a jump by its offset; a
   * strobe, which may count each of its steps, at once.
   */
  soonestNs(fromNs: number, durationNs: number): number {
    const during = this.#skews.filter((skew) => skew.fromNs <= fromNs + durationNs && skew.untilNs >= fromNs)
    let soonest = fromNs + durationNs
    for (const member of this.#struck(during)) {
      let rate = 1
      let leapNs = 0
      for (const { skew, members, fromNs: skewedNs, untilNs } of during) {
        if (members !== null && !members.includes(member)) continue
        switch (skew.kind) {
          case 'jump':
            leapNs += Math.abs(skew.offsetMs) * 1e6
            break
          case 'drift':
            rate *= Math.max(1, skew.rate)
            leapNs += Math.abs(skew.rate - 1) * (Math.min(untilNs, fromNs + durationNs) - skewedNs)
            break
          case 'strobe':
            leapNs = Infinity
        }
      }
      soonest = Math.min(soonest, fromNs + Math.max(0, (durationNs - leapNs) / rate))
    }
    return soonest
  }

  /** Whether any member's every clock was skewed: reads by lease lean on those. */
  get skewed(): boolean {
    return this.#skews.length > 0
  }

  /** By how much clocks may have fallen behind real time over the whole run, so that what they time comes later. */
  get lateNs(): number {
    let lateNs = 0
    for (const { skew, fromNs, untilNs } of this.#skews) {
      if (skew.kind === 'drift') lateNs += Number.isFinite(untilNs) ? Math.abs(skew.rate - 1) * (untilNs - fromNs) : Infinity
      else lateNs += Math.abs(skew.offsetMs) * 1e6
    }
    return lateNs
  }

  #struck(skews: readonly ClockSpan[]): Set<string> {
    // Nobody in particular stands for all whom no skew names.
    return new Set(skews.length === 0 ? [] : ['', ...skews.flatMap(({ members }) => members ?? [])])
  }
}
