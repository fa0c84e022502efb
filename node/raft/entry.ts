/** A member's identity in Raft: its node id, which survives restarts and address changes. */
export type MemberId = string

/**
 * One entry of the replicated log. `index` is its log index, from 1.
 * - `empty`: what a new leader appends to commit entries of earlier terms (thesis §6.4).
 * - `command`: bytes for the state machine; Raft never looks inside.
 * - `configuration`: the members, encoded by `encodeConfiguration`; takes effect when appended (thesis §4.1).
 */
export interface Entry {
  readonly index: number
  readonly term: number
  readonly kind: EntryKind
  readonly data: Uint8Array
}

export type EntryKind = 'empty' | 'command' | 'configuration'

/** What must survive a restart besides the log (thesis figure 3.1, "persistent state"). */
export interface HardState {
  readonly term: number
  /** Whom this member voted for in `term`. */
  readonly votedFor: MemberId | null
}

/** The members that count, and those that only get the log (thesis §4.2.1); nobody is both. */
export interface Configuration {
  readonly voters: readonly Server[]
  /** Absent: none. */
  readonly nonVoters?: readonly Server[]
}

export interface Server {
  readonly id: MemberId
  /** The human name, unique in the cluster. */
  readonly name: string
  /** `host:port` that this server advertises for Raft and RPC. */
  readonly address: string
}
