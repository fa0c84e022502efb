import { confirmationsWanted, suspicionTimeoutMs, suspicionTimeoutMsMax, suspicionTimeoutMsMin } from './bounds.ts'
import type { GossipConfig } from './config.ts'

/** One member's suspicion of another: each who confirms it independently brings its end nearer. */
export class Suspicion {
  readonly #startMs: number
  readonly #minMs: number
  readonly #maxMs: number
  readonly #wanted: number
  /** With who began it, who does not count. */
  readonly #accusers: Set<string>

  /** `members`: believed alive, with oneself. */
  constructor(config: GossipConfig, { from, nowMs, members }: { from: string, nowMs: number, members: number }) {
    this.#startMs = nowMs
    this.#minMs = suspicionTimeoutMsMin(config, members)
    this.#maxMs = suspicionTimeoutMsMax(config, members)
    this.#wanted = confirmationsWanted(config, members)
    this.#accusers = new Set([from])
  }

  /** Whether `from` is one more, and news worth passing on. */
  confirm(from: string): boolean {
    if (this.confirmations >= this.#wanted || this.#accusers.has(from)) return false
    this.#accusers.add(from)
    return true
  }

  get confirmations(): number {
    return this.#accusers.size - 1
  }

  /** When the suspect counts as failed, as things stand. May be past. */
  get deadlineMs(): number {
    return this.#startMs + suspicionTimeoutMs(this.#minMs, this.#maxMs, this.confirmations, this.#wanted)
  }
}
