/**
 * The arithmetic of SWIM and Lifeguard, free of state: the protocol computes
 * with it, and a checker can compute from the same configuration what the
 * protocol owes.
 *
 * SWIM: Das, Gupta, Motivala, "SWIM: Scalable Weakly-consistent Infection-style
 * Process Group Membership Protocol", 2002. Lifeguard: Dadgar, Phillips,
 * Currey, "Lifeguard: Local Health Awareness for More Accurate Failure
 * Detection", 2018.
 */
import type { GossipConfig } from './config.ts'

/** Suspicion that nobody disputes ends in failure after this, once enough others confirm it. `members`: believed alive, with oneself. */
export function suspicionTimeoutMsMin(config: GossipConfig, members: number): number {
  // To three decimals, as memberlist computes it: all members must agree on the same whole milliseconds.
  const scale = Math.trunc(Math.max(1, Math.log10(Math.max(1, members))) * 1000) / 1000
  return Math.trunc(config.suspicionMult * scale * config.probeIntervalMs)
}

/** The same while nobody else confirms it. */
export function suspicionTimeoutMsMax(config: GossipConfig, members: number): number {
  return config.suspicionMaxTimeoutMult * suspicionTimeoutMsMin(config, members)
}

/**
 * Independent confirmations that shorten a suspicion to its minimum. The two
 * that cannot confirm are the suspect and who began to suspect; where too few
 * others are left, no confirmation is waited for: 0.
 */
export function confirmationsWanted(config: GossipConfig, members: number): number {
  const wanted = Math.max(0, config.suspicionMult - 2)
  return members - 2 < wanted ? 0 : wanted
}

/** Lifeguard's decay: the time from the start of a suspicion to failure after `confirmations` of `wanted`. */
export function suspicionTimeoutMs(minMs: number, maxMs: number, confirmations: number, wanted: number): number {
  if (wanted < 1) return minMs
  const fraction = Math.log(confirmations + 1) / Math.log(wanted + 1)
  return Math.max(minMs, Math.floor(maxMs - fraction * (maxMs - minMs)))
}

/** How often each member sends one broadcast. */
export function retransmitLimit(retransmitMult: number, members: number): number {
  return retransmitMult * Math.ceil(Math.log10(members + 1))
}

/** Full state is exchanged less often in large clusters: one interval more for each doubling above 32 members. */
export function pushPullPeriodMs(config: GossipConfig, members: number): number {
  if (members <= 32) return config.pushPullIntervalMs
  return config.pushPullIntervalMs * (Math.ceil(Math.log2(members) - 5) + 1)
}

/**
 * When a relay without an answer says so. The Lifeguard paper takes 80 % of
 * the timeout, so that the nack is back before the prober's time is up: with a
 * probe of 1 s and a direct timeout of 500 ms, a nack after another 500 ms
 * would always come too late and the prober would think itself unhealthy.
 */
export function nackDelayMs(config: GossipConfig): number {
  return 0.8 * Math.min(config.probeTimeoutMs, config.probeIntervalMs - config.probeTimeoutMs)
}

export interface DetectionAssumptions {
  /** Alive members with the one that fails. */
  readonly members: number
  /** The worst health score of any survivor meanwhile: 0 where only the failed member is silent and others can relay. Two members: 1. */
  readonly healthScoreMax: number
}

/**
 * Every survivor calls a crashed member failed within this, however unlucky,
 * if membership is otherwise stable and survivors hear each other. By its own
 * probes alone: a survivor that probed it first in one round and last in the
 * next waits 2(n − 1) − 1 intervals, its probe fails within one more, and an
 * unconfirmed suspicion lasts the longest. Gossip can only shorten it.
 */
export function detectionBoundMs(config: GossipConfig, { members, healthScoreMax }: DetectionAssumptions): number {
  const others = Math.max(1, members - 1)
  // The number of members believed alive cannot grow meanwhile, so neither can the suspicion.
  return 2 * others * config.probeIntervalMs * (healthScoreMax + 1) + suspicionTimeoutMsMax(config, members)
}

/**
 * The mean time until some survivor first suspects a crashed member: each of
 * the others probes it with a chance of 1/(n − 1) an interval, so that somebody
 * does within 1/(1 − (1 − 1/(n − 1))^(n − 1)) intervals, e/(e − 1) for many
 * (SWIM, section 3.1), less the half interval that had passed when it
 * crashed; the probe then takes an interval to fail.
 */
export function firstSuspicionMeanMs(config: GossipConfig, members: number): number {
  const others = Math.max(1, members - 1)
  const probedPerInterval = 1 - (1 - 1 / others) ** others
  return (1 / probedPerInterval + 0.5) * config.probeIntervalMs
}

/**
 * Within this, with high probability, what one member broadcasts has reached
 * all: infection grows by the factor gossipNodes + 1 each interval. A bound to
 * measure against, not a guarantee: ten times the logarithm, and one exchange
 * of full state catches what the gossip missed.
 */
export function disseminationBoundMs(config: GossipConfig, members: number): number {
  const rounds = Math.ceil(Math.log(Math.max(2, members)) / Math.log(config.gossipNodes + 1))
  return 10 * rounds * config.gossipIntervalMs + 2 * pushPullPeriodMs(config, members)
}
