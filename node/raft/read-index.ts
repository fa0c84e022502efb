import type { MemberId } from './entry.ts'
import type { Leadership, MemberState } from './member-state.ts'
import type { HeartbeatResponse } from './message.ts'
import { noteSilence } from './replication.ts'

/** `lease`: confirmed at once while the leader holds its lease, else like `quorum`. `quorum`: always a round. */
export type ReadMode = 'lease' | 'quorum'

export type ReadAnswer =
  /** The outcome comes in `Ready.reads`. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'not-leader', readonly leader: MemberId | null }

/** Asks for an index that a state machine must have applied to answer a linearizable read (thesis §6.4). */
export function requestRead(state: MemberState, readId: number, mode: ReadMode): ReadAnswer {
  const { role } = state
  if (role.kind !== 'leader') return { kind: 'not-leader', leader: state.leader }
  if (mode === 'lease' && !role.leaseGivenUp && commitIndexIsCurrent(state, role) && role.rounds.leaseHolds(state.nowMs, state.config.leaseMs)) {
    state.outbox.read({ kind: 'confirmed', readId, readIndex: state.commitIndex })
  } else {
    role.reads.add(readId)
  }
  return { kind: 'pending' }
}

/** Whether waiting reads should begin a round of their own now. */
export function needsReadRound(state: MemberState, leadership: Leadership): boolean {
  return leadership.reads.hasWaiting && !leadership.reads.roundUnderWay && commitIndexIsCurrent(state, leadership)
}

/** Begins a heartbeat round, which waiting reads join. */
export function startRound(state: MemberState, leadership: Leadership): void {
  const round = leadership.rounds.start(state.nowMs)
  leadership.heartbeatDueMs = state.nowMs + state.config.heartbeatIntervalMs
  if (commitIndexIsCurrent(state, leadership)) leadership.reads.joinRound(round, state.commitIndex)
  for (const follower of leadership.followers) {
    state.outbox.send({
      kind: 'heartbeat-request', from: state.id, to: follower.id, term: state.term, round,
      // Beyond its match the follower may hold entries that another leader left there.
      commitIndex: Math.min(state.commitIndex, follower.matchIndex),
    })
  }
  countRounds(state, leadership)
}

export function stepHeartbeatResponse(state: MemberState, leadership: Leadership, response: HeartbeatResponse): void {
  const follower = leadership.followers.find((progress) => progress.id === response.from)
  if (follower === undefined) return
  follower.lastHeardMs = state.nowMs
  if (response.round > follower.ackedRound) {
    follower.ackedRound = response.round
    // Who is slower than a quorum changes nothing.
    if (response.round > leadership.rounds.confirmed) countRounds(state, leadership)
  }
  noteSilence(state, leadership, follower)
}

function countRounds(state: MemberState, leadership: Leadership): void {
  if (leadership.rounds.count(leadership.followers, state.isVoter)) {
    leadership.reads.confirmUpTo(leadership.rounds.confirmed, state.outbox)
  }
}

/**
 * A new leader has every committed entry but does not know which are, until one
 * of its own term is (thesis §6.4, step 1). Before that its commit index may lie
 * below what its predecessor acknowledged.
 */
function commitIndexIsCurrent(state: MemberState, leadership: Leadership): boolean {
  return state.commitIndex >= leadership.firstIndex
}
