import { stretches, type FaultSpan, type Stretch } from './fault-times.ts'

/**
 * How far the catalog may be behind an agent (Consul's documentation,
 * "Anti-Entropy"): a change is pushed at once; a push that failed is tried
 * again; and all is compared from time to time, which mends what no push could.
 */
export interface LagBounds {
  /** In peace, from what an agent acknowledged until everybody can read it. */
  readonly pushMs: number
  /** After peace has returned, until what failed to be pushed has been. */
  readonly retryMs: number
  /** After peace has returned, until whatever is wrong in the catalog is right. */
  readonly fullSyncMs: number
}

/** Consul's retryFailIntv, to which a random part of as much is added. */
const retryIntervalMs = 15_000
/** Consul's rpc_hold_timeout: what was sent before peace returned is answered, or given up, within it. */
const rpcHoldMs = 7000
/** Consul's AEInterval for up to 128 nodes; one interval more for each doubling. A random part of as much is added. */
const syncIntervalMs = 60_000

const syncScale = (nodes: number) => nodes <= 128 ? 1 : Math.ceil(Math.log2(nodes) - 7) + 1

/**
 * @param pushMs what a write and a read index take, and the queue before them; a fact of the environment, not of the protocol
 * @param nodes in the catalog
 */
export function lagBounds(pushMs: number, nodes: number): LagBounds {
  return { pushMs, retryMs: 2 * retryIntervalMs + rpcHoldMs + pushMs, fullSyncMs: 2 * syncIntervalMs * syncScale(nodes) + rpcHoldMs + pushMs }
}

/** When the catalog was surely in step, given when something was broken. */
export class CatalogLag {
  readonly bounds: LagBounds
  readonly #broken: readonly Stretch<Pick<FaultSpan, 'mayBeginNs' | 'overNs'>>[]

  constructor(broken: readonly Pick<FaultSpan, 'mayBeginNs' | 'overNs'>[], bounds: LagBounds) {
    this.bounds = bounds
    this.#broken = stretches(broken)
  }

  /**
   * The moment whose state, or a later one's, the catalog shows at `timeNs`: a
   * push ago in peace; else as long before the last trouble that began in peace.
   * @param settleMs how long peace must have lasted to be one
   */
  reflectedSinceNs(timeNs: number, settleMs: number): number {
    const before = this.#broken.filter(({ fromNs }) => fromNs <= timeNs)
    let atNs = timeNs
    for (let i = before.length - 1; i >= 0; i--) {
      if (atNs >= before[i]!.toNs + settleMs * 1e6) break
      atNs = before[i]!.fromNs
    }
    return atNs - this.bounds.pushMs * 1e6
  }

  /** Nothing was broken from long enough before until the end of this span. */
  isSettled(fromNs: number, toNs: number): boolean {
    return this.#broken.every((stretch) => stretch.fromNs > toNs || stretch.toNs + this.bounds.fullSyncMs * 1e6 <= fromNs)
  }

  /** The end of the trouble that this span touches, and of what touches the span then longer by `againNs`; null where it touches none. */
  troubleUntilNs(fromNs: number, toNs: number, againNs: number): number | null {
    let endNs: number | null = null
    for (const stretch of this.#broken) {
      const untilNs = endNs === null ? toNs : Math.max(toNs, endNs + againNs)
      if (stretch.fromNs <= untilNs && stretch.toNs >= fromNs) endNs = Math.max(endNs ?? 0, stretch.toNs)
    }
    return endNs
  }
}
