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
  /**
   * A leader serves default reads without a round while a quorum answered a
   * round sent within this. Three quarters of `electionTimeoutMs` at most; the
   * shorter, the sooner a leader whose connections broke is replaced
   * (`leaderLostHoldMs`). Two heartbeat intervals keep the lease unbroken.
   */
  readonly leaseMs: number
  /** At most this many entries in one append request. */
  readonly appendEntriesMax: number
  /** At most this many bytes of entry data in one append request (one entry always goes). */
  readonly appendBytesMax: number
  /** At most this many append requests to one follower without an answer. */
  readonly inflightAppendsMax: number
  /** A snapshot is taken when so many entries were applied since the last one (Consul's `raft_snapshot_threshold`). */
  readonly snapshotEntries: number
  /** Or when their data came to so many bytes. */
  readonly snapshotBytes: number
  /** So many entries stay in the log behind a snapshot, so that a follower a little behind needs none (Consul's `raft_trailing_logs`). */
  readonly trailingEntries: number
  /** A snapshot travels in chunks of this size, … */
  readonly snapshotChunkBytes: number
  /** … so many of them without an answer. */
  readonly snapshotChunksInflightMax: number
}

export const defaultRaftConfig: RaftConfig = {
  heartbeatIntervalMs: 60,
  electionTimeoutMs: 400,
  leaseMs: 120,
  appendEntriesMax: 1024,
  appendBytesMax: 1024 * 1024,
  inflightAppendsMax: 64,
  snapshotEntries: 16_384,
  snapshotBytes: 256 * 1024 * 1024,
  trailingEntries: 10_240,
  snapshotChunkBytes: 256 * 1024,
  snapshotChunksInflightMax: 4,
}

/**
 * How much slower than another's a member's clock may run before a lease read
 * could be stale: a lease of L ms promises nothing of a member after 4/3 L.
 */
const clockRateMargin = 4 / 3

/**
 * A member that lost its connection to the leader neither votes nor campaigns
 * until this long after it last heard from it. Longer than any lease that its
 * last answer can have renewed; see `LeaderContact` for the argument.
 */
export function leaderLostHoldMs(config: RaftConfig): number {
  return config.leaseMs * clockRateMargin
}

const integerFields = [
  'appendEntriesMax', 'appendBytesMax', 'inflightAppendsMax', 'snapshotEntries', 'snapshotBytes', 'trailingEntries',
  'snapshotChunkBytes', 'snapshotChunksInflightMax',
] as const

/**
 * Fills in defaults and checks the relations.
 * @throws RangeError with a sentence that names the fields and says what to change.
 */
export function resolveRaftConfig(options: Partial<RaftConfig> = {}): RaftConfig {
  const config: RaftConfig = { ...defaultRaftConfig, ...options }
  for (const [name, value] of Object.entries(config)) {
    if (!(Number.isFinite(value) && value > 0)) {
      throw new RangeError(`${name} is ${value}: give a number above 0`)
    }
  }
  for (const name of integerFields) {
    if (!Number.isInteger(config[name])) throw new RangeError(`${name} is ${config[name]}: give a whole number`)
  }
  const { heartbeatIntervalMs, electionTimeoutMs, leaseMs } = config
  if (heartbeatIntervalMs * 2 > electionTimeoutMs) {
    throw new RangeError(
      `heartbeatIntervalMs ${heartbeatIntervalMs} is more than half of electionTimeoutMs ${electionTimeoutMs}: `
      + 'one lost heartbeat would start an election; send them more often or wait longer')
  }
  if (leaderLostHoldMs(config) > electionTimeoutMs) {
    throw new RangeError(
      `leaseMs ${leaseMs} is more than three quarters of electionTimeoutMs ${electionTimeoutMs}: `
      + 'a lease could outlast its leader; shorten the lease')
  }
  return config
}
