import { unreachable } from '../../../node/base/assert.ts'
import type { Random } from '../../../node/base/random.ts'
import { drawDelayMs, PacketLoss } from '../disturbance.ts'
import type { Disturbance } from '../environment.ts'

/** What may be wrong with a path, besides what `Disturbance` names. */
export type Impairment =
  | Disturbance
  /** Nothing passes, and nobody is told. */
  | { readonly kind: 'cut' }
  /** Nothing passes; who wants to connect is refused at once. */
  | { readonly kind: 'reject' }
  /** As `reject`, and established connections are reset. */
  | { readonly kind: 'reset' }
  /** So many packets pass each second, with bursts of as many as pass in a tenth of one; the rest is dropped. */
  | { readonly kind: 'limit', readonly packetsPerS: number }

/** One copy of a packet on its way. */
export interface Copy {
  /** On top of what the path takes anyway. */
  readonly delayMs: number
  readonly corrupted: boolean
}

/** What one impairment has done so far, for probes: packets, but for the delay. */
export interface ImpairmentTally {
  seen: number
  lost: number
  delayed: number
  delayMsTotal: number
  duplicated: number
  corrupted: number
}

/** Largest packets on an Ethernet; a longer message goes in several. */
export const mtuBytes = 1500
/** A queue that holds more than this time's worth of bytes drops what comes. */
const bandwidthQueueMsMax = 1000
/** Of the tail of a delay: its mean is finite, its jumps are rare and long. */
const paretoShape = 3
const limitBurstS = 0.1

/** One thing that is wrong with one path, with a state of its own. */
export class ActiveImpairment {
  readonly impairment: Impairment
  readonly tally: ImpairmentTally = { seen: 0, lost: 0, delayed: 0, delayMsTotal: 0, duplicated: 0, corrupted: 0 }
  readonly #random: Random
  readonly #loss: PacketLoss | null
  /** Bandwidth: when the last byte that waits is sent. */
  #freeNs = 0
  #tokens: number
  #tokensNs = 0

  constructor(impairment: Impairment, random: Random) {
    this.impairment = impairment
    this.#random = random
    this.#loss = impairment.kind === 'loss' ? new PacketLoss(impairment) : null
    this.#tokens = impairment.kind === 'limit' ? limitTokensMax(impairment.packetsPerS) : 0
  }

  /** Nothing passes at all. */
  get blocks(): boolean {
    const { impairment } = this
    switch (impairment.kind) {
      case 'cut':
      case 'reject':
      case 'reset': return true
      case 'loss': return impairment.probability >= 1
      case 'limit': return impairment.packetsPerS <= 0
      case 'delay': case 'duplicate': case 'reorder': case 'corrupt': case 'bandwidth': case 'mtu': return false
      default: return unreachable(impairment)
    }
  }

  /** New connections are refused. */
  get refuses(): boolean {
    return this.impairment.kind === 'reject' || this.impairment.kind === 'reset'
  }

  /** What becomes of one copy of a packet that is sent at `nowNs`: none, it, or two. */
  apply(nowNs: number, sizeBytes: number, copy: Copy): readonly Copy[] {
    const { impairment, tally } = this
    const random = this.#random
    tally.seen++
    const lost = () => {
      tally.lost++
      return []
    }
    const later = (delayMs: number) => {
      if (delayMs <= 0) return [copy]
      tally.delayed++
      tally.delayMsTotal += delayMs
      return [{ ...copy, delayMs: copy.delayMs + delayMs }]
    }
    switch (impairment.kind) {
      case 'cut':
      case 'reject':
      case 'reset': return lost()
      case 'loss': return this.#loss!.next(random) ? lost() : [copy]
      case 'delay': return later(drawDelayMs(impairment, random, paretoShape))
      case 'duplicate': {
        if (!random.chance(impairment.probability)) return [copy]
        tally.duplicated++
        return [copy, copy]
      }
      case 'reorder': return later(random.chance(impairment.probability) ? impairment.gapMs : 0)
      case 'corrupt': {
        if (!random.chance(impairment.probability)) return [copy]
        tally.corrupted++
        return [{ ...copy, corrupted: true }]
      }
      case 'bandwidth': {
        const waitMs = Math.max(0, (this.#freeNs - nowNs) / 1e6)
        if (waitMs > bandwidthQueueMsMax) return lost()
        const takesMs = waitMs + sizeBytes * 8 / impairment.kbitPerS
        this.#freeNs = nowNs + takesMs * 1e6
        return later(takesMs)
      }
      case 'mtu': return Math.min(sizeBytes, mtuBytes) > impairment.maxBytes ? lost() : [copy]
      case 'limit': return this.#takesToken(nowNs, impairment.packetsPerS) ? [copy] : lost()
      default: return unreachable(impairment)
    }
  }

  #takesToken(nowNs: number, packetsPerS: number): boolean {
    this.#tokens = Math.min(limitTokensMax(packetsPerS), this.#tokens + Math.max(0, nowNs - this.#tokensNs) / 1e9 * packetsPerS)
    this.#tokensNs = Math.max(this.#tokensNs, nowNs)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}

function limitTokensMax(packetsPerS: number): number {
  return packetsPerS <= 0 ? 0 : Math.max(1, packetsPerS * limitBurstS)
}
