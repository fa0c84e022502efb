import type { Entry, MemberId } from './entry.ts'
import type { ImageId } from './snapshot.ts'

/**
 * All that one Raft core says to another. `term` is the sender's current term,
 * except in a pre-vote request, where it is the term it would campaign in.
 * Messages may be lost, delayed, repeated and reordered. They are immutable:
 * a simulation hands the same object to the receiver.
 */
export type Message = PreVoteRequest | PreVoteResponse | VoteRequest | VoteResponse
  | AppendRequest | AppendResponse | HeartbeatRequest | HeartbeatResponse | SnapshotRequest | SnapshotResponse
  | TimeoutNow

interface Addressed {
  readonly from: MemberId
  readonly to: MemberId
  readonly term: number
}

/** Thesis §9.6: would you vote for me in `term`? Changes nothing at either side. */
export interface PreVoteRequest extends Addressed {
  readonly kind: 'pre-vote-request'
  readonly lastLogIndex: number
  readonly lastLogTerm: number
}

/** `term` echoes the request's when granted, and is the refuser's own when not. */
export interface PreVoteResponse extends Addressed {
  readonly kind: 'pre-vote-response'
  readonly granted: boolean
}

export interface VoteRequest extends Addressed {
  readonly kind: 'vote-request'
  /** The leader itself asked for this campaign: its life is no reason to refuse (thesis §4.2.3). Absent: no. */
  readonly transfer?: boolean
  readonly lastLogIndex: number
  readonly lastLogTerm: number
}

export interface VoteResponse extends Addressed {
  readonly kind: 'vote-response'
  readonly granted: boolean
}

export interface AppendRequest extends Addressed {
  readonly kind: 'append-request'
  readonly prevLogIndex: number
  readonly prevLogTerm: number
  readonly entries: readonly Entry[]
  readonly commitIndex: number
}

/**
 * `matchIndex` (accepted): the sender's log equals the leader's up to it, on disk.
 * Rejected: the conflict hints of the Raft paper §5.3, so that the leader
 * skips a whole term at once.
 */
export interface AppendResponse extends Addressed {
  readonly kind: 'append-response'
  readonly outcome:
    | { readonly accepted: true, readonly matchIndex: number }
    | {
      readonly accepted: false
      /** The `prevLogIndex` that was refused. */
      readonly rejectedIndex: number
      /** The term of the sender's entry at `rejectedIndex`, or null if its log is shorter. */
      readonly conflictTerm: number | null
      /** The first index of `conflictTerm`, or the sender's last index + 1 if its log is shorter. */
      readonly conflictIndex: number
    }
}

/**
 * Keeps followers from campaigning and carries a round number that confirms
 * leadership for reads (thesis §6.4) and for the lease (§6.4.1). Answered
 * without touching the disk.
 */
export interface HeartbeatRequest extends Addressed {
  readonly kind: 'heartbeat-request'
  /** Counts up within a leadership. */
  readonly round: number
  /** Not above what the receiver is known to hold. */
  readonly commitIndex: number
}

export interface HeartbeatResponse extends Addressed {
  readonly kind: 'heartbeat-response'
  readonly round: number
}

/** A chunk of the leader's snapshot (thesis figure 5.3); an empty one at the image's end only asks. */
export interface SnapshotRequest extends Addressed {
  readonly kind: 'snapshot-request'
  readonly image: ImageId
  readonly offset: number
  readonly data: Uint8Array
}

/** The sender has the image's first `receivedBytes` bytes, perhaps only in memory; installed, it answers like an append. */
export interface SnapshotResponse extends Addressed {
  readonly kind: 'snapshot-response'
  readonly image: ImageId
  readonly receivedBytes: number
}

/** Thesis §3.10: the leader of `term` wants the receiver to campaign at once. */
export interface TimeoutNow extends Addressed {
  readonly kind: 'timeout-now'
}
