import type { MemberId } from './entry.ts'
import { startTransferredVote } from './election.ts'
import type { Leadership, MemberState } from './member-state.ts'
import type { TimeoutNow } from './message.ts'

export type TransferAnswer =
  /** Proposals are refused until another leads, or an election timeout has passed in vain. */
  | { readonly kind: 'started', readonly target: MemberId }
  | { readonly kind: 'not-leader', readonly leader: MemberId | null }
  /** `problem`: a sentence without its full stop. */
  | { readonly kind: 'refused', readonly problem: string }

/**
 * Leadership transfer (thesis §3.10): the leader takes no more proposals, brings
 * the target level, and tells it to campaign at once. `target` null: the voter
 * that has the most of the log.
 */
export function transferLeadership(state: MemberState, target: MemberId | null): TransferAnswer {
  const { role } = state
  if (role.kind !== 'leader') return { kind: 'not-leader', leader: state.leader }
  if (role.transfer !== null) return { kind: 'refused', problem: `leadership is on its way to ${role.transfer.target} already` }
  const candidates = role.followers.filter((follower) => follower.isVoter && (target === null || follower.id === target))
  const best = candidates.sort((a, b) => b.matchIndex - a.matchIndex)[0]
  if (best === undefined) return { kind: 'refused', problem: target === null ? 'there is no other voter' : `${target} is no other voter` }
  role.transfer = { target: best.id, deadlineMs: state.nowMs + state.config.electionTimeoutMs, told: false }
  role.appendsPending = true
  tellTarget(state, role)
  return { kind: 'started', target: best.id }
}

/** Once the target has the whole log. */
export function tellTarget(state: MemberState, leadership: Leadership): void {
  const { transfer } = leadership
  if (transfer === null || transfer.told) return
  const target = leadership.followers.find(({ id }) => id === transfer.target)
  if (target?.matchIndex !== state.log.lastIndex) return
  transfer.told = true
  // From now on a vote may be given within the lease, however late the message
  // arrives: for the rest of this leadership reads need a round each.
  leadership.leaseGivenUp = true
  state.outbox.send({ kind: 'timeout-now', from: state.id, to: transfer.target, term: state.term })
}

/** It did not work: lead on. */
export function endOverdueTransfer(state: MemberState, leadership: Leadership): void {
  if (leadership.transfer !== null && state.nowMs >= leadership.transfer.deadlineMs) leadership.transfer = null
}

export function stepTimeoutNow(state: MemberState, message: TimeoutNow): void {
  if (message.term !== state.term || state.role.kind !== 'follower' || !state.isVoter) return
  startTransferredVote(state)
}
