import { unreachable } from '../../../node/base/assert.ts'
import { limitBurst, segmentBytes, type Hindrance } from './weather.ts'

/** What was seen of probes that were sent over the links one fault holds. Times one way. */
export interface ProbeSamples {
  readonly streams: readonly StreamSample[]
  /** Null where the links carry no datagrams. */
  readonly datagrams: DatagramSamples | null
}

/** One connection with one message. */
export interface StreamSample {
  readonly bytes: number
  /** Null: had not arrived when it was looked at. */
  readonly afterMs: number | null
  /** So much of it this process stood still, so that it may have come that much sooner. */
  readonly stalledMs: number
}

export interface DatagramSamples {
  /** Of each. */
  readonly bytes: number
  readonly sent: number
  /** Over so many doors. */
  readonly links: number
  /** From the first that was sent to the last that came. */
  readonly spanMs: number
  /** Different ones that came, at least once. */
  readonly arrived: number
  /** More than one of the same. */
  readonly copies: number
  /** Passed by one that was sent later. */
  readonly overtaken: number
  /** Came with other bytes than were sent. */
  readonly spoiled: number
  readonly afterMs: readonly number[]
}

/** A segment that is sent again is at least so late; one that is not is, on a busy machine, hardly ever. */
export const retransmittedMs = 150
/** What a busy machine may add to a delay. */
const slackMs = 400

/**
 * Whether probes met what was asked for: null, or a sentence with what they met
 * instead. Frequencies may be off by what chance allows (5 deviations).
 *
 * @param alone nothing else disturbs these links; else more than was asked for is no contradiction
 */
export function contradiction(disturbance: Hindrance, { streams, datagrams }: ProbeSamples, alone = true): string | null {
  const offFrequency = (what: string, seen: number, count: number, probability: number, spread = 1) =>
    offBy(what, seen, seen, count, probability, spread, alone)
  const late = () => offBy('segments sent again', streams.filter(isLate).length, streams.filter(({ afterMs }) => afterMs === null || afterMs >= retransmittedMs).length,
    streams.length, disturbance.kind === 'loss' || disturbance.kind === 'corrupt' ? disturbance.probability : 0, disturbance.kind === 'loss' ? disturbance.burstLength * 2 : 1, alone)
  switch (disturbance.kind) {
    case 'loss': {
      const spread = disturbance.burstLength * 2
      return (datagrams === null ? null : offFrequency('datagrams lost', datagrams.sent - datagrams.arrived, datagrams.sent, disturbance.probability, spread))
        ?? late()
    }
    case 'corrupt':
      return (datagrams === null ? null : offFrequency('datagrams spoiled', datagrams.spoiled, datagrams.sent, disturbance.probability))
        ?? late()
    case 'duplicate':
      return datagrams === null ? onlyDatagrams(disturbance.kind) : tooFew(datagrams) ?? offFrequency('datagrams doubled', datagrams.copies, datagrams.arrived, disturbance.probability)
    case 'reorder':
      return datagrams === null ? onlyDatagrams(disturbance.kind) : tooFew(datagrams) ?? offFrequency('datagrams overtaken', datagrams.overtaken, datagrams.arrived, disturbance.probability)
    case 'delay': {
      const median = medianOf([...streams.map(({ afterMs }) => afterMs ?? Infinity), ...datagrams?.afterMs ?? []])
      const soonest = medianOf([...streams.map(({ afterMs, stalledMs }) => (afterMs ?? Infinity) - stalledMs), ...datagrams?.afterMs ?? []])
      // Half of what is drawn lies above the median of a tail of shape 2: 0.41 of its scale.
      const expected = disturbance.delayMs + (disturbance.distribution === 'pareto' ? 0.41 * disturbance.jitterMs : 0)
      const low = expected - disturbance.jitterMs / 2 - 1
      const high = expected + disturbance.jitterMs + slackMs
      return median >= low && (soonest <= high || !alone) ? null : `probes took ${median.toFixed(1)} ms in the middle, asked were ${expected.toFixed(1)} ms`
    }
    case 'bandwidth': {
      for (const { bytes, afterMs } of streams) {
        const leastMs = bytes * 8 / disturbance.kbitPerS
        if (afterMs === null && alone) return `${bytes} bytes had not come through after a long time at ${disturbance.kbitPerS} kbit/s`
        if (afterMs !== null && afterMs < 0.8 * leastMs) return `${bytes} bytes came through in ${afterMs.toFixed(0)} ms; at ${disturbance.kbitPerS} kbit/s it takes ${leastMs.toFixed(0)} ms`
      }
      return null
    }
    case 'mtu': {
      const wrong = [...streams, ...datagrams === null ? [] : oneByOne(datagrams)].find(({ bytes, afterMs }) => bytes > disturbance.maxBytes ? afterMs !== null : afterMs === null && alone)
      return wrong === undefined ? null : `${wrong.bytes} bytes ${wrong.afterMs === null ? 'did not pass' : 'passed'}; the limit is ${disturbance.maxBytes}`
    }
    case 'limit': {
      const { packetsPerS } = disturbance
      const burst = limitBurst(packetsPerS)
      for (const { bytes, afterMs } of streams) {
        const leastMs = Math.max(0, Math.ceil(bytes / segmentBytes) - burst) * 1000 / packetsPerS
        if (afterMs !== null && afterMs < 0.8 * leastMs) return `${bytes} bytes came through in ${afterMs.toFixed(0)} ms; at ${packetsPerS} packets a second it takes ${leastMs.toFixed(0)} ms`
      }
      if (datagrams === null) return null
      const { sent, arrived, spanMs, links } = datagrams
      const most = links * (burst + 1 + 1.2 * packetsPerS * spanMs / 1000)
      return arrived > most || arrived === sent ? `${arrived} of ${sent} datagrams came within ${spanMs.toFixed(0)} ms, above ${packetsPerS} a second` : null
    }
    default: return unreachable(disturbance)
  }
}

/** What did not come at all, on a busy machine or through a link that loses, tells nothing of copies and of order; a tenth of all must have come. */
function tooFew({ sent, arrived }: DatagramSamples): string | null {
  return arrived * 10 < sent ? `only ${arrived} of ${sent} datagrams came` : null
}

/** As if each had been sent on its own. */
export function oneByOne({ bytes, sent, afterMs }: DatagramSamples): StreamSample[] {
  return Array.from({ length: sent }, (_, i) => ({ bytes, afterMs: afterMs[i] ?? null, stalledMs: 0 }))
}

/** Why something that only datagrams show cannot be proven. */
export function onlyDatagrams(kind: Hindrance['kind']): string {
  return `${kind} has no effect on streams, and these links carry no datagrams`
}

/** Not only because this process stood still. */
export function isLate({ afterMs, stalledMs }: StreamSample): boolean {
  return afterMs === null || afterMs - stalledMs >= retransmittedMs
}

const medianOf = (times: readonly number[]) => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0

/**
 * @param atLeast this many were certainly seen, and at most `atMost`
 * @param spread how much wider than independent draws the count may be: losses in bursts
 */
function offBy(what: string, atLeast: number, atMost: number, count: number, probability: number, spread: number, alone: boolean): string | null {
  const expected = count * probability
  const deviation = Math.sqrt(count * probability * (1 - probability) * spread)
  const over = alone ? atLeast - expected : 0
  if (Math.max(over, expected - atMost) <= 5 * deviation + 1 && (atMost > 0 || expected < 5)) return null
  return `${what}: ${atLeast === atMost ? atLeast : `${atLeast} to ${atMost}`} of ${count}, asked was ${(100 * probability).toFixed(1)} %`
}

/** A summary for `faults.jsonl`. */
export function summaryOf({ streams, datagrams }: ProbeSamples): Record<string, unknown> {
  const times = streams.flatMap(({ afterMs }) => afterMs === null ? [] : [afterMs]).sort((a, b) => a - b)
  return {
    probes: streams.length,
    arrived: times.length,
    medianMs: times.length === 0 ? null : Math.round(times[times.length >> 1]! * 10) / 10,
    slowestMs: times.length === 0 ? null : Math.round(times.at(-1)! * 10) / 10,
    ...datagrams === null ? {} : { datagrams: { ...datagrams, afterMs: undefined } },
  }
}
