/**
 * What a member tells of its Raft state for checkers, one JSON object a line
 * (`-raft-trace FILE`). Off unless asked for. Written before the messages that
 * follow from an event leave, so that a kill -9 hides nothing that others saw.
 */
export type TraceEvent = TraceStart | TraceTransition | TraceVote | TraceAppend | TraceLeaderCommit | TraceApply | TraceRestore

interface TraceBase {
  /** Node name. */
  readonly member: string
  /** Wall-clock ms; virtual in a simulation. For reading, not for checking. */
  readonly timeMs: number
}

/** The member has recovered its state from disk and begins. */
export interface TraceStart extends TraceBase {
  readonly event: 'start'
  readonly id: string
  readonly term: number
  readonly votedFor: string | null
  readonly lastIndex: number
  /** As it is configured; each wait is between once and twice of it. Absent in traces of old. */
  readonly electionTimeoutMs?: number
}

/** Role, term or known leader changed. Ids are node ids. */
export interface TraceTransition extends TraceBase {
  readonly event: 'transition'
  readonly id: string
  readonly term: number
  readonly role: 'follower' | 'pre-candidate' | 'candidate' | 'leader'
  readonly leader: string | null
  /** Of a new leader: whose votes count in its configuration. */
  readonly voters?: readonly string[]
}

/** A vote was cast, for itself or another, and is (said to be) on disk. */
export interface TraceVote extends TraceBase {
  readonly event: 'vote'
  readonly id: string
  readonly term: number
  readonly votedFor: string
}

/** Entries are about to be written to the log, as a leader or a follower in `term`. */
export interface TraceAppend extends TraceBase {
  readonly event: 'append'
  readonly id: string
  readonly term: number
  /** Index of the first; what the log had from there on is replaced. */
  readonly first: number
  /** Terms of the entries, in order, as [term, how many follow each other]. */
  readonly terms: readonly (readonly [number, number])[]
}

/** The leader of `term` counted a quorum that has the entry at `index`, and calls it committed with all before it. */
export interface TraceLeaderCommit extends TraceBase {
  readonly event: 'leader-commit'
  readonly id: string
  readonly term: number
  readonly index: number
  /** Of the entry at `index`. */
  readonly entryTerm: number
}

/** A committed entry was applied. */
export interface TraceApply extends TraceBase {
  readonly event: 'apply'
  readonly id: string
  readonly index: number
  readonly term: number
  /** CRC-32 of the entry's data. */
  readonly checksum: number
}

/** The state after entry `index` came from a leader's snapshot: the entries up to it were not applied one by one. */
export interface TraceRestore extends TraceBase {
  readonly event: 'restore'
  readonly id: string
  readonly index: number
  /** Of the entry at `index`. */
  readonly term: number
}

/** Receives events; the process entry writes them to a file, a simulation keeps them. */
export interface Trace {
  (event: TraceEvent): void
  /** Called before anybody else can learn what follows from the events: one that gathers them writes them now. */
  flush?(): void
}
