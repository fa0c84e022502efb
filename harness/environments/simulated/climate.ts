import type { Random } from '../../../node/base/random.ts'

/** How quick the parts of one simulated machine room are, each in ms; every call draws anew. */
export interface Climate {
  /** One way between two members, for the stream of one link. */
  readonly linkLatencyMs: (random: Random) => number
  /** One way between a client and a member. */
  readonly clientLatencyMs: (random: Random) => number
  /** One fdatasync. */
  readonly syncLatencyMs: (random: Random) => number
  /** From the start of a process until it serves. */
  readonly startupMs: (random: Random) => number
  /** How often the survivors hear of a death at once, because its connections broke. */
  readonly deathHeardShare: number
  /** How often a cut link loses what is under way, and with it the connection, instead of delivering it after a quick healing. */
  readonly cutLosesShare: number
  /** How often a crash leaves some of what was not synced on the disk, perhaps torn, instead of none of it. */
  readonly tornCrashShare: number
}

/**
 * Drawn from the seed, each run another: quick and even networks, slow and
 * jittery ones. One setting for all would try the same few interleavings again
 * and again.
 */
export function drawClimate(random: Random): Climate {
  const linkBaseMs = 0.05 + 0.95 * random.fraction()
  const linkJitterMs = 0.02 + 0.5 * random.fraction()
  const linkSpikeShare = 0.005 * random.fraction()
  const linkSpikeMs = 5 + 95 * random.fraction()
  const clientBaseMs = 0.05 + 0.4 * random.fraction()
  const syncBaseMs = 0.1 + 1.9 * random.fraction()
  const syncSpikeShare = 0.02 * random.fraction()
  const syncSpikeMs = 2 + 48 * random.fraction()
  const startupBaseMs = 50 + 250 * random.fraction()
  return {
    linkLatencyMs: (stream) => linkBaseMs + exponential(stream, linkJitterMs)
      + (stream.chance(linkSpikeShare) ? exponential(stream, linkSpikeMs) : 0),
    clientLatencyMs: (stream) => clientBaseMs + exponential(stream, 0.1),
    syncLatencyMs: (stream) => syncBaseMs * (0.5 + stream.fraction())
      + (stream.chance(syncSpikeShare) ? exponential(stream, syncSpikeMs) : 0),
    startupMs: (stream) => startupBaseMs * (0.5 + stream.fraction()),
    deathHeardShare: random.fraction(),
    cutLosesShare: random.fraction(),
    // Below one half: what is lost without a trace is the harder case for a log that can see a hole.
    tornCrashShare: 0.5 * random.fraction(),
  }
}

/** With this mean. 1 - fraction is in (0, 1], whose logarithm is finite. */
function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random.fraction()) * mean
}
