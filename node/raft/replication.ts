import { invariant } from '../base/assert.ts'
import type { Entry } from './entry.ts'
import { beginTransfer, noteTransferSilence, sendChunks } from './install-snapshot.ts'
import { tellTarget } from './leadership-transfer.ts'
import { promoteIfLevel, stepDownIfRemoved } from './membership.ts'
import type { Leadership, MemberState } from './member-state.ts'
import type { AppendResponse } from './message.ts'
import type { Progress } from './progress.ts'
import { quorumValue } from './quorum.ts'

/** Appends commands; `sendAppends` carries them to the followers, however many proposals came meanwhile. */
export function appendCommands(state: MemberState, leadership: Leadership, commands: readonly Uint8Array[]): number {
  const firstIndex = state.log.lastIndex + 1
  for (let i = 0; i < commands.length; i++) {
    state.append({ index: firstIndex + i, term: state.term, kind: 'command', data: commands[i]! })
  }
  leadership.appendsPending = true
  return firstIndex
}

/** Sends every follower what it lacks, as far as its window reaches. */
export function sendAppends(state: MemberState, leadership: Leadership): void {
  leadership.appendsPending = false
  const slices = new SliceCache(state)
  for (const follower of leadership.followers) {
    if (follower.mode !== 'snapshot' && follower.nextIndex <= state.log.baseIndex) beginTransfer(state, follower)
    sendChunks(state, follower)
    while (follower.maySend && follower.nextIndex <= state.log.lastIndex) {
      const entries = slices.from(follower.nextIndex)
      sendAppend(state, follower, entries)
      follower.sent(follower.nextIndex + entries.length - 1, state.nowMs)
    }
  }
}

/** Followers that are level share one array, so that it can be encoded once. */
class SliceCache {
  readonly #state: MemberState
  readonly #slices = new Map<number, readonly Entry[]>()

  constructor(state: MemberState) {
    this.#state = state
  }

  from(firstIndex: number): readonly Entry[] {
    let entries = this.#slices.get(firstIndex)
    if (entries === undefined) {
      const { appendEntriesMax, appendBytesMax } = this.#state.config
      entries = this.#state.log.slice(firstIndex, appendEntriesMax, appendBytesMax)
      this.#slices.set(firstIndex, entries)
    }
    return entries
  }
}

function sendAppend(state: MemberState, follower: Progress, entries: readonly Entry[]): void {
  const prevLogIndex = follower.nextIndex - 1
  const prevLogTerm = state.log.termAt(prevLogIndex)
  invariant(prevLogTerm !== null, () => `${follower.id} needs entry ${prevLogIndex}, outside ${state.log.baseIndex}..${state.log.lastIndex}`)
  state.outbox.send({
    kind: 'append-request', from: state.id, to: follower.id, term: state.term,
    prevLogIndex, prevLogTerm, entries, commitIndex: state.commitIndex,
  })
}

/**
 * The follower is alive. If what was sent to it has gone unanswered for a
 * heartbeat interval, it was lost, or its answer was, or its disk is slow. An
 * empty request tells which without sending anything twice: it is accepted
 * where the entries arrived, and rejected where they did not.
 */
export function noteSilence(state: MemberState, leadership: Leadership, follower: Progress): void {
  noteTransferSilence(state, follower)
  promoteIfLevel(state, leadership, follower)
  if (follower.nextIndex > state.log.baseIndex && follower.awaitsAnswer && state.nowMs - follower.lastAdvanceMs >= state.config.heartbeatIntervalMs) {
    follower.lastAdvanceMs = state.nowMs
    sendAppend(state, follower, [])
  }
  if (follower.nextIndex <= state.log.lastIndex) leadership.appendsPending = true
}

export function stepAppendResponse(state: MemberState, leadership: Leadership, response: AppendResponse): void {
  const follower = leadership.followers.find((progress) => progress.id === response.from)
  if (follower === undefined) return
  follower.lastHeardMs = state.nowMs
  leadership.appendsPending = true
  const { outcome } = response
  if (outcome.accepted) {
    invariant(outcome.matchIndex <= state.log.lastIndex,
      () => `${follower.id} claims entries up to ${outcome.matchIndex} of term ${state.term}, whose leader has ${state.log.lastIndex}`)
    follower.accepted(outcome.matchIndex, state.nowMs)
    if (outcome.matchIndex > state.commitIndex) commitReplicated(state, leadership)
    // It may have removed itself by that.
    if (state.role !== leadership) return
    promoteIfLevel(state, leadership, follower)
    tellTarget(state, leadership)
    return
  }
  if (!follower.isNewRejection(outcome.rejectedIndex)) return
  follower.probeFrom(nextIndexAfterRejection(state, outcome))
}

/**
 * Where to try next. The follower's term at the rejected index and the first
 * index of that term let a whole term be skipped in one step (Raft paper §5.3).
 */
function nextIndexAfterRejection(state: MemberState, { rejectedIndex, conflictTerm, conflictIndex }: Rejection): number {
  if (conflictTerm === null) return Math.min(conflictIndex, rejectedIndex)
  // The logs can agree only at an entry of a term that both have. Here that is
  // the end of `conflictTerm`, if this log reaches into the follower's stretch of
  // it; otherwise somewhere before that stretch.
  const candidate = state.log.lastIndexWithTermAtMost(conflictTerm, rejectedIndex - 1)
  const agrees = state.log.termAt(candidate) === conflictTerm && candidate >= conflictIndex
  return Math.min(agrees ? candidate : Math.min(candidate, conflictIndex - 1), rejectedIndex - 1) + 1
}

type Rejection = Extract<AppendResponse['outcome'], { accepted: false }>

/**
 * Commits what a quorum has on disk. This member counts with what its own disk
 * has: a leader may commit entries that only the others have written (thesis §10.2.1).
 */
export function commitReplicated(state: MemberState, leadership: Leadership): void {
  const matchIndexes = state.isVoter ? [state.log.durableIndex] : []
  for (const follower of leadership.followers) if (follower.isVoter) matchIndexes.push(follower.matchIndex)
  const quorumIndex = quorumValue(matchIndexes)
  // An entry of an earlier term could still be replaced though a quorum has it
  // (thesis §3.6.2, figure 3.7): it commits together with one of this term.
  if (state.log.termAt(quorumIndex) !== state.term) return
  if (quorumIndex <= state.commitIndex) return
  state.outbox.leaderCommit({ term: state.term, index: quorumIndex, entryTerm: state.log.termAt(quorumIndex)! })
  state.commit(quorumIndex)
  stepDownIfRemoved(state)
}
