import { crc32 } from 'node:zlib'
import { invariant } from '../base/assert.ts'
import type { Log } from '../base/log.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { Trace } from '../base/trace.ts'
import type { RaftCore, ReadMode } from '../raft/core.ts'
import type { Configuration, Entry, MemberId } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import type { LeaderCommit, Persist, Transition } from '../raft/ready.ts'
import type { ApplyResult, StateMachine } from '../state/state-machine.ts'
import type { Wal } from '../storage/wal.ts'
import type { SnapshotHead } from '../raft/snapshot.ts'
import type { Snapshotter } from './snapshotter.ts'
import { persistedVotes } from './persisted-votes.ts'

/** How a proposal ended. */
export type ProposalOutcome =
  | { readonly kind: 'applied', readonly index: number, readonly result: ApplyResult }
  /** It certainly stands in no log. */
  | { readonly kind: 'not-leader' }
  /** It may or may not be committed by another leader. */
  | { readonly kind: 'lost' }

/** How a request for a read index ended. */
export type ReadIndexOutcome =
  | { readonly kind: 'confirmed', readonly readIndex: number }
  | { readonly kind: 'not-leader' }

export interface RaftDriverPorts {
  readonly name: string
  readonly core: RaftCore
  readonly id: MemberId
  readonly wal: Pick<Wal, 'append'>
  readonly stateMachine: StateMachine
  readonly scheduler: Scheduler
  readonly log: Log
  readonly trace: Trace | null
  readonly send: (message: Message) => void
  /** The disk failed: what it holds is unknown, so this member must end. */
  readonly onFatal: (error: Error) => void
  readonly onTransition: (transition: Transition) => void
  readonly onApplied: (appliedIndex: number) => void
  /** Null: none are taken. Called once, with this driver made. */
  readonly snapshotter: ((driver: RaftDriver) => Snapshotter) | null
}

interface Proposal {
  readonly command: Uint8Array
  readonly done: (outcome: ProposalOutcome) => void
}

interface AwaitedEntry {
  readonly term: number
  readonly done: (outcome: ProposalOutcome) => void
}

/**
 * Drives one Raft core: gathers what comes within a turn, then takes its Ready
 * and does what it asks for in the order that `Ready` prescribes. So many
 * proposals become one write, one sync and one message to each follower, and
 * while that write is under way the next ones gather.
 */
export class RaftDriver {
  readonly #ports: RaftDriverPorts
  #proposals: Proposal[] = []
  /** By log index. */
  readonly #awaited = new Map<number, AwaitedEntry>()
  readonly #reads = new Map<number, (outcome: ReadIndexOutcome) => void>()
  #lastReadId = 0
  /** A start begins with the snapshot's state. */
  #appliedIndex: number
  readonly #snapshotter: Snapshotter | null
  readonly #soon: (task: () => void) => void
  #pumpScheduled = false
  /** A batch is on its way to the disk. */
  #writing = false
  #timer: Cancel | null = null
  #timerDueMs = Number.POSITIVE_INFINITY
  #stopped = false

  constructor(ports: RaftDriverPorts) {
    this.#ports = ports
    const { scheduler } = ports
    this.#soon = scheduler.soon ?? ((task) => { scheduler.after(0, task) })
    this.#appliedIndex = ports.core.newestSnapshot?.head.lastIndex ?? 0
    this.#snapshotter = ports.snapshotter?.(this) ?? null
  }

  /** Up to here committed entries are applied. */
  get appliedIndex(): number {
    return this.#appliedIndex
  }

  start(): void {
    const status = this.#ports.core.status()
    this.#ports.trace?.({
      event: 'start', ...this.#stamp(), term: status.term, votedFor: status.votedFor, lastIndex: status.lastIndex,
      electionTimeoutMs: this.#ports.core.electionTimeoutMs,
    })
    this.schedulePump()
  }

  stop(): void {
    this.#stopped = true
    this.#snapshotter?.stop()
    this.#timer?.()
    for (const proposal of this.#proposals.splice(0)) proposal.done({ kind: 'not-leader' })
    this.#failAwaited()
    for (const done of [...this.#reads.values()]) done({ kind: 'not-leader' })
    this.#reads.clear()
  }

  /** Proposes with everything else of this turn. */
  propose(command: Uint8Array, done: (outcome: ProposalOutcome) => void): void {
    this.#proposals.push({ command, done })
    this.schedulePump()
  }

  /** Asks for an index up to which a linearizable read must have applied; only a leader knows one. */
  readIndex(mode: ReadMode, done: (outcome: ReadIndexOutcome) => void): void {
    const readId = ++this.#lastReadId
    const answer = this.#ports.core.read(readId, mode, this.#ports.scheduler.nowMs())
    if (answer.kind === 'not-leader') return done({ kind: 'not-leader' })
    this.#reads.set(readId, done)
    this.schedulePump()
  }

  step(message: Message): void {
    const { core, scheduler } = this.#ports
    const nowMs = scheduler.nowMs()
    core.step(message, nowMs)
    // Most of what a leader hears says only that a follower is there: no turn for that.
    const dueMs = core.nextDeadlineMs()
    if (core.hasReady() || dueMs <= nowMs || dueMs < this.#timerDueMs) this.schedulePump()
  }

  peerLost(id: MemberId): void {
    this.#ports.core.peerLost(id, this.#ports.scheduler.nowMs())
    this.schedulePump()
  }

  bootstrap(configuration: Configuration): void {
    this.#ports.core.bootstrap(configuration)
    this.schedulePump()
  }

  /** At the end of this turn, once. */
  schedulePump(): void {
    if (this.#pumpScheduled || this.#stopped) return
    this.#pumpScheduled = true
    this.#soon(this.#scheduledPump)
  }

  /** One for all turns: there is one in nearly every turn. */
  readonly #scheduledPump = (): void => {
    this.#pumpScheduled = false
    this.#pump()
  }

  #pump(): void {
    if (this.#stopped) return
    const { core, scheduler } = this.#ports
    if (scheduler.nowMs() >= core.nextDeadlineMs()) core.tick(scheduler.nowMs())
    this.#proposeWaiting()
    while (!this.#stopped && core.hasReady()) {
      const ready = core.takeReady()
      // What is in the log when a role changes is told before the change.
      if (ready.persist !== null) this.#traceAppend(ready.persist.entries)
      for (const transition of ready.transitions) this.#onTransition(transition)
      this.#traceLeaderCommits(ready.leaderCommits)
      this.#ports.trace?.flush?.()
      for (const message of ready.messages) this.#ports.send(message)
      if (ready.persist !== null) this.#write(ready.persist)
      this.#apply(ready.committed)
      for (const chunk of ready.snapshotChunks) this.#snapshotter?.receive(chunk)
      for (const read of ready.reads) {
        const done = this.#reads.get(read.readId)
        this.#reads.delete(read.readId)
        done?.(read.kind === 'confirmed' ? { kind: 'confirmed', readIndex: read.readIndex } : { kind: 'not-leader' })
      }
    }
    if (!this.#writing) this.#snapshotter?.installReceived()
    this.#armTimer()
  }

  #proposeWaiting(): void {
    // While a write is under way the next ones gather: one larger write and one
    // larger message serve more requests than several small ones.
    if (this.#proposals.length === 0 || this.#writing) return
    const proposals = this.#proposals
    this.#proposals = []
    const answer = this.#ports.core.propose(proposals.map((proposal) => proposal.command), this.#ports.scheduler.nowMs())
    if (answer.kind === 'not-leader') {
      for (const proposal of proposals) proposal.done({ kind: 'not-leader' })
      return
    }
    for (let i = 0; i < proposals.length; i++) {
      this.#awaited.set(answer.firstIndex + i, { term: answer.term, done: proposals[i]!.done })
    }
  }

  #write(persist: Persist): void {
    const { core, wal } = this.#ports
    this.#writing = true
    wal.append({ hardState: persist.hardState, entries: persist.entries }, (error) => {
      this.#writing = false
      if (this.#stopped) return
      if (error !== null) {
        this.stop()
        this.#ports.onFatal(new Error(`the write-ahead log cannot be written: ${error.message}. What the disk holds is not known; free or repair it, then start this member again.`, { cause: error }))
        return
      }
      if (this.#ports.trace !== null) {
        for (const vote of persistedVotes(persist)) this.#ports.trace({ event: 'vote', ...this.#stamp(), ...vote })
        this.#ports.trace.flush?.()
      }
      for (const message of persist.messages) this.#ports.send(message)
      core.persisted(persist)
      this.schedulePump()
    })
  }

  #onTransition(transition: Transition): void {
    const { term, role, leader } = transition
    this.#ports.trace?.({
      event: 'transition', ...this.#stamp(), term, role, leader,
      ...role === 'leader' ? { voters: this.#ports.core.configuration.voters.map(({ id }) => id) } : {},
    })
    if (role !== 'leader') this.#failAwaited()
    this.#ports.onTransition(transition)
  }

  #traceAppend(entries: readonly Entry[]): void {
    const { trace, core, name, id, scheduler } = this.#ports
    if (trace === null || entries.length === 0) return
    const terms: [number, number][] = []
    for (const { term } of entries) {
      const last = terms.at(-1)
      if (last !== undefined && last[0] === term) last[1] += 1
      else terms.push([term, 1])
    }
    trace({ event: 'append', member: name, id, timeMs: scheduler.wallMs(), term: core.term, first: entries[0]!.index, terms })
  }

  #traceLeaderCommits(commits: readonly LeaderCommit[]): void {
    const { trace, name, id, scheduler } = this.#ports
    if (trace === null || commits.length === 0) return
    for (const { term, index, entryTerm } of commits) trace({ event: 'leader-commit', member: name, id, timeMs: scheduler.wallMs(), term, index, entryTerm })
  }

  #failAwaited(): void {
    if (this.#awaited.size === 0) return
    const awaited = [...this.#awaited.values()]
    this.#awaited.clear()
    for (const entry of awaited) entry.done({ kind: 'lost' })
  }

  #apply(committed: readonly Entry[]): void {
    if (committed.length === 0) return
    const { stateMachine, trace, name, id, scheduler } = this.#ports
    const answers: (() => void)[] = []
    let dataBytes = 0
    for (const entry of committed) {
      invariant(entry.index === this.#appliedIndex + 1, () => `entry ${entry.index} comes to be applied after ${this.#appliedIndex}`)
      const result: ApplyResult | null = entry.kind === 'command' ? stateMachine.apply(entry.index, entry.data) : null
      this.#appliedIndex = entry.index
      dataBytes += entry.data.length
      // Field by field: in a simulation every member tells of every entry.
      if (trace !== null) trace({ event: 'apply', member: name, id, timeMs: scheduler.wallMs(), index: entry.index, term: entry.term, checksum: crc32(entry.data) })
      const awaited = this.#awaited.get(entry.index)
      if (awaited === undefined) continue
      this.#awaited.delete(entry.index)
      // Another leader's entry came to stand where this member's proposal stood.
      if (awaited.term !== entry.term || result === null) answers.push(() => awaited.done({ kind: 'lost' }))
      else answers.push(() => awaited.done({ kind: 'applied', index: entry.index, result }))
    }
    trace?.flush?.()
    for (const answer of answers) answer()
    this.#ports.onApplied(this.#appliedIndex)
    this.#snapshotter?.applied(this.#appliedIndex, dataBytes)
  }

  /** The state machine was replaced by a snapshot's. */
  installed({ lastIndex, lastTerm }: SnapshotHead): void {
    invariant(lastIndex > this.#appliedIndex, () => `a snapshot up to ${lastIndex} replaced a state of ${this.#appliedIndex}`)
    this.#appliedIndex = lastIndex
    this.#ports.trace?.({ event: 'restore', ...this.#stamp(), index: lastIndex, term: lastTerm })
    this.#failAwaited()
    this.#ports.onApplied(lastIndex)
    this.schedulePump()
  }

  /** A timer that is due too early is left to fire and armed again: moving it at every heartbeat would cost more. */
  #armTimer(): void {
    if (this.#stopped) return
    const { core, scheduler } = this.#ports
    const dueMs = core.nextDeadlineMs()
    if (dueMs >= this.#timerDueMs) return
    this.#timer?.()
    this.#timerDueMs = dueMs
    this.#timer = scheduler.after(Math.max(0, dueMs - scheduler.nowMs()), () => {
      this.#timer = null
      this.#timerDueMs = Number.POSITIVE_INFINITY
      this.#pump()
    })
  }

  #stamp() {
    return { member: this.#ports.name, id: this.#ports.id, timeMs: this.#ports.scheduler.wallMs() }
  }
}
