import { encodeConfiguration } from './configuration.ts'
import type { Configuration, MemberId, Server } from './entry.ts'
import type { Leadership, MemberState } from './member-state.ts'
import { Progress } from './progress.ts'

/**
 * Membership changes, one server at a time (thesis §4.1 to §4.3): any majority
 * of the old voters and any of the new ones share a member, so that no joint
 * configuration is needed. A server comes in as a non-voter, which gets the log
 * and counts for nothing, and is promoted when it has caught up (§4.2.1).
 */
export type MembershipChange =
  /** As a non-voter; one that is a member already gets a new name or address. */
  | { readonly kind: 'add', readonly server: Server }
  | { readonly kind: 'remove', readonly id: MemberId }

export type MembershipAnswer =
  /** It counts from now on, and is done when the entry at `index` of `term` is committed. */
  | { readonly kind: 'proposed', readonly index: number, readonly term: number }
  | { readonly kind: 'not-leader', readonly leader: MemberId | null }
  /** Nothing happened. `problem`: a sentence without its full stop. `retry`: it may go later. */
  | { readonly kind: 'refused', readonly problem: string, readonly retry: boolean }

export function changeMembership(state: MemberState, change: MembershipChange): MembershipAnswer {
  const { role } = state
  if (role.kind !== 'leader') return { kind: 'not-leader', leader: state.leader }
  const wait = obstacle(state, role)
  if (wait !== null) return { kind: 'refused', problem: wait, retry: true }
  const { voters, nonVoters = [] } = state.configurations.current
  const id = change.kind === 'add' ? change.server.id : change.id
  const known = [...voters, ...nonVoters].find((server) => server.id === id)
  const without = { voters: voters.filter((server) => server.id !== id), nonVoters: nonVoters.filter((server) => server.id !== id) }
  if (change.kind === 'remove') {
    if (known === undefined) return { kind: 'refused', problem: `${id} is no member`, retry: false }
    if (without.voters.length === 0) return { kind: 'refused', problem: `${id} is the last voter`, retry: false }
    return appendConfiguration(state, role, without)
  }
  const { server } = change
  if (known !== undefined && known.name === server.name && known.address === server.address) {
    return { kind: 'refused', problem: `${id} is a member already`, retry: false }
  }
  return voters.includes(known!)
    ? appendConfiguration(state, role, { ...without, voters: [...without.voters, server] })
    : appendConfiguration(state, role, { ...without, nonVoters: [...without.nonVoters, server] })
}

/**
 * Why no change may begin now; null if one may. One at a time (§4.1), and only
 * when an entry of this term is committed: else two leaders that each made a
 * change over the other's uncommitted one could commit with majorities that
 * share nobody (the flaw that was found in the thesis's algorithm in 2015).
 */
function obstacle(state: MemberState, leadership: Leadership): string | null {
  if (state.commitIndex < leadership.firstIndex) return 'this leader has not yet committed an entry of its term'
  if (state.configurations.latestIndex > state.commitIndex) return 'another membership change is under way'
  if (leadership.transfer !== null) return 'leadership is being transferred'
  return null
}

function appendConfiguration(state: MemberState, leadership: Leadership, configuration: Configuration): MembershipAnswer {
  const index = state.log.lastIndex + 1
  state.append({ index, term: state.term, kind: 'configuration', data: encodeConfiguration(configuration) })
  leadership.followers = followersOf(state, leadership.followers, index)
  leadership.appendsPending = true
  return { kind: 'proposed', index, term: state.term }
}

/** Everybody but this member; who was known before is known still. */
export function followersOf(state: MemberState, before: readonly Progress[], nextIndex: number): Progress[] {
  const { voters, nonVoters = [] } = state.configurations.current
  const follower = (server: Server, isVoter: boolean): Progress => {
    const progress = before.find(({ id }) => id === server.id) ?? new Progress(server.id, nextIndex, state.config.inflightAppendsMax, state.nowMs)
    progress.isVoter = isVoter
    return progress
  }
  return [...voters.map((server) => follower(server, true)), ...nonVoters.map((server) => follower(server, false))]
    .filter(({ id }) => id !== state.id)
}

/**
 * A non-voter has answered. Catching up goes in rounds, each of what the log had
 * when it began; a round that took less than an election timeout shows that
 * promotion will not keep the cluster from committing for long (§4.2.1).
 */
export function promoteIfLevel(state: MemberState, leadership: Leadership, follower: Progress): void {
  if (follower.isVoter) return
  const round = follower.catchUp
  if (round === null || follower.matchIndex < round.targetIndex) {
    follower.catchUp ??= { targetIndex: state.log.lastIndex, startedMs: state.nowMs }
    return
  }
  const level = state.nowMs - round.startedMs < state.config.electionTimeoutMs
  follower.catchUp = { targetIndex: state.log.lastIndex, startedMs: state.nowMs }
  if (!level || !(state.promotesUnasked || follower.mayVote) || obstacle(state, leadership) !== null) return
  const { voters, nonVoters = [] } = state.configurations.current
  const server = nonVoters.find(({ id }) => id === follower.id)!
  appendConfiguration(state, leadership, { voters: [...voters, server], nonVoters: nonVoters.filter((other) => other !== server) })
}

/** A leader that removed itself leads until that is committed, not counting itself (§4.2.2). */
export function stepDownIfRemoved(state: MemberState): void {
  if (state.role.kind === 'leader' && !state.isVoter && state.configurations.latestIndex <= state.commitIndex) {
    state.becomeFollower(state.term, null)
  }
}
