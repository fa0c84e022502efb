import type { Configuration, MemberId } from './entry.ts'
import type { MemberState } from './member-state.ts'
import type { Role } from './ready.ts'

/** What one member knows of itself and the cluster, for operators, HTTP headers and tests. */
export interface RaftStatus {
  readonly id: MemberId
  readonly role: Role
  readonly term: number
  readonly votedFor: MemberId | null
  /** Itself, if it leads; null if none is known. */
  readonly leader: MemberId | null
  readonly commitIndex: number
  readonly lastIndex: number
  /** The newest snapshot ends here; 0 without one. */
  readonly snapshotIndex: number
  /** Up to here the log is on this member's disk. */
  readonly durableIndex: number
  /** On the clock given to the core; null if no leader was heard since the start. A leader does not hear itself. */
  readonly lastLeaderContactMs: number | null
  readonly configuration: Configuration
  /** Of each other member, if this member leads; else empty. */
  readonly followers: readonly FollowerStatus[]
}

export interface FollowerStatus {
  readonly id: MemberId
  readonly isVoter: boolean
  readonly mode: 'probe' | 'replicate' | 'snapshot'
  readonly matchIndex: number
  readonly nextIndex: number
  /** Append requests without an answer. */
  readonly inflight: number
  readonly lastHeardMs: number
}

export function statusOf(state: MemberState): RaftStatus {
  const { role } = state
  return {
    id: state.id,
    role: role.kind,
    term: state.term,
    votedFor: state.votedFor,
    leader: state.leader,
    commitIndex: state.commitIndex,
    lastIndex: state.log.lastIndex,
    snapshotIndex: state.snapshot?.head.lastIndex ?? 0,
    durableIndex: state.log.durableIndex,
    lastLeaderContactMs: state.contact.lastMs,
    configuration: state.configurations.current,
    followers: role.kind !== 'leader' ? [] : role.followers.map((follower) => ({
      id: follower.id, isVoter: follower.isVoter, mode: follower.mode, matchIndex: follower.matchIndex, nextIndex: follower.nextIndex,
      inflight: follower.inflightCount, lastHeardMs: follower.lastHeardMs,
    })),
  }
}
