import { invariant } from '../base/assert.ts'
import { HeartbeatRounds } from './heartbeat-rounds.ts'
import { endOverdueTransfer } from './leadership-transfer.ts'
import type { Leadership, MemberState } from './member-state.ts'
import { followersOf } from './membership.ts'
import { quorumValue } from './quorum.ts'
import { startRound } from './read-index.ts'
import { ReadQueue } from './reads.ts'

/** A quorum voted for this member. */
export function startLeadership(state: MemberState): void {
  invariant(state.role.kind === 'candidate' && state.votedFor === state.id,
    () => `${state.id} cannot lead term ${state.term} as ${state.role.kind} that voted for ${state.votedFor}`)
  const { config, log, nowMs } = state
  const firstIndex = log.lastIndex + 1
  const followers = followersOf(state, [], firstIndex)
  const leadership: Leadership = {
    kind: 'leader', followers, rounds: new HeartbeatRounds(), reads: new ReadQueue(), firstIndex,
    heartbeatDueMs: nowMs,
    quorumCheckDueMs: nowMs + config.electionTimeoutMs,
    appendsPending: true, transfer: null, leaseGivenUp: false,
  }
  state.role = leadership
  state.leader = state.id
  state.noteTransition()
  // Entries of earlier terms commit only below one of this term (thesis §3.6.2),
  // so there must be one, though no client asks for it (§6.4).
  state.append({ index: firstIndex, term: state.term, kind: 'empty', data: new Uint8Array(0) })
  startRound(state, leadership)
}

export function tickLeadership(state: MemberState, leadership: Leadership): void {
  if (state.nowMs >= leadership.quorumCheckDueMs && !hearsQuorum(state, leadership)) {
    // Cut off: clients should look for another leader (thesis §6.2).
    state.becomeFollower(state.term, null)
    return
  }
  endOverdueTransfer(state, leadership)
  if (state.nowMs >= leadership.heartbeatDueMs) startRound(state, leadership)
}

/** The next time `tickLeadership` has something to do. */
export function leadershipDueMs(leadership: Leadership): number {
  return Math.min(leadership.heartbeatDueMs, leadership.quorumCheckDueMs)
}

/** Whether a quorum answered within the election timeout; sets when to look again. */
function hearsQuorum(state: MemberState, leadership: Leadership): boolean {
  const heardMs = state.isVoter ? [state.nowMs] : []
  for (const follower of leadership.followers) if (follower.isVoter) heardMs.push(follower.lastHeardMs)
  leadership.quorumCheckDueMs = quorumValue(heardMs) + state.config.electionTimeoutMs
  return leadership.quorumCheckDueMs > state.nowMs
}
