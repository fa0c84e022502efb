import { unreachable } from '../../../node/base/assert.ts'
import type { Random } from '../../../node/base/random.ts'
import type { Disturbance } from '../capabilities.ts'
import { drawDelayMs, PacketLoss } from '../disturbance.ts'

/** What TCP cuts a stream into on an ordinary network. */
export const segmentBytes = 1448
/** Linux waits so long before it sends a segment again, and twice as long each time after. */
const retransmitMs = 200
const retransmitMsMax = 120_000
/** What waits for a narrow wire is no longer than this: without a bound, what nobody reads any more would keep it busy for minutes. */
const queueMsMax = 1_000
/** Of the tail of a delay: its mean exists, its variance does not. */
const paretoShape = 2

/** One datagram as it comes out: some ms later, perhaps changed. */
export interface Datagram {
  readonly data: Buffer
  readonly afterMs: number
}

/** What is done to packets on their way: what nemeses know as such, and what a firewall's rule may do. */
export type Hindrance =
  | Disturbance
  /** So many pass each second, after a burst (`limitBurst`); the rest is dropped. */
  | { readonly kind: 'limit', readonly packetsPerS: number }

/** When a chunk of a stream comes out. */
export type Passage =
  | { readonly kind: 'after', readonly delayMs: number }
  /** So many bytes of it were dropped, and are sent again then. */
  | { readonly kind: 'again', readonly delayMs: number, readonly bytes: number }
  /** Not as long as this disturbance lasts: it is sent again and again, and is too large each time. */
  | { readonly kind: 'stuck' }

/** Packets that a limit lets through at once: a tenth of a second's, but some. */
export function limitBurst(packetsPerS: number): number {
  return Math.max(5, Math.ceil(packetsPerS / 10))
}

/** One hindrance with its state; the gates of one link that it is put on share it. */
export class ActiveHindrance {
  readonly hindrance: Hindrance
  readonly loss: PacketLoss
  /** Bandwidth: when the wire is free again. */
  #freeAtMs = 0
  #tokens: number
  #tokensAtMs: number | null = null

  constructor(hindrance: Hindrance) {
    this.hindrance = hindrance
    this.loss = new PacketLoss(hindrance.kind === 'loss' ? hindrance
      : { probability: hindrance.kind === 'corrupt' ? hindrance.probability : 0, burstLength: 1 })
    this.#tokens = hindrance.kind === 'limit' ? limitBurst(hindrance.packetsPerS) : 0
  }

  /** Until what enters a wire of this width now has left it. Null: too much waits for it already, and this is dropped. */
  queueingMs(kbitPerS: number, bytes: number, nowMs: number): number | null {
    if (this.#freeAtMs - nowMs > queueMsMax) return null
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + bytes * 8 / kbitPerS
    return this.#freeAtMs - nowMs
  }

  /** How many of so many packets may pass now. */
  admit(packets: number, packetsPerS: number, nowMs: number): number {
    this.#tokens = Math.min(limitBurst(packetsPerS), this.#tokens + (nowMs - (this.#tokensAtMs ?? nowMs)) / 1000 * packetsPerS)
    this.#tokensAtMs = nowMs
    const admitted = Math.min(packets, Math.floor(this.#tokens))
    this.#tokens -= admitted
    return admitted
  }
}

/**
 * What one directed link does to packets, beside being open or cut. Datagrams
 * meet it as they are. A stream's segments are numbered and checked: one that is
 * lost, or spoiled on the way, is sent again after a while and holds up what stands
 * behind it; duplicates and those out of order are put right by the receiver's kernel.
 */
export class Weather {
  readonly #random: Random
  readonly #active = new Map<symbol, ActiveHindrance>()

  constructor(random: Random) {
    this.#random = random
  }

  get calm(): boolean {
    return this.#active.size === 0
  }

  get count(): number {
    return this.#active.size
  }

  begin(id: symbol, active: ActiveHindrance): void {
    this.#active.set(id, active)
  }

  end(id: symbol): void {
    this.#active.delete(id)
  }

  /**
   * A chunk of a connection's stream that enters the link now. The caller keeps the stream's order.
   * @param again how often what is left of it was sent before: only what drops packets is met again
   */
  stream(bytes: number, nowMs: number, again = 0): Passage {
    let delayMs = 0
    let dropped = 0
    for (const active of this.#active.values()) {
      const { hindrance } = active
      if (again > 0 && hindrance.kind !== 'limit' && hindrance.kind !== 'mtu' && hindrance.kind !== 'bandwidth') continue
      switch (hindrance.kind) {
        case 'loss':
        case 'corrupt':
          for (let sent = 0; sent < bytes; sent += segmentBytes) delayMs += this.#retransmissionMs(active)
          break
        case 'delay':
          delayMs += drawDelayMs(hindrance, this.#random, paretoShape)
          break
        case 'reorder':
        case 'duplicate':
          break
        case 'bandwidth': {
          const waitMs = active.queueingMs(hindrance.kbitPerS, bytes, nowMs)
          if (waitMs === null) dropped = Math.ceil(bytes / segmentBytes)
          else delayMs += waitMs
          break
        }
        case 'mtu':
          if (bytes > hindrance.maxBytes) return { kind: 'stuck' }
          break
        case 'limit': {
          const packets = Math.ceil(bytes / segmentBytes)
          dropped = Math.max(dropped, packets - active.admit(packets, hindrance.packetsPerS, nowMs))
          break
        }
        default: return unreachable(hindrance)
      }
    }
    if (dropped === 0) return { kind: 'after', delayMs }
    return { kind: 'again', delayMs: delayMs + Math.min(retransmitMsMax, retransmitMs * 2 ** again), bytes: Math.min(bytes, dropped * segmentBytes) }
  }

  /** What becomes of one datagram that enters the link now: none, one, or two come out. */
  datagram(data: Buffer, nowMs: number): readonly Datagram[] {
    let out: Datagram[] = [{ data, afterMs: 0 }]
    for (const active of this.#active.values()) {
      const { hindrance } = active
      const random = this.#random
      switch (hindrance.kind) {
        case 'loss':
          out = out.filter(() => !active.loss.next(random))
          break
        case 'corrupt':
          out = out.map((one) => random.chance(hindrance.probability) ? { ...one, data: withFlippedBit(one.data, random) } : one)
          break
        case 'delay':
          out = out.map(({ data, afterMs }) => ({ data, afterMs: afterMs + drawDelayMs(hindrance, random, paretoShape) }))
          break
        case 'reorder':
          out = out.map((one) => random.chance(hindrance.probability) ? { ...one, afterMs: one.afterMs + hindrance.gapMs } : one)
          break
        case 'duplicate':
          out = out.flatMap((one) => random.chance(hindrance.probability) ? [one, one] : [one])
          break
        case 'bandwidth':
          out = out.flatMap((one) => {
            const waitMs = active.queueingMs(hindrance.kbitPerS, one.data.length, nowMs)
            return waitMs === null ? [] : [{ ...one, afterMs: one.afterMs + waitMs }]
          })
          break
        case 'mtu':
          out = out.filter((one) => one.data.length <= hindrance.maxBytes)
          break
        case 'limit':
          out = out.filter(() => active.admit(1, hindrance.packetsPerS, nowMs) === 1)
          break
        default: return unreachable(hindrance)
      }
    }
    return out
  }

  /** How long until one segment has come through. */
  #retransmissionMs({ loss }: ActiveHindrance): number {
    let waitedMs = 0
    for (let waitMs = retransmitMs; waitMs < retransmitMsMax && loss.next(this.#random); waitMs *= 2) waitedMs += waitMs
    return waitedMs
  }
}

function withFlippedBit(data: Buffer, random: Random): Buffer {
  if (data.length === 0) return data
  const spoiled = Buffer.from(data)
  const bit = random.between(0, data.length * 8)
  spoiled[bit >> 3]! ^= 1 << (bit & 7)
  return spoiled
}
