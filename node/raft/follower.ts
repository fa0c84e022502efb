import { invariant } from '../base/assert.ts'
import type { MemberId } from './entry.ts'
import type { MemberState } from './member-state.ts'
import type { AppendRequest, AppendResponse, HeartbeatRequest } from './message.ts'

/** What a member does with the words of a leader. Those of a deposed one are answered with the higher term. */

export function stepAppendRequest(state: MemberState, request: AppendRequest): void {
  if (request.term < state.term) {
    // The outcome does not matter to a leader that steps down.
    rejectAppend(state, request, null, state.log.lastIndex + 1)
    return
  }
  follow(state, request.from, request.term)
  const { prevLogIndex, prevLogTerm, entries } = request
  const { log } = state
  if (prevLogIndex > log.lastIndex) {
    rejectAppend(state, request, null, log.lastIndex + 1)
    return
  }
  const ownTerm = log.termAt(prevLogIndex)
  if (prevLogIndex < log.baseIndex) return behindSnapshot(state, request)
  if (ownTerm !== prevLogTerm) {
    rejectAppend(state, request, ownTerm, log.firstIndexOfTermAt(prevLogIndex))
    return
  }
  // Only a real difference cuts the log: a late, shorter request must not drop
  // what a later one brought (thesis §3.5, figure 3.1, AppendEntries 3 and 4).
  const different = log.firstDifference(entries)
  if (different < entries.length) {
    if (entries[different]!.index <= log.lastIndex) state.truncateFrom(entries[different]!.index)
    for (let i = different; i < entries.length; i++) state.append(entries[i]!)
  }
  // Beyond this the log is not known to be the leader's.
  const matchIndex = prevLogIndex + entries.length
  state.commit(Math.min(request.commitIndex, matchIndex))
  acceptAppend(state, request.from, matchIndex)
}

/** What the snapshot covers is committed and so the leader's: only entries behind it can be new. */
function behindSnapshot(state: MemberState, request: AppendRequest): void {
  const { baseIndex, baseTerm } = state.log
  const entries = request.entries.filter((entry) => entry.index > baseIndex)
  if (entries.length === 0) return acceptAppend(state, request.from, baseIndex)
  stepAppendRequest(state, { ...request, prevLogIndex: baseIndex, prevLogTerm: baseTerm, entries })
}

export function stepHeartbeatRequest(state: MemberState, request: HeartbeatRequest): void {
  if (request.term >= state.term) {
    follow(state, request.from, request.term)
    state.commit(request.commitIndex)
  }
  const response = {
    kind: 'heartbeat-response', from: state.id, to: request.from, term: state.term, round: request.round,
  } as const
  // `LeaderContact` relies on it that who answered a leader remembers its term.
  if (state.outbox.durableHardState.term === state.term) state.outbox.send(response)
  else state.outbox.sendDurable(response)
}

/** There is a leader of this term: follow it and wait a whole timeout again. */
export function follow(state: MemberState, leader: MemberId, term: number): void {
  invariant(!(state.role.kind === 'leader' && term === state.term),
    () => `term ${term} has two leaders: ${state.id} and ${leader}`)
  if (term > state.term || state.role.kind !== 'follower' || state.leader !== leader) {
    invariant(term > state.term || state.leader === null || state.leader === leader,
      () => `term ${term} has two leaders: ${state.leader} and ${leader}`)
    state.becomeFollower(term, leader)
  }
  state.contact.heard(leader, state.nowMs)
  state.electionDeadlineMs = state.nowMs + state.electionTimeoutMs
}

/** Tells the leader what this member has on disk, once it has. */
export function acceptAppend(state: MemberState, leader: MemberId, matchIndex: number): void {
  const response: AppendResponse = {
    kind: 'append-response', from: state.id, to: leader, term: state.term, outcome: { accepted: true, matchIndex },
  }
  const onDisk = state.log.durableIndex >= matchIndex && state.outbox.durableHardState.term === state.term
  if (onDisk) state.outbox.send(response)
  else state.outbox.sendDurable(response)
}

function rejectAppend(state: MemberState, request: AppendRequest, conflictTerm: number | null, conflictIndex: number): void {
  state.outbox.send({
    kind: 'append-response', from: state.id, to: request.from, term: state.term,
    outcome: { accepted: false, rejectedIndex: request.prevLogIndex, conflictTerm, conflictIndex },
  })
}
