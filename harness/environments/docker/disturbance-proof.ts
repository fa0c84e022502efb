import type { Disturbance } from '../environment.ts'

/**
 * What must be seen of probes before a disturbance counts as in force, or as
 * gone. Pure: how many to send, and what to make of those that arrived.
 */

/** How to probe one link. */
export interface ProbePlan {
  readonly count: number
  readonly spacingMs: number
  /** Probes so far apart still show it: a machine that was too busy for the first round gets more time in the next. */
  readonly spacingMaxMs: number
  /** Of the whole UDP datagram's data. */
  readonly sizeBytes: number
  /** When the last one sent must have arrived, if it ever does. */
  readonly latestMs: number
}

/** One probe that arrived. */
export interface HeardProbe {
  readonly sequence: number
  /** From the sender's clock to the receiver's, which are one machine's. */
  readonly delayMs: number
  readonly intact: boolean
}

/** What was seen on one link; the numbers go into faults.jsonl. */
export interface LinkMeasure {
  readonly sent: number
  /** Different ones. */
  readonly arrived: number
  readonly duplicates: number
  /** Arrived after one that was sent later. */
  readonly overtaken: number
  readonly corrupted: number
  readonly delayMsMedian: number | null
  readonly delayMsMean: number | null
  readonly kbitPerS: number | null
}

const ipAndUdpHeaderBytes = 28
const smallProbeBytes = 100
const bigProbeBytes = 1200
/** A chance is believed when at least so many packets should have shown it. */
const expectedHits = 12
const probesMax = 2000
const slowestSpacingMs = 10
/** Scheduling on a busy machine; a link that is not disturbed takes less than 1 ms. */
const slackMs = 60

export function probePlan(disturbance: Disturbance): ProbePlan {
  const plan = (count: number, spacingMs: number, sizeBytes = smallProbeBytes, longestMs = 0): ProbePlan =>
    ({ count, spacingMs, spacingMaxMs: spacingMs, sizeBytes, latestMs: longestMs + slackMs * 5 })
  const anyPace = (chosen: ProbePlan): ProbePlan => ({ ...chosen, spacingMaxMs: slowestSpacingMs })
  const often = (probability: number, burstLength = 1) => Math.min(probesMax, Math.ceil(Math.max(100, expectedHits * Math.max(1, burstLength) / Math.max(probability, 1e-6))))
  switch (disturbance.kind) {
    case 'loss': return anyPace(plan(often(disturbance.probability, disturbance.burstLength), 0.5))
    case 'delay': return plan(20, Math.min(20, Math.max(2, disturbance.jitterMs)), smallProbeBytes, disturbance.delayMs + disturbance.jitterMs * 6)
    case 'duplicate': return anyPace(plan(often(disturbance.probability), 0.5))
    case 'reorder': return plan(often(disturbance.probability), Math.max(0.3, Math.min(1, disturbance.gapMs / 4)), smallProbeBytes, disturbance.gapMs)
    case 'corrupt': return anyPace(plan(often(disturbance.probability), 0.5, 400))
    // Some 300 ms of what the link can carry; more than its backlog holds would only be dropped.
    case 'bandwidth': return plan(Math.max(4, Math.min(500, Math.round(disturbance.kbitPerS * 0.3 / ((bigProbeBytes + ipAndUdpHeaderBytes) * 8 / 1000)))), 0, bigProbeBytes,
      Math.max(1000, 5 * (bigProbeBytes + ipAndUdpHeaderBytes) * 8 / disturbance.kbitPerS))
    // One byte more than passes, with the headers.
    case 'mtu': return plan(5, 1, disturbance.maxBytes + 1 - ipAndUdpHeaderBytes)
    default: return disturbance satisfies never
  }
}

/** For a link on which nothing should happen to packets. */
export const calmPlan: ProbePlan = { count: 12, spacingMs: 2, spacingMaxMs: slowestSpacingMs, sizeBytes: smallProbeBytes, latestMs: slackMs * 5 }

/** The plan of a later round: the probes of many links at once are more than a busy machine may carry. */
export function planOfRound(plan: ProbePlan, round: number): ProbePlan {
  return { ...plan, spacingMs: Math.min(plan.spacingMs * round, Math.max(plan.spacingMs, plan.spacingMaxMs)), latestMs: plan.latestMs * round }
}

export function measure(sent: number, sizeBytes: number, heard: readonly HeardProbe[]): LinkMeasure {
  const arrived = new Set(heard.filter(({ intact }) => intact).map(({ sequence }) => sequence))
  const intact = heard.filter((probe) => probe.intact)
  const delays = intact.map(({ delayMs }) => delayMs).sort((a, b) => a - b)
  let [latest, overtaken] = [-1, 0]
  for (const { sequence } of intact) {
    if (sequence < latest) overtaken += 1
    latest = Math.max(latest, sequence)
  }
  // All were sent at once, so their delays are their times of arrival.
  const spreadMs = delays.length > 2 ? delays.at(-1)! - delays[0]! : 0
  return {
    sent,
    arrived: arrived.size,
    duplicates: intact.length - arrived.size,
    overtaken,
    corrupted: heard.length - intact.length,
    delayMsMedian: delays.length === 0 ? null : delays[delays.length >> 1]!,
    delayMsMean: delays.length === 0 ? null : rounded(delays.reduce((sum, delay) => sum + delay, 0) / delays.length),
    kbitPerS: spreadMs <= 0 ? null : rounded((delays.length - 1) * (sizeBytes + ipAndUdpHeaderBytes) * 8 / spreadMs),
  }
}

/** Null where the probes show this disturbance, or what they show instead. */
export function seemsDisturbed(disturbance: Disturbance, seen: LinkMeasure): string | null {
  const { sent, arrived, duplicates, overtaken, corrupted, delayMsMedian, delayMsMean, kbitPerS } = seen
  switch (disturbance.kind) {
    case 'loss': return shareProblem('lost', sent - arrived, sent, disturbance.probability, Math.max(1, disturbance.burstLength))
    case 'duplicate': return shareProblem('arrived twice', duplicates, sent, disturbance.probability)
    case 'corrupt': return shareProblem('were changed', corrupted, sent, disturbance.probability)
    // Of two that are both held back neither passes the other, and the last has none behind it: an upper bound only.
    case 'reorder': return overtaken > 0 ? null : `none of ${arrived} probes was overtaken`
    case 'delay': {
      if (delayMsMedian === null || delayMsMean === null) return 'no probe arrived'
      const { delayMs, jitterMs, distribution } = disturbance
      // 20 samples: their mean is within jitter of the true one, for each of the distributions.
      const least = Math.max(0, delayMs - jitterMs) * 0.95 - 0.5
      // Jitter does not reorder: who comes behind a late one is as late, so the median is near the largest of those before.
      const most = delayMs + jitterMs * { uniform: 1, normal: 3, pareto: 4 }[distribution] + slackMs
      return delayMsMean < least || delayMsMedian > most ? `the delay is ${delayMsMean} ms in the mean, ${delayMsMedian} ms in the median` : null
    }
    case 'bandwidth': return kbitPerS === null ? `only ${arrived} of ${sent} probes arrived` : kbitPerS > disturbance.kbitPerS * 1.35 ? `${kbitPerS} kbit/s pass` : null
    case 'mtu': return arrived > 0 ? `${arrived} packets of more than ${disturbance.maxBytes} bytes arrived` : null
    default: return disturbance satisfies never
  }
}

/** Null where the probes show a link as it should be, or what they show instead. */
export function seemsCalm(seen: LinkMeasure): string | null {
  if (seen.arrived < seen.sent) return `${seen.sent - seen.arrived} of ${seen.sent} probes did not arrive`
  if (seen.duplicates > 0) return `${seen.duplicates} probes arrived twice`
  if (seen.overtaken > 0) return `${seen.overtaken} probes were overtaken`
  if (seen.corrupted > 0) return `${seen.corrupted} probes were changed`
  return seen.delayMsMedian! > slackMs ? `the median delay is ${seen.delayMsMedian} ms` : null
}

/** Whether a share is what a probability says, within four deviations (wider where they come in bursts). */
function shareProblem(what: string, hits: number, count: number, probability: number, burstLength = 1): string | null {
  const deviation = Math.sqrt(probability * (1 - probability) * (2 * burstLength) / count)
  const [least, most] = [probability - 4 * deviation, probability + 4 * deviation + 0.02]
  const share = hits / count
  return (probability > 0 && hits === 0) || share < least || share > most ? `${hits} of ${count} probes ${what}, where ${probability} was asked for` : null
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
