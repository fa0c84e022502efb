import { unreachable } from '../../../node/base/assert.ts'
import { mtuBytes, type Impairment } from './impairment.ts'
import type { Measured } from './path-probe.ts'

/** At least so many packets in all, that a share is measured well. */
const packetsMin = 400
/** A measured share may be off by so many standard deviations, plus `shareSlack`. */
const deviationsMax = 5
const shareSlack = 0.02

/** What to send over each of `pathCount` paths to see such an impairment. */
export function probePackets(impairment: Impairment, pathCount: number): { count: number, sizeBytes: number, intervalMs: number } {
  const count = Math.max(1, Math.ceil(packetsMin / pathCount))
  switch (impairment.kind) {
    // Bursts make neighbours alike: more are needed for the same certainty.
    case 'loss': return { count: count * Math.max(1, Math.ceil(impairment.burstLength)), sizeBytes: 64, intervalMs: 1 }
    case 'bandwidth': return { count: 3, sizeBytes: 1000, intervalMs: 0 }
    case 'mtu': return { count: 3, sizeBytes: mtuBytes, intervalMs: 1 }
    // Twice what may pass in a second, within that second.
    case 'limit': return { count: Math.ceil(2 * impairment.packetsPerS) + 2, sizeBytes: 64, intervalMs: 1000 / (2 * impairment.packetsPerS + 2) }
    case 'cut': case 'reject': case 'reset': case 'delay': case 'duplicate': case 'reorder': case 'corrupt':
      return { count, sizeBytes: 64, intervalMs: 1 }
    default: return unreachable(impairment)
  }
}

/**
 * What the packets met, for the record.
 * @throws Error with the numbers if that is not what the impairment is to do
 */
export function expectDisturbed(impairment: Impairment, { sent, tally }: Measured): Record<string, number> {
  const { seen } = tally
  // Another fault lets nothing through to this one: there is nothing to be seen, nor to be broken.
  if (seen === 0) return { sent, seen }
  const expectShare = (name: string, count: number, share: number, clumping = 1) => {
    const slack = shareSlack + deviationsMax * Math.sqrt(share * (1 - share) * clumping / seen)
    if (Math.abs(count / seen - share) > slack) throw new Error(`${impairment.kind}: ${count} of ${seen} probes were ${name}, not a share of ${share}`)
    return { sent, seen, [name]: count, share: count / seen }
  }
  const meanDelayMs = tally.delayMsTotal / seen
  switch (impairment.kind) {
    case 'cut':
    case 'reject':
    case 'reset': return expectShare('lost', tally.lost, 1)
    case 'loss': return expectShare('lost', tally.lost, impairment.probability, 2 * Math.max(1, impairment.burstLength))
    case 'duplicate': return expectShare('duplicated', tally.duplicated, impairment.probability)
    case 'corrupt': return expectShare('corrupted', tally.corrupted, impairment.probability)
    case 'reorder': return expectShare('held back', tally.delayed, impairment.gapMs > 0 ? impairment.probability : 0)
    case 'delay': {
      const { delayMs, jitterMs, distribution } = impairment
      // Pareto's tail adds half its scale in the mean; no less than zero is ever added.
      const expectedMs = distribution === 'pareto' ? delayMs + jitterMs / 2 : delayMs
      if (meanDelayMs < expectedMs - jitterMs - 1 || meanDelayMs > expectedMs + jitterMs + 1) {
        throw new Error(`delay: ${seen} probes took ${meanDelayMs.toFixed(1)} ms longer in the mean, not about ${expectedMs}`)
      }
      return { sent, seen, meanDelayMs }
    }
    case 'bandwidth': {
      const eachMs = 1000 * 8 / impairment.kbitPerS
      if (tally.lost < seen && meanDelayMs < eachMs) throw new Error(`bandwidth: ${seen} probes took ${meanDelayMs.toFixed(1)} ms in the mean, less than ${eachMs} each`)
      return { sent, seen, lost: tally.lost, meanDelayMs }
    }
    case 'mtu': return expectShare('lost', tally.lost, impairment.maxBytes < mtuBytes ? 1 : 0)
    case 'limit': {
      const passed = seen - tally.lost
      // A second's worth, and what had gathered before.
      if (passed > 1.2 * impairment.packetsPerS + 2) throw new Error(`limit: ${passed} of ${seen} probes passed within a second, above ${impairment.packetsPerS}`)
      return { sent, seen, passed }
    }
    default: return unreachable(impairment)
  }
}
