import { invariant } from '../base/assert.ts'
import type { Entry, HardState } from './entry.ts'
import type { EntryLog } from './log.ts'
import type { Message } from './message.ts'
import type { LeaderCommit, Persist, ReadOutcome, Ready, Transition } from './ready.ts'
import type { SnapshotChunk } from './snapshot.ts'

/**
 * What the core wants done, gathered until the driver takes it, and what of it
 * is on disk. A message either promises nothing new and leaves at once, or
 * promises something and leaves with the write that makes it true.
 */
export class Outbox {
  #messages: Message[] = []
  #promises: Message[] = []
  #reads: ReadOutcome[] = []
  #transitions: Transition[] = []
  #leaderCommits: LeaderCommit[] = []
  #snapshotChunks: SnapshotChunk[] = []
  #outstanding: Persist | null = null
  /** What the disk will hold once the outstanding write is done. */
  #writingHardState: HardState
  #durableHardState: HardState

  constructor(durableHardState: HardState) {
    this.#writingHardState = durableHardState
    this.#durableHardState = durableHardState
  }

  get durableHardState(): HardState {
    return this.#durableHardState
  }

  /** The message promises nothing that is not on disk. */
  send(message: Message): void {
    this.#messages.push(message)
  }

  /** The message leaves when all that is in memory now is on disk. */
  sendDurable(message: Message): void {
    // One write often carries the entries of several append requests: the last
    // answer says all that the earlier ones say.
    const last = this.#promises[this.#promises.length - 1]
    if (last !== undefined && last.kind === 'append-response' && message.kind === 'append-response'
      && last.to === message.to && last.term === message.term && last.outcome.accepted && message.outcome.accepted) {
      if (message.outcome.matchIndex > last.outcome.matchIndex) this.#promises[this.#promises.length - 1] = message
      return
    }
    this.#promises.push(message)
  }

  read(outcome: ReadOutcome): void {
    this.#reads.push(outcome)
  }

  transition(transition: Transition): void {
    this.#transitions.push(transition)
  }

  leaderCommit(commit: LeaderCommit): void {
    this.#leaderCommits.push(commit)
  }

  snapshotChunk(chunk: SnapshotChunk): void {
    this.#snapshotChunks.push(chunk)
  }

  /** Whether a write has been handed out and not been answered. */
  get isWriting(): boolean {
    return this.#outstanding !== null
  }

  hasReady(hardState: HardState, log: EntryLog): boolean {
    return this.#messages.length > 0 || this.#reads.length > 0 || this.#transitions.length > 0 || this.#snapshotChunks.length > 0
      || (this.#outstanding === null
        && (this.#promises.length > 0 || log.hasUnwritten || !sameHardState(hardState, this.#writingHardState)))
  }

  take(hardState: HardState, log: EntryLog, committed: readonly Entry[]): Ready {
    const persist = this.#outstanding === null ? this.#takePersist(hardState, log) : null
    const ready: Ready = {
      messages: this.#messages, persist, committed, reads: this.#reads, transitions: this.#transitions,
      leaderCommits: this.#leaderCommits, snapshotChunks: this.#snapshotChunks,
    }
    this.#messages = []
    this.#reads = []
    this.#transitions = []
    this.#leaderCommits = []
    this.#snapshotChunks = []
    return ready
  }

  #takePersist(hardState: HardState, log: EntryLog): Persist | null {
    const changed = sameHardState(hardState, this.#writingHardState) ? null : hardState
    if (changed === null && !log.hasUnwritten) {
      // Everything promised is on disk already.
      for (const message of this.#promises) this.#messages.push(message)
      this.#promises = []
      return null
    }
    const persist: Persist = { hardState: changed, entries: log.takeUnwritten(), messages: this.#promises }
    if (changed !== null) this.#writingHardState = changed
    this.#promises = []
    this.#outstanding = persist
    return persist
  }

  /** The outstanding write is durable. */
  persisted(persist: Persist, log: EntryLog): void {
    invariant(persist === this.#outstanding, () => 'persisted() was told of a write that is not the outstanding one')
    this.#outstanding = null
    this.#durableHardState = this.#writingHardState
    log.written()
  }
}

function sameHardState(a: HardState, b: HardState): boolean {
  return a.term === b.term && a.votedFor === b.votedFor
}
