/**
 * Timing and flow control of one Raft core. All members of a cluster should
 * have the same. `resolveRaftConfig` checks the relations between the fields.
 */
export interface RaftConfig {
  /** A leader sends a heartbeat this often. */
  readonly heartbeatIntervalMs: number
  /**
   * T: a follower that has heard nothing for a time drawn from [T, 2T)
   * campaigns; a leader that has not heard from a quorum for T steps down;
   * members refuse votes within T of hearing from a leader (thesis §4.2.3).
   */
  readonly electionTimeoutMs: number
  /** A leader serves default reads without a round while a quorum answered within this. Below `electionTimeoutMs`. */
  readonly leaseMs: number
  /** At most this many entries in one append request. */
  readonly appendEntriesMax: number
  /** At most this many bytes of entry data in one append request (one entry always goes). */
  readonly appendBytesMax: number
  /** At most this many append requests to one follower without an answer. */
  readonly inflightAppendsMax: number
}

export const defaultRaftConfig: RaftConfig = {
  heartbeatIntervalMs: 60,
  electionTimeoutMs: 400,
  leaseMs: 300,
  appendEntriesMax: 1024,
  appendBytesMax: 1024 * 1024,
  inflightAppendsMax: 64,
}
