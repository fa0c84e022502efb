/**
 * What autopilot decides, as arithmetic: who is healthy, who may vote, who may
 * be removed (Consul's documentation, "Autopilot"). `autopilot-driver.ts` asks
 * for the facts and carries the decisions out.
 */
import type { MemberId } from '../raft/entry.ts'
import type { AutopilotConfig } from '../state/autopilot-config.ts'

/** What the leader knows of one server of the Raft configuration. */
export interface ServerReading {
  readonly id: MemberId
  readonly name: string
  readonly address: string
  /** What gossip says; `none`: nothing at all. */
  readonly serfStatus: 'alive' | 'leaving' | 'left' | 'failed' | 'none'
  readonly version: string
  readonly isLeader: boolean
  readonly isVoter: boolean
  /** Since it last answered; 0 of the leader itself. */
  readonly lastContactMs: number
  /** Up to here it is known to have the leader's log. */
  readonly lastIndex: number
  readonly lastTerm: number
}

export interface ServerHealth extends ServerReading {
  readonly healthy: boolean
  /** Since when it is as healthy, or as ill, as it is: on the clock of `nowMs`. */
  readonly stableSinceMs: number
}

/** Readings judged by the leader's own, which must be among them; `before`: the last judgement. */
export function judge(readings: readonly ServerReading[], before: readonly ServerHealth[], config: AutopilotConfig, nowMs: number): ServerHealth[] {
  const leader = readings.find(({ isLeader }) => isLeader)
  return readings.map((reading) => {
    const healthy = leader !== undefined && isHealthy(reading, leader, config)
    const last = before.find(({ id }) => id === reading.id)
    return { ...reading, healthy, stableSinceMs: last?.healthy === healthy ? last.stableSinceMs : nowMs }
  })
}

function isHealthy(reading: ServerReading, leader: ServerReading, config: AutopilotConfig): boolean {
  return reading.serfStatus === 'alive'
    && reading.lastContactMs * 1e6 <= config.lastContactThresholdNs
    && reading.lastTerm === leader.lastTerm
    && reading.lastIndex + config.maxTrailingLogs >= leader.lastIndex
}

export interface ClusterHealth {
  /** Every server is. */
  readonly healthy: boolean
  /** So many voters more may fail before the quorum is lost. */
  readonly failureTolerance: number
}

export function clusterHealth(servers: readonly ServerHealth[]): ClusterHealth {
  const voters = servers.filter(({ isVoter }) => isVoter)
  const quorum = Math.floor(voters.length / 2) + 1
  return {
    healthy: servers.length > 0 && servers.every(({ healthy }) => healthy),
    failureTolerance: Math.max(0, voters.filter(({ healthy }) => healthy).length - quorum),
  }
}

/** Who does not vote yet and has been healthy for long enough. */
export function promotable(servers: readonly ServerHealth[], config: AutopilotConfig, nowMs: number): MemberId[] {
  return servers.filter(({ isVoter, healthy, stableSinceMs }) => !isVoter && healthy && (nowMs - stableSinceMs) * 1e6 >= config.serverStabilizationTimeNs).map(({ id }) => id)
}

export interface CleanupInput {
  readonly servers: readonly ServerHealth[]
  /** Names of servers that gossip calls failed, whether Raft knows them or not. */
  readonly failed: readonly string[]
  readonly config: AutopilotConfig
  readonly nowMs: number
}

export interface Cleanup {
  /** Names: gossip is told that they have left, all else follows from that. */
  readonly forceLeave: readonly string[]
  /** Ids that only Raft knows. */
  readonly remove: readonly MemberId[]
  /** Why nothing is done about them, if there are any; a sentence without its full stop. */
  readonly refusal: string | null
}

/**
 * Failed servers, and those that gossip has not known for the stabilization
 * time (a leader that has just started has not heard of everybody), go all at
 * once or not at all. All of them: only if they are a minority of the voters,
 * so that those who stay were a quorum before as they are after. With n voters
 * that is at most (n − 1) / 2; more dead ones mean that the leader may be in
 * the smaller part of a cluster that is cut in two.
 */
export function planCleanup({ servers, failed, config, nowMs }: CleanupInput): Cleanup {
  const nothing: Cleanup = { forceLeave: [], remove: [], refusal: null }
  if (!config.cleanupDeadServers) return nothing
  const stale = servers.filter(({ serfStatus, isLeader, healthy, stableSinceMs }) =>
    serfStatus === 'none' && !isLeader && !healthy && (nowMs - stableSinceMs) * 1e6 >= config.serverStabilizationTimeNs)
  const dead = failed.length + stale.length
  if (dead === 0) return nothing
  const voters = servers.filter(({ isVoter }) => isVoter).length
  if (voters - dead < config.minQuorum) return { ...nothing, refusal: `removing ${dead} of ${voters} servers would leave fewer than min_quorum, ${config.minQuorum}` }
  if (dead > Math.floor((voters - 1) / 2)) return { ...nothing, refusal: `removing ${dead} of ${voters} servers would remove more than a minority` }
  return { forceLeave: failed, remove: stale.map(({ id }) => id), refusal: null }
}
