import { invariant, unreachable } from '../base/assert.ts'
import { encodeConfiguration } from './configuration.ts'
import {
  connectionLost, countOwnVote, electionDueMs, stepPreVoteRequest, stepPreVoteResponse, stepVoteRequest,
  stepVoteResponse, tickElection,
} from './election.ts'
import type { Configuration, Entry, MemberId } from './entry.ts'
import { installSnapshot, stepSnapshotRequest, stepSnapshotResponse } from './install-snapshot.ts'
import { stepAppendRequest, stepHeartbeatRequest } from './follower.ts'
import { leadershipDueMs, tickLeadership } from './leadership.ts'
import { stepTimeoutNow, transferLeadership, type TransferAnswer } from './leadership-transfer.ts'
import { changeMembership, type MembershipAnswer, type MembershipChange } from './membership.ts'
import { MemberState, type RaftOptions } from './member-state.ts'
import type { Message } from './message.ts'
import { needsReadRound, type ReadAnswer, type ReadMode, requestRead, startRound, stepHeartbeatResponse } from './read-index.ts'
import type { Persist, Ready } from './ready.ts'
import { appendCommands, commitReplicated, sendAppends, stepAppendResponse } from './replication.ts'
import type { Snapshot, SnapshotHead } from './snapshot.ts'
import { type RaftStatus, statusOf } from './status.ts'

export { parseMessage } from './message-parse.ts'
export type { RaftOptions, RestoredState } from './member-state.ts'
export type { ReadAnswer, ReadMode } from './read-index.ts'
export type { FollowerStatus, RaftStatus } from './status.ts'

export type ProposeAnswer =
  /** The commands stand in the log from `firstIndex` on. They are committed if entries of `term` come out there, lost if others do. */
  | { readonly kind: 'proposed', readonly firstIndex: number, readonly term: number }
  | { readonly kind: 'not-leader', readonly leader: MemberId | null }

/**
 * One member's Raft (Ongaro's thesis), as a machine: inputs go in through
 * `tick`, `step`, `propose`, `read`, `peerLost` and `persisted`; what is to be
 * done comes out of `takeReady`. No I/O, no clock, no chance but what it is
 * given. The same inputs give the same outputs.
 *
 * The driver's loop, after any input:
 *
 *     while (core.hasReady()) {
 *       const ready = core.takeReady()
 *       send(ready.messages)
 *       if (ready.persist) write(ready.persist, () => { send(persist.messages); core.persisted(persist); loop() })
 *       apply(ready.committed); answer(ready.reads)
 *     }
 *     wakeAt(core.nextDeadlineMs())   // then core.tick(nowMs)
 *
 * Many inputs before one `takeReady` become one write, one message to each
 * follower and one heartbeat round.
 *
 * A process that has slept finds its timers due and its sockets full: read what
 * has arrived before the tick (with Node, tick from `setImmediate` when a timer
 * fires), or the member takes its own sleep for the others' silence.
 *
 * Times are monotonic milliseconds on any one clock of this machine.
 */
export class RaftCore {
  readonly #state: MemberState

  constructor(options: RaftOptions) {
    this.#state = new MemberState(options)
  }

  /**
   * Gives a new cluster its first configuration, as entry 1 of term 1. Every
   * bootstrapping member is given the very same one, so that their logs are
   * equal: then it is as if that entry had been replicated to all. The first
   * election is for term 2. Only on an empty log: check `canBootstrap`, for a
   * faster member may have been elected and have sent its log here already.
   */
  bootstrap(configuration: Configuration): void {
    const state = this.#state
    invariant(this.canBootstrap, () => `bootstrap on a log that has ${state.log.lastIndex} entries`)
    // Not only at term 0: a faster member's vote request may have raised the
    // term here. An empty log promises nothing that entry 1 could break.
    if (state.term < 1) state.enterTerm(1)
    state.append({ index: 1, term: 1, kind: 'configuration', data: encodeConfiguration(configuration) })
    state.startElectionTimer()
    if (state.term === 1 && state.contact.lastMs === null && state.voters.length > 1) {
      // No leader can exist that a hasty candidate would disturb: begin sooner.
      state.electionDeadlineMs = state.nowMs + state.random.fraction() * state.config.electionTimeoutMs / 2
    }
    state.noteTransition()
  }

  /** Whether the log is empty. */
  get canBootstrap(): boolean {
    return this.#state.log.lastIndex === 0
  }

  /** To be called at or soon after `nextDeadlineMs()`; harmless at any other time. */
  tick(nowMs: number): void {
    const state = this.#state
    state.advanceTo(nowMs)
    if (state.role.kind === 'leader') tickLeadership(state, state.role)
    else tickElection(state)
  }

  /** When the next timer is due: election, repeated vote requests, heartbeat or quorum check. Moves with every input. */
  nextDeadlineMs(): number {
    const state = this.#state
    return state.role.kind === 'leader' ? leadershipDueMs(state.role) : electionDueMs(state)
  }

  /** A message arrived: from `parseMessage`, or from a core in the same process. */
  step(message: Message, nowMs: number): void {
    const state = this.#state
    state.advanceTo(nowMs)
    // Meant for another member that had this address before.
    if (message.to !== state.id) return
    switch (message.kind) {
      case 'pre-vote-request': return stepPreVoteRequest(state, message)
      case 'pre-vote-response': return stepPreVoteResponse(state, message)
      case 'vote-request': return stepVoteRequest(state, message)
      case 'append-request': return stepAppendRequest(state, message)
      case 'heartbeat-request': return stepHeartbeatRequest(state, message)
      case 'timeout-now': return stepTimeoutNow(state, message)
      case 'snapshot-request': return stepSnapshotRequest(state, message)
      case 'snapshot-response':
      case 'vote-response':
      case 'append-response':
      case 'heartbeat-response': {
        if (message.term > state.term) state.becomeFollower(message.term, null)
        if (message.term < state.term) return
        if (message.kind === 'vote-response') return stepVoteResponse(state, message)
        if (state.role.kind !== 'leader') return
        if (message.kind === 'append-response') return stepAppendResponse(state, state.role, message)
        if (message.kind === 'snapshot-response') return stepSnapshotResponse(state, state.role, message)
        return stepHeartbeatResponse(state, state.role, message)
      }
      default: return unreachable(message)
    }
  }

  /** Appends commands if this member leads. Their fate shows in `Ready.committed`; after a loss of leadership it may show late, or as another's entries. */
  propose(commands: readonly Uint8Array[], nowMs: number): ProposeAnswer {
    const state = this.#state
    state.advanceTo(nowMs)
    if (state.role.kind !== 'leader') return { kind: 'not-leader', leader: state.leader }
    // About to hand over: nothing may come behind what the target is to have (thesis §3.10, step 1).
    if (state.role.transfer !== null) return { kind: 'not-leader', leader: null }
    invariant(commands.length > 0, () => 'a proposal without commands')
    return { kind: 'proposed', firstIndex: appendCommands(state, state.role, commands), term: state.term }
  }

  /** Adds or removes one server. Whoever is added votes as soon as it is level with the log. */
  changeMembership(change: MembershipChange, nowMs: number): MembershipAnswer {
    this.#state.advanceTo(nowMs)
    return changeMembership(this.#state, change)
  }

  /** Whether this non-voter may vote as soon as it is level, where `promotesUnasked` is off. Forgotten with the leadership. */
  letVote(id: MemberId, allowed: boolean): void {
    const { role } = this.#state
    if (role.kind !== 'leader') return
    for (const follower of role.followers) if (follower.id === id) follower.mayVote = allowed
  }

  /** Hands leadership to `target`, or to the voter that is furthest. Whether it worked shows in who leads. */
  transferLeadership(target: MemberId | null, nowMs: number): TransferAnswer {
    this.#state.advanceTo(nowMs)
    return transferLeadership(this.#state, target)
  }

  /** Asks for a read index. While pending, the outcome comes in `Ready.reads` under `readId`, which the driver chooses. */
  read(readId: number, mode: ReadMode, nowMs: number): ReadAnswer {
    this.#state.advanceTo(nowMs)
    return requestRead(this.#state, readId, mode)
  }

  /**
   * A hint from the transport: the connection to this member was lost. It may be
   * wrong. If that member leads, this one campaigns and votes sooner, but never
   * within the leader's lease (see `LeaderContact`).
   */
  peerLost(id: MemberId, nowMs: number): void {
    this.#state.advanceTo(nowMs)
    connectionLost(this.#state, id)
  }

  hasReady(): boolean {
    const state = this.#state
    if (state.emittedIndex < state.commitIndex || state.outbox.hasReady(state.hardState, state.log)) return true
    return state.role.kind === 'leader' && (state.role.appendsPending || needsReadRound(state, state.role))
  }

  /** What is to be done since the last call; see `Ready` for the order. */
  takeReady(): Ready {
    const state = this.#state
    if (state.role.kind === 'leader') {
      if (needsReadRound(state, state.role)) startRound(state, state.role)
      if (state.role.appendsPending) sendAppends(state, state.role)
    }
    const committed = state.emittedIndex < state.commitIndex
      ? state.log.range(state.emittedIndex + 1, state.commitIndex)
      : []
    state.emittedIndex = state.commitIndex
    return state.outbox.take(state.hardState, state.log, committed)
  }

  /** `persist`, from the last Ready that had one, is durable. */
  persisted(persist: Persist): void {
    const state = this.#state
    state.outbox.persisted(persist, state.log)
    countOwnVote(state)
    if (state.role.kind === 'leader') commitReplicated(state, state.role)
  }

  /** What a snapshot of the state after `index` says of the log; null where that is not on this member's disk yet. `index` was handed out. */
  snapshotHead(index: number): SnapshotHead | null {
    const { log, configurations } = this.#state
    const lastTerm = log.termAt(index)
    if (lastTerm === null || index > log.durableIndex) return null
    const { index: configurationIndex, configuration } = configurations.at(index)
    return { lastIndex: index, lastTerm, configuration, configurationIndex }
  }

  /** A snapshot of this member's own state is durable: the log before it goes, but for `trailingEntries`. */
  snapshotTaken(snapshot: Snapshot): void {
    // Another's may have come meanwhile and reach further.
    if (snapshot.head.lastIndex > (this.#state.snapshot?.head.lastIndex ?? 0)) this.#state.snapshotTaken(snapshot)
  }

  /** A received snapshot is durable and can be restored; no write may be outstanding. False: it is not needed any more. */
  installSnapshot(snapshot: Snapshot): boolean {
    return installSnapshot(this.#state, snapshot)
  }

  /** The chunks gathered were no snapshot, or could not be stored: the leader has to begin again. */
  discardIncoming(): void {
    this.#state.incoming = null
  }

  /** The newest, and any that is on its way to a follower: their images must stay readable. */
  snapshotsInUse(): readonly Snapshot[] {
    const { snapshot, role } = this.#state
    const inUse = new Set<Snapshot>(snapshot === null ? [] : [snapshot])
    if (role.kind === 'leader') for (const { transfer } of role.followers) if (transfer !== null) inUse.add(transfer.snapshot)
    return [...inUse]
  }

  /** The log begins behind this index; before it, only a snapshot tells. */
  get baseIndex(): number {
    return this.#state.log.baseIndex
  }

  get newestSnapshot(): Snapshot | null {
    return this.#state.snapshot
  }

  status(): RaftStatus {
    return statusOf(this.#state)
  }

  /** As configured, in ms. */
  get electionTimeoutMs(): number {
    return this.#state.config.electionTimeoutMs
  }

  get isLeader(): boolean {
    return this.#state.role.kind === 'leader'
  }

  get term(): number {
    return this.#state.term
  }

  /** Itself, if it leads; null if none is known. */
  get leader(): MemberId | null {
    return this.#state.leader
  }

  /** Who counts now; no voters before there is a cluster. */
  get configuration(): Configuration {
    return this.#state.configurations.current
  }

  /** Of a server that counts, or did: one that is being removed, the leader even, is still to be answered. Null for a stranger. */
  addressOf(id: MemberId): string | null {
    return this.#state.configurations.find(id)?.address ?? null
  }

  get commitIndex(): number {
    return this.#state.commitIndex
  }

  get lastIndex(): number {
    return this.#state.log.lastIndex
  }

  /** Undefined outside the log. */
  entry(index: number): Entry | undefined {
    return this.#state.log.entry(index)
  }

  /** Entries from `firstIndex` to `lastIndex`, both included and both inside the log. */
  entries(firstIndex: number, lastIndex: number): readonly Entry[] {
    return this.#state.log.range(firstIndex, lastIndex)
  }

  /** The term at `index`; 0 at 0, null beyond the end. */
  termAt(index: number): number | null {
    return this.#state.log.termAt(index)
  }
}
