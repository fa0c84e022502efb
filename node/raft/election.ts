import type { MemberId } from './entry.ts'
import { startLeadership } from './leadership.ts'
import type { Campaign, MemberState } from './member-state.ts'
import type { PreVoteRequest, PreVoteResponse, VoteRequest, VoteResponse } from './message.ts'
import { quorumSize } from './quorum.ts'

/**
 * Elections (thesis §3.4) with pre-votes (§9.6) and leader stickiness (§4.2.3).
 *
 * follower --timeout--> pre-candidate --quorum of pre-votes--> candidate
 * --quorum of votes--> leader. A pre-vote changes nothing at either side, so a
 * member that cannot win, cut off or behind, never raises its term.
 */

/** The election timer ran out, or votes should be asked for again. */
export function tickElection(state: MemberState): void {
  if (state.nowMs >= state.electionDeadlineMs) {
    if (state.mayCampaign) startPreVote(state)
    else state.startElectionTimer()
    return
  }
  const { role } = state
  if ((role.kind === 'pre-candidate' || role.kind === 'candidate') && state.nowMs >= role.resendDueMs) {
    role.resendDueMs = state.nowMs + state.config.heartbeatIntervalMs
    askAgain(state, role)
  }
}

/** The next time `tickElection` has something to do. */
export function electionDueMs(state: MemberState): number {
  const { role } = state
  return role.kind === 'pre-candidate' || role.kind === 'candidate'
    ? Math.min(state.electionDeadlineMs, role.resendDueMs)
    : state.electionDeadlineMs
}

/**
 * The transport lost its connection to `id`. If that is the leader, it has
 * probably died: campaign as soon as the hold of `LeaderContact` allows, a
 * little spread so that two members rarely start at the same moment.
 */
export function connectionLost(state: MemberState, id: MemberId): void {
  if (!state.contact.connectionLost(id) || state.role.kind !== 'follower') return
  const spreadMs = state.random.fraction() * state.config.heartbeatIntervalMs / 2
  const earliestMs = Math.max(state.nowMs, state.contact.refusesUntilMs()) + spreadMs
  state.electionDeadlineMs = Math.min(state.electionDeadlineMs, earliestMs)
}

/** The disk holds this member's vote for itself: only now does it count, for a restart could give it to another. */
export function countOwnVote(state: MemberState): void {
  const { role } = state
  const { term, votedFor } = state.outbox.durableHardState
  if (role.kind !== 'candidate' || term !== state.term || votedFor !== state.id || role.votes.has(state.id)) return
  role.votes.set(state.id, true)
  becomeLeaderIfElected(state, role)
}

function startPreVote(state: MemberState): void {
  const role = startCampaign(state, 'pre-candidate')
  role.votes.set(state.id, true)
  state.noteTransition()
  if (hasQuorum(state, role)) startVote(state)
  else askAgain(state, role)
}

/** The leader asked for it: without pre-votes, which a living leader would keep from being granted. */
export function startTransferredVote(state: MemberState): void {
  startVote(state, true)
}

function startVote(state: MemberState, transfer = false): void {
  startCampaign(state, 'candidate', transfer)
  state.enterTerm(state.term + 1)
  state.vote(state.id)
  state.noteTransition()
  // The requests wait for the disk. If they left before, and a crash took the
  // unwritten end of this log, the member could campaign again in this term with
  // the shorter log and win with votes that were meant for the longer one.
  for (const voter of state.voters) {
    if (voter.id !== state.id) state.outbox.sendDurable(voteRequest(state, voter.id, transfer))
  }
}

function startCampaign(state: MemberState, kind: Campaign['kind'], transfer = false): Campaign {
  const role: Campaign = { kind, transfer, votes: new Map(), resendDueMs: state.nowMs + state.config.heartbeatIntervalMs }
  state.role = role
  state.leader = null
  state.startElectionTimer()
  // A lone voter's timer has run out already; it has its own vote and needs no second try.
  if (state.electionDeadlineMs <= state.nowMs) state.electionDeadlineMs = state.nowMs + state.electionTimeoutMs
  return role
}

/** Asks every voter that has not answered: requests and answers get lost. */
function askAgain(state: MemberState, role: Campaign): void {
  // A candidate's first requests are still on their way through the disk.
  if (role.kind === 'candidate' && !role.votes.has(state.id)) return
  for (const voter of state.voters) {
    if (voter.id === state.id || role.votes.get(voter.id) === true) continue
    // Who refused a pre-vote may grant it a moment later; who refused a vote has decided.
    if (role.kind === 'candidate' && role.votes.has(voter.id)) continue
    state.outbox.send(role.kind === 'candidate' ? voteRequest(state, voter.id, role.transfer) : preVoteRequest(state, voter.id))
  }
}

function hasQuorum(state: MemberState, role: Campaign): boolean {
  let granted = 0
  for (const voter of state.voters) if (role.votes.get(voter.id) === true) granted++
  return granted >= quorumSize(state.voters.length)
}

function becomeLeaderIfElected(state: MemberState, role: Campaign): void {
  if (role.votes.get(state.id) === true && hasQuorum(state, role)) startLeadership(state)
}

export function stepPreVoteRequest(state: MemberState, request: PreVoteRequest): void {
  const granted = !refusesBecauseOfLeader(state)
    && (request.term > state.term || (request.term === state.term && mayVoteFor(state, request.from)))
    && state.log.isUpToDate(request.lastLogTerm, request.lastLogIndex)
  state.outbox.send({
    kind: 'pre-vote-response', from: state.id, to: request.from,
    term: granted ? request.term : state.term, granted,
  })
  if (granted && state.role.kind === 'pre-candidate' && yieldsTo(state, request)) {
    // Two that campaign at once would split the votes and wait for another
    // timeout. On a link that keeps order this request comes before the other's
    // grant of ours, so exactly one of two goes on. Who yields tries again after
    // a timeout if the other fails.
    state.becomeFollower(state.term, null)
  }
}

/** Prefers the longer log, then the smaller id. */
function yieldsTo(state: MemberState, request: PreVoteRequest): boolean {
  const sameLog = request.lastLogTerm === state.log.lastTerm && request.lastLogIndex === state.log.lastIndex
  return !sameLog || request.from < state.id
}

export function stepPreVoteResponse(state: MemberState, response: PreVoteResponse): void {
  const { role } = state
  if (!response.granted && response.term > state.term) {
    // Behind in terms only: the next pre-vote asks for a high enough one, soon.
    const wasAsking = role.kind === 'pre-candidate'
    state.becomeFollower(response.term, null)
    if (wasAsking) {
      const soonMs = state.nowMs + state.random.fraction() * state.config.heartbeatIntervalMs
      state.electionDeadlineMs = Math.max(soonMs, state.contact.refusesUntilMs())
    }
    return
  }
  if (role.kind !== 'pre-candidate') return
  if (response.granted && response.term !== state.term + 1) return
  role.votes.set(response.from, response.granted)
  if (hasQuorum(state, role)) startVote(state)
}

export function stepVoteRequest(state: MemberState, request: VoteRequest): void {
  if (request.term > state.term) {
    // A leader lives: this candidate has not heard it. Not even its term counts
    // (thesis §4.2.3). That cannot wedge the candidate: it answers the leader's
    // heartbeats with its higher term, and then the leader steps down.
    if (request.transfer !== true && refusesBecauseOfLeader(state)) return
    state.becomeFollower(request.term, null)
  }
  // A vote given before is given again whatever leader was heard: its first
  // answer may be lost, and it promises nothing new.
  const granted = request.term === state.term && mayVoteFor(state, request.from)
    && (state.votedFor === request.from || request.transfer === true || !refusesBecauseOfLeader(state))
    && state.log.isUpToDate(request.lastLogTerm, request.lastLogIndex)
  if (granted) {
    state.vote(request.from)
    state.startElectionTimer()
    state.noteTransition()
  }
  const response: VoteResponse = { kind: 'vote-response', from: state.id, to: request.from, term: state.term, granted }
  if (granted) state.outbox.sendDurable(response)
  else state.outbox.send(response)
}

export function stepVoteResponse(state: MemberState, response: VoteResponse): void {
  const { role } = state
  if (role.kind !== 'candidate' || response.term !== state.term) return
  role.votes.set(response.from, response.granted)
  becomeLeaderIfElected(state, role)
}

function mayVoteFor(state: MemberState, candidate: MemberId): boolean {
  return state.role.kind !== 'leader' && (state.votedFor === null || state.votedFor === candidate)
}

/** A leader counts as hearing from itself; its quorum check ends that when it should. */
function refusesBecauseOfLeader(state: MemberState): boolean {
  return state.role.kind === 'leader' || state.contact.refusesVotes(state.nowMs)
}

function preVoteRequest(state: MemberState, to: MemberId): PreVoteRequest {
  return {
    kind: 'pre-vote-request', from: state.id, to, term: state.term + 1,
    lastLogIndex: state.log.lastIndex, lastLogTerm: state.log.lastTerm,
  }
}

function voteRequest(state: MemberState, to: MemberId, transfer: boolean): VoteRequest {
  return {
    kind: 'vote-request', from: state.id, to, term: state.term, ...(transfer ? { transfer } : {}),
    lastLogIndex: state.log.lastIndex, lastLogTerm: state.log.lastTerm,
  }
}
