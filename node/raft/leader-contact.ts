import { leaderLostHoldMs, type RaftConfig } from './config.ts'
import type { MemberId } from './entry.ts'

/**
 * When this member last heard from a leader, and what follows for votes.
 *
 * A member that hears from a leader refuses votes and pre-votes for T, the
 * minimum election timeout (thesis §4.2.3), so that a member which cannot hear
 * the leader does not depose it. When the transport reports that the
 * connection to that leader broke, the wait shrinks to the hold of
 * `leaderLostHoldMs`: killed processes break their connections at once, and
 * the members need not wait for the whole timeout.
 *
 * Leases (thesis §6.4.1) stand on this. A leader whose round was sent at s and
 * answered by a quorum Q serves reads until s + leaseMs:
 * 1. Each member of Q heard the leader at s or later. From then on, hint or
 *    not, it neither grants a vote nor campaigns before s + min(T, hold).
 *    Campaigning comes after a timeout of at least T, or after the hold.
 * 2. A restart forgets this contact. So a restarted member behaves as if it had
 *    heard from a leader at its start, for the hold. Only a member whose disk
 *    says that it has never seen a term with a leader (term <= 1: bootstrap is
 *    term 1, the first election term 2) skips that, since an answer to a
 *    heartbeat leaves only after its term is on disk.
 * 3. A new leader needs votes from a quorum, which shares a member with Q. If it
 *    is the old leader itself, that vote ended its leadership and its lease.
 *    Otherwise the vote came after s + hold > s + leaseMs.
 * The hint may be wrong (the leader lives, only its connections dropped) without
 * harm: step 1 does not ask whether it is right. The margin between lease and
 * hold pays for clocks that run at different rates.
 */
export class LeaderContact {
  readonly #electionTimeoutMs: number
  readonly #holdMs: number
  #lastMs: number | null = null
  #leader: MemberId | null = null
  #lost = false
  #restartGuardMs: number

  /** `startMs`: when the member started; `durableTerm`: the term on its disk then. */
  constructor(config: RaftConfig, startMs: number, durableTerm: number) {
    this.#electionTimeoutMs = config.electionTimeoutMs
    this.#holdMs = leaderLostHoldMs(config)
    this.#restartGuardMs = durableTerm > 1 ? startMs + this.#holdMs : Number.NEGATIVE_INFINITY
  }

  /** Null if this member has not heard from any leader since it started. */
  get lastMs(): number | null {
    return this.#lastMs
  }

  heard(leader: MemberId, nowMs: number): void {
    this.#lastMs = nowMs
    this.#leader = leader
    this.#lost = false
  }

  /** The transport lost its connection to `id`. True if that is the leader heard last, and news. */
  connectionLost(id: MemberId): boolean {
    if (id !== this.#leader || this.#lost) return false
    this.#lost = true
    return true
  }

  /** Before this, votes and pre-votes are refused. */
  refusesUntilMs(): number {
    if (this.#lastMs === null) return this.#restartGuardMs
    return Math.max(this.#restartGuardMs, this.#lastMs + (this.#lost ? this.#holdMs : this.#electionTimeoutMs))
  }

  refusesVotes(nowMs: number): boolean {
    return nowMs < this.refusesUntilMs()
  }
}
