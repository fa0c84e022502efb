import { parseDurationNs } from '../base/duration.ts'
import type { Log } from '../base/log.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import { encodeCommand } from '../state/commands.ts'
import type { Session, SessionReader } from '../state/sessions.ts'
import type { ProposalOutcome } from './raft-driver.ts'

/** Consul promises not to end a session before its time to live is over, and ends it at twice that. */
const ttlFactor = 2
/** Until an expiry that came to nothing is proposed again. */
const retryMs = 1000

interface Timer {
  dueMs: number
  cancel: Cancel
}

export interface SessionTimersPorts {
  readonly scheduler: Scheduler
  readonly log: Log
  readonly sessions: SessionReader
  readonly propose: (command: Uint8Array, done: (outcome: ProposalOutcome) => void) => void
}

/**
 * The leader's clock for sessions with a time to live. A new leader begins all
 * of them anew, since it cannot know when they were renewed. It proposes the
 * expiry; the state machine carries it out unless a renewal came before.
 */
export class SessionTimers {
  readonly #ports: SessionTimersPorts
  readonly #timers = new Map<string, Timer>()
  #leads = false

  constructor(ports: SessionTimersPorts) {
    this.#ports = ports
  }

  /** How many sessions can expire here. */
  get size(): number {
    return this.#timers.size
  }

  lead(): void {
    if (this.#leads) return
    this.#leads = true
    // Sessions in entries that are not applied yet come by `renewed`.
    for (const session of this.#ports.sessions.list()) this.renewed(session)
  }

  follow(): void {
    this.#leads = false
    for (const { cancel } of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  /** The sessions are others than before: all begin anew. */
  replaced(): void {
    if (!this.#leads) return
    this.follow()
    this.lead()
  }

  /** Also for one that was just created. */
  renewed({ id, ttl }: Session): void {
    const ttlMs = (parseDurationNs(ttl) ?? 0) / 1e6
    if (this.#leads && ttlMs > 0) this.#arm(id, ttlMs * ttlFactor)
  }

  ended(id: string): void {
    this.#timers.get(id)?.cancel()
    this.#timers.delete(id)
  }

  #arm(id: string, afterMs: number): void {
    const dueMs = this.#ports.scheduler.nowMs() + afterMs
    const timer = this.#timers.get(id)
    // One that is due too early is left to fire and looks again: renewals are many.
    if (timer !== undefined && timer.dueMs <= dueMs) {
      timer.dueMs = dueMs
      return
    }
    timer?.cancel()
    this.#timers.set(id, { dueMs, cancel: this.#fireAfter(id, afterMs) })
  }

  #fireAfter(id: string, afterMs: number): Cancel {
    return this.#ports.scheduler.after(afterMs, () => {
      const timer = this.#timers.get(id)
      if (timer === undefined) return
      const leftMs = timer.dueMs - this.#ports.scheduler.nowMs()
      if (leftMs > 0) timer.cancel = this.#fireAfter(id, leftMs)
      else this.#expire(id)
    })
  }

  #expire(id: string): void {
    this.#timers.delete(id)
    const renewedIndex = this.#ports.sessions.renewedIndex(id)
    if (renewedIndex === null) return
    this.#ports.log.debug('the time to live of a session is over', { session: id })
    this.#ports.propose(encodeCommand({ kind: 'session-expire', id, renewedIndex }), () => {
      // Lost, or void by a renewal that has armed it again; else it is gone.
      if (this.#leads && !this.#timers.has(id) && this.#ports.sessions.get(id) !== null) this.#arm(id, retryMs)
    })
  }
}
