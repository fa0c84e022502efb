import type { Random } from '../../node/base/random.ts'
import type { PlanOptions } from '../plan/options.ts'

/** What there is to draw from. */
export interface SwarmChoices {
  /** Families that work where the runs are done. */
  readonly nemeses: readonly string[]
  readonly workloads: readonly string[]
}

/** Of runs that leave an option as it is by default. */
const plainShare = 0.3

/**
 * Options of one run of many, each run another mixture: runs that are all alike
 * find the same, and what is on in all of them can hide what is broken (Groce
 * et al., "Swarm Testing", ISSTA 2012). What the user said is never drawn.
 */
export function drawSwarmOptions(said: PlanOptions, random: Random, { nemeses, workloads }: SwarmChoices): PlanOptions {
  const pick = <T>(items: readonly T[]): T => random.pick(items)
  // Each is drawn whether it is used or not: what the user says of one option changes no other.
  const drawn: PlanOptions = {
    workload: pick(workloads),
    members: pick([3, 3, 3, 4, 5, 5, 7]),
    nemesis: drawFamilies(nemeses, random),
    interval: pick([0.8, 1.5, 2.5, 4, 8]),
    atOnce: pick([1, 2, 3, 4]),
    intensity: pick(['0.2', '0.5', '1', '1', '0.1..1']),
    latency: pick([0, 0, 0, 5, 30]),
    powerLoss: random.chance(0.4),
    memberConfig: drawMemberConfig(random),
  }
  const load: PlanOptions = { rate: pick([50, 100, 200, 200, 400]), concurrency: pick(['1n', '2n', '2n', '4n']), keys: pick([1, 3, 8, 8, 20]) }
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(drawn)) if (!random.chance(plainShare) || name === 'nemesis' || name === 'workload') kept[name] = value
  // Other workloads know best what load they are made for.
  return { ...kept, ...(said.workload ?? drawn.workload) === 'register' ? load : {}, ...said }
}

/** At most half of all, at least one: few, so that each is on often. */
function drawFamilies(nemeses: readonly string[], random: Random): string[] {
  const count = Math.max(1, Math.min(nemeses.length, random.between(1, Math.ceil(nemeses.length / 2) + 1)))
  return random.shuffle(nemeses).slice(0, count).sort()
}

/** Snapshots seldom or often; an election that waits longer. */
function drawMemberConfig(random: Random): Record<string, unknown> {
  const threshold = random.pick([null, 40, 200, 1000])
  const electionTimeoutMs = random.pick([null, null, 400, 1000])
  return {
    ...threshold === null ? {} : { raft_snapshot_threshold: threshold, raft_trailing_logs: Math.ceil(threshold / 8) },
    ...electionTimeoutMs === null ? {} : { raft: { election_timeout_ms: electionTimeoutMs, heartbeat_interval_ms: Math.floor(electionTimeoutMs / 5) } },
  }
}
