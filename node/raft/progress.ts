import type { MemberId } from './entry.ts'
import type { Snapshot } from './snapshot.ts'

/** A snapshot on its way to a follower. Invariant: ackedOffset <= nextOffset <= the image's size. */
export interface Transfer {
  readonly snapshot: Snapshot
  nextOffset: number
  /** The follower has said that it has so many bytes. */
  ackedOffset: number
  lastAdvanceMs: number
}

/**
 * What a leader knows of one follower's log, and how it sends to it.
 *
 * - `probe`: where the logs agree is not known, at the start or after a
 *   rejection. One append request at a time; `nextIndex` waits for its answer.
 * - `replicate`: they agree. Requests follow each other without waiting for
 *   answers, `nextIndex` runs ahead of them, up to a window of unanswered ones
 *   (thesis §10.2.2, pipelining).
 * - `snapshot`: what it needs next is compacted away; it gets the snapshot first.
 *
 * Invariant: matchIndex < nextIndex.
 */
export class Progress {
  readonly id: MemberId
  mode: 'probe' | 'replicate' | 'snapshot' = 'probe'
  /** Not null exactly in mode `snapshot`. */
  transfer: Transfer | null = null
  /** The follower has the leader's log up to here on disk. Only grows within a leadership. */
  matchIndex = 0
  /** The first index to send next. */
  nextIndex: number
  /** Whether it counts for a quorum. */
  isVoter = true
  /** A non-voter may vote when it is level; counts only where nobody is promoted unasked. */
  mayVote = false
  /** A non-voter's round of catching up: level with what the log had when it began (thesis §4.2.1). */
  catchUp: { readonly targetIndex: number, readonly startedMs: number } | null = null
  /** When it last answered anything in this term. */
  lastHeardMs: number
  /** The highest heartbeat round it answered. */
  ackedRound = 0
  /** A probe is under way. */
  probeSent = false
  /** When something unanswered was sent first, or an answer last moved `matchIndex`. */
  lastAdvanceMs: number
  /** Last indexes of the unanswered requests, oldest first: a ring. */
  readonly #inflight: number[]
  #inflightStart = 0
  #inflightCount = 0

  constructor(id: MemberId, nextIndex: number, inflightMax: number, nowMs: number) {
    this.id = id
    this.nextIndex = nextIndex
    this.lastHeardMs = nowMs
    this.lastAdvanceMs = nowMs
    this.#inflight = new Array<number>(inflightMax).fill(0)
  }

  get inflightCount(): number {
    return this.#inflightCount
  }

  /** Whether an append request with entries may leave. */
  get maySend(): boolean {
    if (this.mode === 'snapshot') return false
    return this.mode === 'probe' ? !this.probeSent : this.#inflightCount < this.#inflight.length
  }

  /** Whether entries were sent whose fate is unknown. */
  get awaitsAnswer(): boolean {
    if (this.mode === 'snapshot') return false
    return this.mode === 'probe' ? this.probeSent : this.nextIndex - 1 > this.matchIndex
  }

  /** An append request with entries up to `lastIndex` leaves. */
  sent(lastIndex: number, nowMs: number): void {
    if (!this.awaitsAnswer) this.lastAdvanceMs = nowMs
    if (this.mode === 'probe') {
      this.probeSent = true
      return
    }
    this.#inflight[(this.#inflightStart + this.#inflightCount) % this.#inflight.length] = lastIndex
    this.#inflightCount++
    this.nextIndex = lastIndex + 1
  }

  /** The follower has everything up to `matchIndex`. */
  accepted(matchIndex: number, nowMs: number): void {
    if (matchIndex > this.matchIndex) {
      this.matchIndex = matchIndex
      this.lastAdvanceMs = nowMs
    }
    // A late answer says nothing of the entries that the snapshot is to bring.
    if (this.transfer !== null && this.matchIndex < this.transfer.snapshot.head.lastIndex) return
    if (this.mode !== 'replicate') {
      this.mode = 'replicate'
      this.transfer = null
      this.nextIndex = this.matchIndex + 1
      this.#forgetInflight()
      return
    }
    if (this.nextIndex <= this.matchIndex) this.nextIndex = this.matchIndex + 1
    while (this.#inflightCount > 0 && this.#inflight[this.#inflightStart]! <= this.matchIndex) {
      this.#inflightStart = (this.#inflightStart + 1) % this.#inflight.length
      this.#inflightCount--
    }
  }

  /**
   * Whether a rejection of a request after `rejectedIndex` tells anything new.
   * Old ones come late: one below what has been accepted since, or one of a
   * pipeline whose first rejection was handled already.
   */
  isNewRejection(rejectedIndex: number): boolean {
    if (rejectedIndex <= this.matchIndex || this.mode === 'snapshot') return false
    return this.mode === 'replicate' || rejectedIndex === this.nextIndex - 1
  }

  startSnapshot(snapshot: Snapshot, nowMs: number): void {
    this.mode = 'snapshot'
    this.transfer = { snapshot, nextOffset: 0, ackedOffset: 0, lastAdvanceMs: nowMs }
    this.#forgetInflight()
  }

  /** The logs differ at `nextIndex - 1` or before: try again from `nextIndex`. */
  probeFrom(nextIndex: number): void {
    this.mode = 'probe'
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1)
    this.probeSent = false
    this.#forgetInflight()
  }

  #forgetInflight(): void {
    this.#inflightStart = 0
    this.#inflightCount = 0
    this.probeSent = false
  }
}
