import type { Link, Traffic } from '../environment.ts'

/** `blocks`: nothing passes. `disturbs`: some passes, late or changed. */
export type Hold = 'blocks' | 'disturbs'

/**
 * Who holds which link, over all kinds of faults: a probe of one fault must not
 * take another one's effect for its own failure.
 */
export class LinkHolds {
  readonly #held = new Set<{ readonly from: string, readonly to: string, readonly traffic: Traffic, readonly hold: Hold }>()

  /** @returns how to let go; may be called twice. */
  hold(links: readonly Link[], traffic: Traffic, hold: Hold): () => void {
    const entries = links.map(({ from, to }) => ({ from, to, traffic, hold }))
    for (const entry of entries) this.#held.add(entry)
    return () => {
      for (const entry of entries) this.#held.delete(entry)
    }
  }

  /** Whether a probe of this conversation would meet such a hold. */
  holds({ from, to }: Link, traffic: Traffic, ...kinds: readonly Hold[]): boolean {
    return [...this.#held].some((entry) => entry.from === from && entry.to === to && kinds.includes(entry.hold)
      && (entry.traffic === 'all' || entry.traffic === traffic))
  }

  /** How many holds of any kind such a probe would meet. */
  count({ from, to }: Link, traffic: Traffic): number {
    return [...this.#held].filter((entry) => entry.from === from && entry.to === to && (entry.traffic === 'all' || entry.traffic === traffic)).length
  }
}
