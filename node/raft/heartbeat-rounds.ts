import { quorumValue } from './quorum.ts'
import type { Progress } from './progress.ts'

/**
 * The numbered heartbeat rounds of one leadership. A round that a quorum
 * answered proves that this member still led when it was sent: each answer
 * says that the answerer was in this term when it answered, so it had not yet
 * voted in a higher one, and a new leader would need a vote of at least one of
 * them.
 */
export class HeartbeatRounds {
  #latest = 0
  #confirmed = 0
  #confirmedSentMs = Number.NEGATIVE_INFINITY
  /** When the rounds after `#confirmed` were sent, oldest first. Short: without answers the leader soon steps down. */
  #sentMs: number[] = []

  get latest(): number {
    return this.#latest
  }

  /** The highest round that a quorum, this leader included, has answered. */
  get confirmed(): number {
    return this.#confirmed
  }

  /** Begins a round; returns its number. */
  start(nowMs: number): number {
    this.#sentMs.push(nowMs)
    return ++this.#latest
  }

  /** Counts the answers. True if a further round is confirmed. */
  count(followers: readonly Progress[], leaderIsVoter = true): boolean {
    const rounds = leaderIsVoter ? [this.#latest] : []
    for (const follower of followers) if (follower.isVoter) rounds.push(follower.ackedRound)
    const confirmed = quorumValue(rounds)
    if (confirmed <= this.#confirmed) return false
    this.#confirmedSentMs = this.#sentMs[confirmed - this.#confirmed - 1]!
    this.#sentMs.splice(0, confirmed - this.#confirmed)
    this.#confirmed = confirmed
    return true
  }

  /** Whether the lease holds: from when the confirmed round was SENT, since its receivers wait from no earlier. */
  leaseHolds(nowMs: number, leaseMs: number): boolean {
    return nowMs < this.#confirmedSentMs + leaseMs
  }
}
