import { invariant } from '../base/assert.ts'
import type { Random } from '../base/random.ts'
import type { RaftConfig } from './config.ts'
import { ConfigurationHistory } from './configuration.ts'
import type { Entry, HardState, MemberId, Server } from './entry.ts'
import type { HeartbeatRounds } from './heartbeat-rounds.ts'
import { LeaderContact } from './leader-contact.ts'
import { EntryLog } from './log.ts'
import { Outbox } from './outbox.ts'
import type { Progress } from './progress.ts'
import type { ReadQueue } from './reads.ts'
import type { Transition } from './ready.ts'
import type { ImageId, Snapshot } from './snapshot.ts'

/** What a member needs only while it has a certain role. */
export type RoleState = Follower | Campaign | Leadership

export interface Follower {
  readonly kind: 'follower'
}

/** Asking for pre-votes or votes. */
export interface Campaign {
  readonly kind: 'pre-candidate' | 'candidate'
  /** The leader asked for this campaign. */
  readonly transfer: boolean
  /** Who answered, and how. The own vote is here once it is on disk. */
  readonly votes: Map<MemberId, boolean>
  /** When those who have not answered are asked again. */
  resendDueMs: number
}

export interface Leadership {
  readonly kind: 'leader'
  /** Every member but this one, non-voters too. */
  followers: readonly Progress[]
  readonly rounds: HeartbeatRounds
  readonly reads: ReadQueue
  /** The entry that this leader appended first: from its commit on, the commit index is current (thesis §6.4). */
  readonly firstIndex: number
  heartbeatDueMs: number
  quorumCheckDueMs: number
  /** Something may be sendable to some follower. */
  appendsPending: boolean
  /** Leadership is being handed over (thesis §3.10); `told`: the target was told to campaign. */
  transfer: { readonly target: MemberId, readonly deadlineMs: number, told: boolean } | null
  /** A target was told to campaign: votes may be given within the lease. */
  leaseGivenUp: boolean
}

/** What the disk held. */
export interface RestoredState {
  readonly hardState: HardState
  /** Contiguous; from 1, or from anywhere up to the entry behind the snapshot. */
  readonly entries: readonly Entry[]
  readonly snapshot?: Snapshot | null
}

/** A snapshot that a leader is sending. */
export interface IncomingSnapshot {
  readonly image: ImageId
  receivedBytes: number
  /** All bytes are handed out; the driver has not come back with it. */
  complete: boolean
}

export interface RaftOptions {
  readonly id: MemberId
  readonly config: RaftConfig
  readonly random: Random
  /** Monotonic; the same clock as in every later call. */
  readonly nowMs: number
  readonly restored: RestoredState
  /** Whether a non-voter votes as soon as it is level, or only when it is let (`letVote`). Default: true. */
  readonly promotesUnasked?: boolean
}

/**
 * Everything a Raft core knows. The rules that change it stand in
 * `election.ts`, `follower.ts`, `leadership.ts`, `replication.ts` and
 * `read-index.ts`; this file owns what they share: role changes, term and vote,
 * the end of the log and the commit index.
 *
 * Invariant: emittedIndex <= commitIndex <= log.lastIndex.
 */
export class MemberState {
  readonly id: MemberId
  readonly config: RaftConfig
  readonly random: Random
  readonly log: EntryLog
  readonly configurations = new ConfigurationHistory()
  readonly outbox: Outbox
  readonly contact: LeaderContact
  nowMs: number
  role: RoleState = { kind: 'follower' }
  leader: MemberId | null = null
  electionDeadlineMs = 0
  /** The drawn timeout that contact with the leader restarts. */
  electionTimeoutMs = 0
  commitIndex: number
  /** Up to here committed entries were handed out. */
  emittedIndex: number
  /** The newest: what a follower gets that needs more than the log has. */
  snapshot: Snapshot | null
  incoming: IncomingSnapshot | null = null
  /** Whether a non-voter that is level votes without being let. */
  readonly promotesUnasked: boolean
  #hardState: HardState
  #lastTransition: Transition

  constructor({ id, config, random, nowMs, restored, promotesUnasked = true }: RaftOptions) {
    this.promotesUnasked = promotesUnasked
    this.id = id
    this.config = config
    this.random = random
    this.nowMs = nowMs
    this.snapshot = restored.snapshot ?? null
    this.log = restoredLog(restored.entries, this.snapshot)
    this.#hardState = restored.hardState
    invariant(this.log.lastTerm <= this.term,
      () => `the disk holds entries of term ${this.log.lastTerm} but only term ${this.term}`)
    this.outbox = new Outbox(restored.hardState)
    this.contact = new LeaderContact(config, nowMs, restored.hardState.term)
    this.commitIndex = this.snapshot?.head.lastIndex ?? 0
    this.emittedIndex = this.commitIndex
    if (this.snapshot !== null) this.configurations.reset(this.snapshot.head.configurationIndex, this.snapshot.head.configuration)
    const knownIndex = this.snapshot?.head.configurationIndex ?? 0
    for (const entry of restored.entries) if (entry.index > knownIndex) this.#noteConfiguration(entry)
    this.#lastTransition = this.#asTransition()
    this.startElectionTimer()
  }

  get hardState(): HardState {
    return this.#hardState
  }

  get term(): number {
    return this.#hardState.term
  }

  get votedFor(): MemberId | null {
    return this.#hardState.votedFor
  }

  get voters(): readonly Server[] {
    return this.configurations.current.voters
  }

  get isVoter(): boolean {
    return this.configurations.isVoter(this.id)
  }

  /** Time never goes back, whatever the caller says. */
  advanceTo(nowMs: number): void {
    if (nowMs > this.nowMs) this.nowMs = nowMs
  }

  /**
   * A voter may. So may one that was a voter until its removal, as long as that
   * is not known to be committed: it may be needed for that, since nobody whose
   * log is behind gets its vote (thesis §4.2.2). Its own vote does not count.
   */
  get mayCampaign(): boolean {
    if (this.isVoter) return true
    const { latestIndex } = this.configurations
    return latestIndex > this.commitIndex && this.configurations.at(latestIndex - 1).configuration.voters.some(({ id }) => id === this.id)
  }

  /** A new timeout in [T, 2T) from now (thesis §3.4); a lone voter has nobody to wait for. */
  startElectionTimer(): void {
    const { electionTimeoutMs } = this.config
    this.electionTimeoutMs = electionTimeoutMs * (1 + this.random.fraction())
    const alone = this.voters.length === 1 && this.isVoter
    this.electionDeadlineMs = alone ? this.nowMs : this.nowMs + this.electionTimeoutMs
  }

  /** Goes to a higher term, in which this member has not voted. */
  enterTerm(term: number): void {
    invariant(term > this.term, () => `term ${this.term} cannot become ${term}`)
    this.#hardState = { term, votedFor: null }
  }

  vote(candidate: MemberId): void {
    invariant(this.votedFor === null || this.votedFor === candidate,
      () => `a vote for ${candidate} in term ${this.term}, given to ${this.votedFor} before`)
    if (this.votedFor === candidate) return
    this.#hardState = { term: this.term, votedFor: candidate }
  }

  /** Follows `leader`, or nobody known yet, in `term`, which is the current one or higher. */
  becomeFollower(term: number, leader: MemberId | null): void {
    if (term > this.term) this.enterTerm(term)
    const before = this.role
    this.leader = leader
    if (before.kind !== 'follower') {
      this.role = { kind: 'follower' }
      this.startElectionTimer()
      if (before.kind === 'leader') before.reads.abortAll(this.outbox)
    }
    this.noteTransition()
  }

  /** Tells the driver if role, term, leader or vote is new. */
  noteTransition(): void {
    const now = this.#asTransition()
    const last = this.#lastTransition
    if (now.term === last.term && now.role === last.role && now.leader === last.leader && now.votedFor === last.votedFor) return
    this.#lastTransition = now
    this.outbox.transition(now)
  }

  /** Appends one entry that continues the log. */
  append(entry: Entry): void {
    this.log.appendOne(entry)
    this.#noteConfiguration(entry)
  }

  /** Drops `index` and what follows, which another leader never had. */
  truncateFrom(index: number): void {
    invariant(index > this.commitIndex,
      () => `the leader of term ${this.term} wants entry ${index} replaced, but ${this.commitIndex} entries are committed here`)
    this.log.truncateFrom(index)
    this.configurations.truncateFrom(index)
  }

  /**
   * Everything up to `index` is committed. It may be applied at once, even
   * where this member's own disk lags: a quorum has it on disk, so it can be
   * neither lost nor replaced, and what is applied lives in memory and is built
   * again from the log after a crash. (A snapshot must not reach beyond
   * `log.durableIndex`.)
   */
  commit(index: number): void {
    if (index <= this.commitIndex) return
    invariant(index <= this.log.lastIndex,
      () => `entries up to ${index} are committed, but the log ends at ${this.log.lastIndex}: this member lost entries that it had on disk`)
    this.commitIndex = index
  }

  /** A snapshot of this member's own state is durable: the log keeps `trailingEntries` behind it. */
  snapshotTaken(snapshot: Snapshot): void {
    const { lastIndex, lastTerm } = snapshot.head
    invariant(lastIndex <= this.emittedIndex && this.log.termAt(lastIndex) === lastTerm,
      () => `a snapshot up to ${lastIndex} of term ${lastTerm}, of ${this.emittedIndex} entries handed out, where the log has term ${this.log.termAt(lastIndex)}`)
    this.snapshot = snapshot
    this.log.compactTo(lastIndex - this.config.trailingEntries)
  }

  /** Another's snapshot, further than this log or other than it, takes its place (thesis figure 5.3, step 7). */
  replaceBySnapshot(snapshot: Snapshot): void {
    const { lastIndex, lastTerm, configuration, configurationIndex } = snapshot.head
    invariant(!this.outbox.isWriting, () => `a snapshot up to ${lastIndex} replaces the log while a write of it is under way`)
    this.snapshot = snapshot
    this.log.reset(lastIndex, lastTerm)
    this.configurations.reset(configurationIndex, configuration)
    this.commitIndex = lastIndex
    this.emittedIndex = lastIndex
  }

  #noteConfiguration(entry: Entry): void {
    if (entry.kind === 'configuration') this.configurations.append(entry.index, entry.data)
  }

  #asTransition(): Transition {
    return { term: this.term, role: this.role.kind, leader: this.leader, votedFor: this.votedFor }
  }
}

/** The log of a restart: what stands before the first entry is known from it, or from the snapshot's end. */
function restoredLog(entries: readonly Entry[], snapshot: Snapshot | null): EntryLog {
  const first = entries[0]
  if (snapshot === null) return new EntryLog(entries)
  const { lastIndex, lastTerm } = snapshot.head
  if (first === undefined) return new EntryLog([], lastIndex, lastTerm)
  invariant(first.index <= lastIndex + 1, () => `the log begins at ${first.index}, behind a snapshot that ends at ${lastIndex}`)
  const log = first.index === 1 ? new EntryLog(entries)
    : first.index === lastIndex + 1 ? new EntryLog(entries, lastIndex, lastTerm)
      : new EntryLog(entries.slice(1), first.index, first.term)
  invariant(log.termAt(lastIndex) === lastTerm,
    () => `the snapshot ends with term ${lastTerm} at ${lastIndex}, where the log has term ${log.termAt(lastIndex)}`)
  return log
}
