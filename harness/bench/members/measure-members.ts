import { seededRandom, type Random } from '../../../node/base/random.ts'
import { groupSizes, membersFaults, type MembersFault } from '../../../results/compare/members-faults.ts'
import { membersMetrics as metrics } from '../../../results/compare/members-metrics.ts'
import type { Environment } from '../../environments/environment.ts'
import { awaitServing } from '../../runner/recovery.ts'
import { Stop } from '../../runner/stop.ts'
import { systems } from '../../systems/index.ts'
import { findLeader, requestTo } from '../../systems/leader.ts'
import type { BenchContext } from '../benchmark.ts'
import { electionTimes } from '../election-times.ts'
import { kvRequestsOf } from '../load/kv-requests.ts'
import { LoadGenerator } from '../load/load-generator.ts'
import { rotated, Samples } from '../samples.ts'
import { takeLeader } from '../take-leader.ts'
import { measureScenario } from './measure-scenario.ts'
import { drawScenario } from './scenarios.ts'
import { latencyNotes, loadByClients, loadByProcess } from './write-load.ts'

/** A cluster that has no new leader by then is given up on, and told of. */
const electionDeadlineMs = 60_000
const servingTimeoutS = 120
/** Before each fault, up to this, drawn: so that it meets heartbeats and timers at any of their phases. */
const phaseMsMax = 500

export interface MembersOptions {
  readonly rounds: number
  /** In each round, at each member count. */
  readonly kills: number
  readonly loadSeconds: number
  readonly connections: number
  readonly faultSeconds: number
}

/**
 * Clusters of each member count one after the other, in rounds that begin with
 * another one each time, so that what changes with time strikes all alike. In a
 * simulation all clusters of one round have the same weather.
 */
export async function measureMembers(context: BenchContext, options: MembersOptions): Promise<void> {
  const samples = new Samples()
  const random = seededRandom(context.seed).split('members')
  // A simulated member is reached from this process only.
  await using generator = context.env === 'simulated' ? null : new LoadGenerator()
  context.note(latencyNotes[generator === null ? 'clients' : 'process'])
  try {
    for (let round = 0; round < options.rounds; round++) {
      for (const members of rotated(context.memberCounts, round)) {
        context.throwIfStopped()
        context.say(`round ${round + 1} of ${options.rounds}: ${members} members`)
        await using environment = await context.startCluster(members, {
          faults: ['kill', 'partition'], memberConfig: kvRequestsOf[context.system].memberConfig, chance: `round ${round}`,
        })
        const one = new OneCluster({ context, environment, generator, options, samples, random: random.split(`${members} members, round ${round}`), round })
        await environment.run(() => one.measure())
      }
    }
  } finally {
    samples.tell(context)
  }
}

interface OneClusterParts {
  readonly context: BenchContext
  readonly environment: Environment
  readonly generator: LoadGenerator | null
  readonly options: MembersOptions
  readonly samples: Samples
  readonly random: Random
  /** From 0. */
  readonly round: number
}

/** One cluster in one round. */
class OneCluster {
  readonly #parts: OneClusterParts

  constructor(parts: OneClusterParts) {
    this.#parts = parts
  }

  async measure(): Promise<void> {
    const members = this.#parts.environment.members.length
    await this.#measureLoad(members)
    // Who is alone has nobody who could take over.
    if (members > 2) for (let n = 0; n < this.#parts.options.kills; n++) await this.#measureElection(members)
    const faults = membersFaults.filter((fault) => groupSizes(fault, members) !== null)
    for (const fault of rotated(faults, this.#parts.round)) await this.#measureFault(members, fault)
    // A cluster that a fault broke for good is told of, and not left to the next.
    await this.#leader()
  }

  async #measureLoad(members: number): Promise<void> {
    const { context, environment, generator, random, options: { connections, loadSeconds: seconds } } = this.#parts
    const { leader } = await this.#leader()
    const seen = generator === null
      ? await loadByClients({ context, environment, connections, seconds }, leader)
      : await loadByProcess({ context, environment, connections, seconds, seed: random.uint32() }, generator, leader)
    const fixed = { members, connections }
    this.#parts.samples.add(fixed, metrics.throughput, seen.throughputPerS)
    this.#parts.samples.add(fixed, metrics.latencyP50, seen.latencyP50Ms)
    this.#parts.samples.add(fixed, metrics.latencyP99, seen.latencyP99Ms)
    if (seen.failed > 0) this.#note(members, `${seen.failed} writes were not acknowledged, though nothing was wrong`)
    this.#parts.context.say(`  ${Math.round(seen.throughputPerS)} writes/s, latency ${seen.latencyP50Ms.toFixed(2)} ms (median), ${seen.latencyP99Ms.toFixed(2)} ms (p99)`)
  }

  async #measureElection(members: number): Promise<void> {
    const { leader, address } = await this.#leader()
    await this.#parts.environment.clock.sleep(this.#parts.random.fraction() * phaseMsMax)
    const { seen, broken } = await takeLeader({ ...this.#ports(), deadlineMs: electionDeadlineMs }, leader, address, 'kill')
    const { newLeaderMs, firstAckMs } = electionTimes(seen)
    if (newLeaderMs !== null) this.#parts.samples.add({ members }, metrics.newLeader, newLeaderMs)
    if (firstAckMs !== null) this.#parts.samples.add({ members }, metrics.firstAck, firstAckMs)
    if (newLeaderMs === null || firstAckMs === null) this.#note(members, `within ${electionDeadlineMs / 1000} s of killing ${leader} ${newLeaderMs === null ? 'no new leader was named' : 'no write was acknowledged'}`)
    await broken.mend()
    this.#parts.context.say(`  leader killed: a new one after ${newLeaderMs === null ? 'never' : `${newLeaderMs.toFixed(0)} ms`}`)
  }

  async #measureFault(members: number, fault: MembersFault): Promise<void> {
    const { leader } = await this.#leader()
    await this.#parts.environment.clock.sleep(this.#parts.random.fraction() * phaseMsMax)
    const scenario = drawScenario(fault, this.#parts.environment.members, leader, this.#parts.random)
    const seen = await measureScenario({ ...this.#ports(), seconds: this.#parts.options.faultSeconds }, scenario)
    const fixed = { members, fault, groups: groupSizes(fault, members)!.join('|') }
    this.#parts.samples.add(fixed, metrics.writesByLargest, seen.writesByLargestPercent)
    this.#parts.samples.add(fixed, metrics.writesByAll, seen.writesByAllPercent)
    this.#parts.samples.add(fixed, metrics.readsByLargest, seen.readsByLargestPercent)
    this.#parts.samples.add(fixed, metrics.readsByAll, seen.readsByAllPercent)
    this.#parts.samples.add(fixed, metrics.writesSettled, seen.writesSettledPercent)
    this.#parts.samples.add(fixed, metrics.withoutAck, seen.longestWithoutAckMs)
    this.#parts.context.say(`  ${fault} (${fixed.groups}): ${seen.writesByLargestPercent.toFixed(1)} % of writes by the largest group, ${seen.writesByAllPercent.toFixed(1)} % by all; longest without one ${seen.longestWithoutAckMs.toFixed(0)} ms`)
  }

  /** Once all members serve. */
  async #leader(): Promise<{ readonly leader: string, readonly address: string }> {
    const { environment, system, throwIfStopped } = this.#ports()
    const serving = await awaitServing({ environment, system, timeoutS: servingTimeoutS, interrupt: new Stop(), onPending: throwIfStopped })
    if (!serving.serving) throw new Error(`The cluster of ${environment.members.length} does not serve within ${servingTimeoutS} s of the last healing: ${serving.pending.join('; ')}.`)
    const leader = await findLeader(system, environment)
    const seen = leader === null ? null : await system.leaderSeen(requestTo(environment, leader))
    if (leader === null || seen === null || 'none' in seen) throw new Error('No member of the cluster says that it leads, though all serve.')
    return { leader, address: seen.leader }
  }

  #ports() {
    const { system, throwIfStopped } = this.#parts.context
    return { environment: this.#parts.environment, system: systems[system], throwIfStopped }
  }

  #note(members: number, what: string): void {
    this.#parts.context.note(`${members} members, round ${this.#parts.round + 1}: ${what}.`)
  }
}
