import type { Entry, HardState, MemberId } from './entry.ts'
import type { Message } from './message.ts'
import type { SnapshotChunk } from './snapshot.ts'

/**
 * What the core wants done since the last `takeReady()`. The order is a
 * contract that the driver keeps:
 *
 * 1. `messages` may leave at once. They promise nothing that is not on disk
 *    already (a leader's append requests may overtake its own disk, thesis §10.2.1).
 * 2. `persist`, if not null, goes to disk, hard state and entries together, and is
 *    durable before its `messages` leave and before `core.persisted(persist)` is
 *    called. There is never more than one outstanding: while one is, `takeReady()`
 *    gives null here, and what comes meanwhile is in the next one. That is the
 *    group commit.
 * 3. `committed` entries are applied in order, each exactly once since the core was made.
 *    They need not wait for this member's own disk: a quorum has them on theirs.
 * 4. `snapshotChunks` are gathered; when an image is complete, it is made durable,
 *    restored, and handed to `core.installSnapshot`, with no write outstanding.
 * 5. `reads` are answered by a state machine that has applied up to `readIndex`.
 */
export interface Ready {
  readonly messages: readonly Message[]
  readonly persist: Persist | null
  readonly committed: readonly Entry[]
  readonly snapshotChunks: readonly SnapshotChunk[]
  readonly reads: readonly ReadOutcome[]
  /** Changes of role or term in order, for logs, the trace and whoever waits for a leader. */
  readonly transitions: readonly Transition[]
  /** What this member, as a leader, found committed by counting, in order: for the trace. */
  readonly leaderCommits: readonly LeaderCommit[]
}

export interface Persist {
  /** Null if unchanged since the last one. */
  readonly hardState: HardState | null
  /** Contiguous; the first may stand below the disk's last index, and then replaces all from there. */
  readonly entries: readonly Entry[]
  /** Leave only when the above is durable: votes and append responses promise it. */
  readonly messages: readonly Message[]
}

export type ReadOutcome =
  | { readonly kind: 'confirmed', readonly readId: number, readonly readIndex: number }
  /** Leadership was lost before the read was confirmed. */
  | { readonly kind: 'aborted', readonly readId: number }

/** In `term` its leader counted a quorum that has the entry at `index`, which is of `entryTerm`. */
export interface LeaderCommit {
  readonly term: number
  readonly index: number
  readonly entryTerm: number
}

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

export interface Transition {
  readonly term: number
  readonly role: Role
  readonly leader: MemberId | null
  readonly votedFor: MemberId | null
}
