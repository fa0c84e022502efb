import type { Scheduler } from '../base/scheduler.ts'
import { decodeCommand, mayLock } from '../state/commands.ts'
import type { ApplyResult } from '../state/state-machine.ts'
import { checkBefore } from '../state/txn.ts'

/** Below so many keys nobody looks for those whose delay is over. */
const sweepKeysMin = 1024

/**
 * Lock-delays (Consul documentation, "Sessions"): when a session ends against
 * its will, its holder may not have noticed yet, so that for a while nobody
 * gets its locks. Every member notes the end as it applies the entry, by its
 * own clock, and whoever leads refuses what comes too early before it is
 * proposed: a clock has no say in the replicated state.
 */
export class LockDelays {
  readonly #scheduler: Pick<Scheduler, 'nowMs'>
  readonly #untilMs = new Map<string, number>()
  #sweepAtKeys = sweepKeysMin
  #knownFromIndex = 0

  constructor(scheduler: Pick<Scheduler, 'nowMs'>) {
    this.#scheduler = scheduler
  }

  /** Nobody may lock `key` for this long. */
  delay(key: string, delayMs: number): void {
    const nowMs = this.#scheduler.nowMs()
    this.#untilMs.set(key, nowMs + delayMs)
    if (this.#untilMs.size < this.#sweepAtKeys) return
    for (const [other, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(other)
    this.#sweepAtKeys = Math.max(sweepKeysMin, this.#untilMs.size * 2)
  }

  isDelayed(key: string): boolean {
    const untilMs = this.#untilMs.get(key)
    if (untilMs === undefined) return false
    if (untilMs > this.#scheduler.nowMs()) return true
    this.#untilMs.delete(key)
    return false
  }

  /** This member leads. In entries up to `lastIndex` there may stand ends of sessions that it has not applied yet. */
  lead(lastIndex: number): void {
    this.#knownFromIndex = lastIndex
  }

  /** What a leader that has applied up to `appliedIndex` says to a command that it is given; null to propose it. */
  admit(command: Uint8Array, appliedIndex: number): ApplyResult | 'later' | null {
    if (!mayLock(command)) return null
    const decoded = decodeCommand(command)
    if (decoded.kind === 'lock') {
      if (appliedIndex < this.#knownFromIndex) return 'later'
      return this.isDelayed(decoded.key) ? { kind: 'kv', succeeded: false } : null
    }
    if (decoded.kind !== 'txn' || !decoded.operations.some(({ verb }) => verb === 'lock')) return null
    if (appliedIndex < this.#knownFromIndex) return 'later'
    const errors = checkBefore(decoded.operations, (key) => this.isDelayed(key))
    return errors.length === 0 ? null : { kind: 'txn', outcome: { results: [], errors } }
  }
}
