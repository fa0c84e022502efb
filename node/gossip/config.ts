/**
 * How fast a member probes, suspects and tells. All times in milliseconds. The
 * profiles hold memberlist's and serf's constants, as Consul sets them.
 */
export interface GossipConfig {
  /** One member is probed in each. */
  readonly probeIntervalMs: number
  /** A direct ping without an answer for this long is followed by indirect ones. About the 99th percentile of a round trip. */
  readonly probeTimeoutMs: number
  /** Peers asked to ping in this member's stead. */
  readonly indirectChecks: number
  /** Shortest suspicion: this × max(1, log10 n) probe intervals. */
  readonly suspicionMult: number
  /** Longest suspicion, while nobody else confirms it: this × the shortest. */
  readonly suspicionMaxTimeoutMult: number
  /** A broadcast is sent this × ceil(log10(n + 1)) times by each member. */
  readonly retransmitMult: number
  readonly gossipIntervalMs: number
  /** Members told in each gossip interval. */
  readonly gossipNodes: number
  /** Failed members are still told for this long, that they may refute. */
  readonly gossipToTheDeadMs: number
  /** Between two exchanges of the full state with a random member, for up to 32 members; see `pushPullPeriodMs`. 0: never. */
  readonly pushPullIntervalMs: number
  /** A stream exchange is given up after this. */
  readonly streamTimeoutMs: number
  /** The health score of this member stays below this. */
  readonly awarenessMaxMultiplier: number
  /** The name of a failed member may come back at another address after this. 0: never. */
  readonly deadNodeReclaimMs: number
  /** No datagram is larger. */
  readonly packetBytesMax: number
  /** A leaving member waits at most this long until its news is told, each of its two. */
  readonly broadcastTimeoutMs: number
  /** And then this long, that others may tell each other. */
  readonly leavePropagateDelayMs: number
  readonly reapIntervalMs: number
  /** How often a failed member may be tried again; the chance is failed / alive. */
  readonly reconnectIntervalMs: number
  /** Failed members are forgotten after this. */
  readonly failedReclaimMs: number
  /** Members that left are forgotten after this. */
  readonly leftReclaimMs: number
  /** News that an unknown member joined or left is kept this long, in case the member turns up. */
  readonly recentIntentTimeoutMs: number
  /** User events of this many last Lamport times are told apart; older ones are dropped. */
  readonly eventBufferTimes: number
  readonly userEventBytesMax: number
}

const hourMs = 3_600_000

/** One data centre. */
export const lanProfile: GossipConfig = {
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  retransmitMult: 4,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  pushPullIntervalMs: 30_000,
  streamTimeoutMs: 10_000,
  awarenessMaxMultiplier: 8,
  deadNodeReclaimMs: 30_000,
  packetBytesMax: 1400,
  broadcastTimeoutMs: 5000,
  leavePropagateDelayMs: 1000,
  reapIntervalMs: 15_000,
  reconnectIntervalMs: 30_000,
  failedReclaimMs: 72 * hourMs,
  leftReclaimMs: 24 * hourMs,
  recentIntentTimeoutMs: 300_000,
  eventBufferTimes: 512,
  userEventBytesMax: 512,
}

/** Data centres far apart. */
export const wanProfile: GossipConfig = {
  ...lanProfile,
  probeIntervalMs: 5000,
  probeTimeoutMs: 3000,
  suspicionMult: 6,
  gossipIntervalMs: 500,
  gossipNodes: 4,
  gossipToTheDeadMs: 60_000,
  pushPullIntervalMs: 60_000,
  streamTimeoutMs: 30_000,
}

/** One machine. */
export const localProfile: GossipConfig = {
  ...lanProfile,
  probeTimeoutMs: 200,
  indirectChecks: 1,
  suspicionMult: 3,
  retransmitMult: 2,
  gossipIntervalMs: 100,
  gossipToTheDeadMs: 15_000,
  pushPullIntervalMs: 15_000,
  streamTimeoutMs: 1000,
}

export const gossipProfiles = { lan: lanProfile, wan: wanProfile, local: localProfile } as const

const mayBeZero: readonly (keyof GossipConfig)[] = ['indirectChecks', 'pushPullIntervalMs', 'deadNodeReclaimMs', 'leavePropagateDelayMs', 'gossipToTheDeadMs']

/** A profile with some values changed. Throws RangeError with a sentence where they contradict each other. */
export function resolveGossipConfig(overrides: Partial<GossipConfig> = {}, profile: GossipConfig = lanProfile): GossipConfig {
  const config: GossipConfig = { ...profile, ...overrides }
  for (const [name, value] of Object.entries(config) as [keyof GossipConfig, number][]) {
    const least = mayBeZero.includes(name) ? 0 : 1
    if (!Number.isFinite(value) || value < least) throw new RangeError(`${name} is ${value}, but must be at least ${least}`)
  }
  if (config.probeTimeoutMs >= config.probeIntervalMs) {
    throw new RangeError(`probeTimeoutMs (${config.probeTimeoutMs}) must be below probeIntervalMs (${config.probeIntervalMs}): the rest is for the indirect pings`)
  }
  if (config.packetBytesMax < 1024 || config.packetBytesMax > 8192) {
    throw new RangeError(`packetBytesMax is ${config.packetBytesMax}, but must be from 1024, that any member fits, to 8192, above which a receiver drops it unread`)
  }
  if (config.userEventBytesMax > 512) throw new RangeError(`userEventBytesMax is ${config.userEventBytesMax}, above the 512 that surely fit a datagram`)
  return config
}
