import type { Random } from '../../../node/base/random.ts'
import type { Disturbance } from '../capabilities.ts'
import { drawDelayMs, PacketLoss } from '../disturbance.ts'

/** What TCP cuts a stream into on an ordinary network. */
const segmentBytes = 1448
/** Linux waits so long before it sends a segment again, and twice as long each time after. */
const retransmitMs = 200
const retransmitMsMax = 120_000
/** Of the tail of a delay: its mean exists, its variance does not. */
const paretoShape = 2

/** One datagram as it comes out: some ms later, perhaps changed. */
export interface Datagram {
  readonly data: Buffer
  readonly afterMs: number
}

/** When a chunk of a stream comes out. */
export type Passage =
  | { readonly kind: 'after', readonly delayMs: number }
  /** Not as long as this disturbance lasts: it is sent again and again, and is too large each time. */
  | { readonly kind: 'stuck' }

interface Active {
  readonly disturbance: Disturbance
  readonly loss: PacketLoss
  /** Bandwidth: when the wire is free again. */
  freeAtMs: number
}

/**
 * What one directed link does to packets, beside being open or cut. Datagrams
 * meet it as they are. A stream's segments are numbered and checked: one that is
 * lost, or spoiled on the way, is sent again after a while and holds up what stands
 * behind it; duplicates and those out of order are put right by the receiver's kernel.
 */
export class Weather {
  readonly #random: Random
  readonly #active = new Map<symbol, Active>()

  constructor(random: Random) {
    this.#random = random
  }

  get calm(): boolean {
    return this.#active.size === 0
  }

  get count(): number {
    return this.#active.size
  }

  begin(id: symbol, disturbance: Disturbance): void {
    const loss = disturbance.kind === 'loss' ? disturbance
      : { probability: disturbance.kind === 'corrupt' ? disturbance.probability : 0, burstLength: 1 }
    this.#active.set(id, { disturbance, loss: new PacketLoss(loss), freeAtMs: 0 })
  }

  end(id: symbol): void {
    this.#active.delete(id)
  }

  /** A chunk of a connection's stream that enters the link now. The caller keeps the stream's order. */
  stream(bytes: number, nowMs: number): Passage {
    let delayMs = 0
    for (const active of this.#active.values()) {
      const { disturbance } = active
      switch (disturbance.kind) {
        case 'loss':
        case 'corrupt':
          for (let sent = 0; sent < bytes; sent += segmentBytes) delayMs += this.#retransmissionMs(active)
          break
        case 'delay':
          delayMs += drawDelayMs(disturbance, this.#random, paretoShape)
          break
        case 'reorder':
        case 'duplicate':
          break
        case 'bandwidth':
          delayMs += this.#queueingMs(active, disturbance.kbitPerS, bytes, nowMs)
          break
        case 'mtu':
          if (bytes > disturbance.maxBytes) return { kind: 'stuck' }
          break
      }
    }
    return { kind: 'after', delayMs }
  }

  /** What becomes of one datagram that enters the link now: none, one, or two come out. */
  datagram(data: Buffer, nowMs: number): readonly Datagram[] {
    let out: Datagram[] = [{ data, afterMs: 0 }]
    for (const active of this.#active.values()) {
      const { disturbance } = active
      const random = this.#random
      switch (disturbance.kind) {
        case 'loss':
          out = out.filter(() => !active.loss.next(random))
          break
        case 'corrupt':
          out = out.map((one) => random.chance(disturbance.probability) ? { ...one, data: withFlippedBit(one.data, random) } : one)
          break
        case 'delay':
          out = out.map(({ data, afterMs }) => ({ data, afterMs: afterMs + drawDelayMs(disturbance, random, paretoShape) }))
          break
        case 'reorder':
          out = out.map((one) => random.chance(disturbance.probability) ? { ...one, afterMs: one.afterMs + disturbance.gapMs } : one)
          break
        case 'duplicate':
          out = out.flatMap((one) => random.chance(disturbance.probability) ? [one, one] : [one])
          break
        case 'bandwidth':
          out = out.map((one) => ({ ...one, afterMs: one.afterMs + this.#queueingMs(active, disturbance.kbitPerS, one.data.length, nowMs) }))
          break
        case 'mtu':
          out = out.filter((one) => one.data.length <= disturbance.maxBytes)
          break
      }
    }
    return out
  }

  /** How long until one segment has come through. */
  #retransmissionMs({ loss }: Active): number {
    let waitedMs = 0
    for (let waitMs = retransmitMs; waitMs < retransmitMsMax && loss.next(this.#random); waitMs *= 2) waitedMs += waitMs
    return waitedMs
  }

  #queueingMs(active: Active, kbitPerS: number, bytes: number, nowMs: number): number {
    active.freeAtMs = Math.max(active.freeAtMs, nowMs) + bytes * 8 / kbitPerS
    return active.freeAtMs - nowMs
  }
}

function withFlippedBit(data: Buffer, random: Random): Buffer {
  if (data.length === 0) return data
  const spoiled = Buffer.from(data)
  const bit = random.between(0, data.length * 8)
  spoiled[bit >> 3]! ^= 1 << (bit & 7)
  return spoiled
}
