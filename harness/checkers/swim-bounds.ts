/**
 * What SWIM with Lifeguard owes, computed from the configuration that the
 * members run with; written anew from the papers and from memberlist's
 * documentation, so that a mistake of the members' own arithmetic shows.
 *
 * SWIM: Das, Gupta, Motivala, 2002. Lifeguard: Dadgar, Phillips, Currey, 2018.
 * memberlist's `config.go` and Consul's documentation of `gossip_lan` have the defaults.
 */
export interface GossipTimings {
  readonly probeIntervalMs: number
  readonly probeTimeoutMs: number
  readonly suspicionMult: number
  readonly suspicionMaxTimeoutMult: number
  readonly gossipIntervalMs: number
  readonly gossipNodes: number
  readonly retransmitMult: number
  /** Lifeguard's health score stays below this. */
  readonly awarenessMaxMultiplier: number
  readonly pushPullIntervalMs: number
  /** How often serf tries a failed member again. */
  readonly reconnectIntervalMs: number
  /** A stream is given up after this. */
  readonly streamTimeoutMs: number
}

/** memberlist's for one data centre, with serf's and Consul's on top. */
export const lanTimings: GossipTimings = {
  probeIntervalMs: 1000, probeTimeoutMs: 500, suspicionMult: 4, suspicionMaxTimeoutMult: 6, gossipIntervalMs: 200, gossipNodes: 3,
  retransmitMult: 4, awarenessMaxMultiplier: 8, pushPullIntervalMs: 30_000, reconnectIntervalMs: 30_000, streamTimeoutMs: 10_000,
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** As the members' config file has it, `gossip_lan` with Consul's keys. Throws Error for what no member would start with. */
export function gossipTimings(memberConfig: Readonly<Record<string, unknown>>): GossipTimings {
  const lan = (memberConfig['gossip_lan'] ?? {}) as Readonly<Record<string, unknown>>
  const duration = (key: string, fallbackMs: number) => {
    if (lan[key] === undefined) return fallbackMs
    const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(String(lan[key])) ?? []
    if (amount === undefined || unit === undefined) throw new Error(`gossip_lan.${key} is ${JSON.stringify(lan[key])}, which is no duration`)
    return Number(amount) * unitMs[unit]!
  }
  const count = (key: string, fallback: number) => lan[key] === undefined ? fallback : Number(lan[key])
  return {
    ...lanTimings,
    probeIntervalMs: duration('probe_interval', lanTimings.probeIntervalMs),
    probeTimeoutMs: duration('probe_timeout', lanTimings.probeTimeoutMs),
    gossipIntervalMs: duration('gossip_interval', lanTimings.gossipIntervalMs),
    gossipNodes: count('gossip_nodes', lanTimings.gossipNodes),
    retransmitMult: count('retransmit_mult', lanTimings.retransmitMult),
    suspicionMult: count('suspicion_mult', lanTimings.suspicionMult),
  }
}

/** Lifeguard: `suspicion_mult × max(1, log10 n) × probe_interval`. `members`: believed alive, with oneself. */
export function suspicionShortestMs({ suspicionMult, probeIntervalMs }: GossipTimings, members: number): number {
  return suspicionMult * Math.max(1, Math.log10(members)) * probeIntervalMs
}

/**
 * The longest that a suspicion lasts: `suspicion_max_timeout_mult` times the
 * shortest while nobody confirms it. Where too few others are there to confirm
 * (fewer than `suspicion_mult - 2` besides the suspect and oneself), none is
 * waited for and it lasts the shortest.
 */
export function suspicionLongestMs(timings: GossipTimings, members: number): number {
  const shortest = suspicionShortestMs(timings, members)
  const wanted = timings.suspicionMult - 2
  return wanted < 1 || members - 2 < wanted ? shortest : timings.suspicionMaxTimeoutMult * shortest
}

/**
 * From a member's silence until another calls it failed, however unlucky the
 * order of its probes (SWIM §4.3: each is probed once in every round, which is
 * shuffled, so at most 2(n - 1) - 1 probes lie between two of the same member,
 * and the last takes an interval to fail), then the longest suspicion. A probe
 * that fails at a member of health score s lasts s + 1 intervals.
 */
export function detectionBoundMs(timings: GossipTimings, members: number, healthScoreMax: number): number {
  const others = Math.max(1, members - 1)
  return 2 * others * timings.probeIntervalMs * (healthScoreMax + 1) + suspicionLongestMs(timings, members)
}

/** The worst health score there can be. */
export const healthScoreWorst = ({ awarenessMaxMultiplier }: GossipTimings): number => awarenessMaxMultiplier - 1

/**
 * From the first member that knows to the last, by gossip alone: the infected
 * grow by the factor `gossip_nodes + 1` each interval (SWIM §3.2); ten times
 * the logarithm leaves out bad luck for all practical purposes.
 */
export function disseminationBoundMs({ gossipNodes, gossipIntervalMs }: GossipTimings, members: number): number {
  return 10 * Math.ceil(Math.log(Math.max(2, members)) / Math.log(gossipNodes + 1)) * gossipIntervalMs
}

/** Whether every message reaches every member in one interval where none is lost: then the bound above is a promise, not a probability. */
export const tellsAllAtOnce = ({ gossipNodes }: GossipTimings, members: number): boolean => members - 1 <= gossipNodes

/**
 * After this in peace no suspicion is left that began before: a probe that was
 * under way at the worst health score, the longest suspicion, and the news of its end.
 */
export function quietBoundMs(timings: GossipTimings, members: number): number {
  return (healthScoreWorst(timings) + 1) * timings.probeIntervalMs + suspicionLongestMs(timings, members) + disseminationBoundMs(timings, members)
}

/**
 * From the end of all faults until every member holds every other for alive.
 * Who gave up all others tries one of them each reconnect interval; who is
 * given up by some hears of it by an exchange of the full state within each
 * push/pull interval, and refutes. Two of the longer of them, a stream that was
 * opened before, and what a suspicion takes.
 */
export function convergenceBoundMs(timings: GossipTimings, members: number): number {
  const doublings = members <= 32 ? 1 : Math.ceil(Math.log2(members) - 5) + 1
  return 2 * Math.max(timings.pushPullIntervalMs * doublings, timings.reconnectIntervalMs) + timings.streamTimeoutMs + quietBoundMs(timings, members)
}
