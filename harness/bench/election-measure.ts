import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom, type Random } from '../../node/base/random.ts'
import type { Environment } from '../environments/environment.ts'
import { systems } from '../systems/index.ts'
import { UsageError } from '../plan/usage-error.ts'
import type { BenchContext } from './benchmark.ts'
import { cannotBreak, type BreakWay } from './break-member.ts'
import { calmUnderLoad, highestTerm, simulatedPauseMs } from './calm.ts'
import { electionTimes, tracedElection, transitionsIn } from './election-times.ts'
import { numberFlag } from './flags.ts'
import { after, rotated, Samples, type Metric } from './samples.ts'
import { leaderServing } from './serving.ts'
import { takeLeader } from './take-leader.ts'

/** A cluster that has no leader by then is given up on, and told of. */
const deadlineMs = 60_000
/** Before each event, up to this, drawn: so that it meets heartbeats and timers at any of their phases. */
const phaseMsMax = 1000
const faultNames: Readonly<Record<BreakWay, string>> = { kill: 'kill', pause: 'pause', cut: 'partition' }

const metrics = {
  newLeader: { metric: 'time to a new leader', unit: 'ms', better: 'lower' },
  firstAck: { metric: 'time to the first acknowledged write', unit: 'ms', better: 'lower' },
  stands: { metric: 'time until a member stands for election (trace)', unit: 'ms', better: 'lower' },
  leads: { metric: 'time until a member is elected (trace)', unit: 'ms', better: 'lower' },
  terms: { metric: 'terms per fault', unit: 'terms', better: 'lower' },
  calm: { metric: 'elections when nothing is wrong', unit: 'elections', better: 'lower' },
  calmWrites: { metric: 'writes acknowledged when nothing is wrong', unit: '/s', better: null },
} as const satisfies Record<string, Metric>

/**
 * The leader is taken again and again, in each way and at each member count in
 * turn; in every round each cluster is also left alone under as much load as it takes.
 */
export async function measureElection(context: BenchContext): Promise<void> {
  const flags = readFlags(context)
  const samples = new Samples()
  const random = seededRandom(context.seed).split('election')
  if (context.env === 'simulated' && flags.calmSeconds > 0) context.note(`Nobody is short of CPU in a simulation: under full load each of ${flags.connections} clients waits ${simulatedPauseMs} ms after a write.`)
  for (let round = 0; round < flags.rounds; round++) {
    for (const members of rotated(context.memberCounts, round)) {
      context.throwIfStopped()
      context.say(`round ${round + 1} of ${flags.rounds}: ${members} members`)
      await using environment = await context.startCluster(members, { faults: flags.ways.map((way) => faultNames[way]) })
      const missing = flags.ways.map((way) => cannotBreak(environment, way)).find((why) => why !== null)
      if (missing !== undefined) throw new UsageError(`--ways ${flags.ways.join(',')}: ${missing}.`)
      try {
        await environment.run(() => measureRound({ context, environment, flags, samples, random: random.split(`${members} members, round ${round}`) }, round))
      } catch (error) {
        samples.tell(context)
        throw error
      }
    }
  }
  samples.tell(context)
}

interface ElectionFlags {
  readonly times: number
  readonly ways: readonly BreakWay[]
  readonly rounds: number
  readonly calmSeconds: number
  readonly connections: number
}

function readFlags({ flags, memberCounts }: BenchContext): ElectionFlags {
  const small = memberCounts.find((count) => count < 3)
  if (small !== undefined) throw new UsageError(`--members ${small}: who takes the leader from fewer than three members leaves nobody who could elect another.`)
  const times = numberFlag(flags, 'times', { min: 1 })
  return {
    times,
    ways: flags['ways'] as readonly BreakWay[],
    rounds: Math.min(times, numberFlag(flags, 'rounds', { min: 1 })),
    calmSeconds: numberFlag(flags, 'calmSeconds', { min: 0, whole: false }),
    connections: numberFlag(flags, 'connections', { min: 1 }),
  }
}

interface Round {
  readonly context: BenchContext
  readonly environment: Environment
  readonly flags: ElectionFlags
  readonly samples: Samples
  readonly random: Random
}

async function measureRound({ context, environment, flags, samples, random }: Round, round: number): Promise<void> {
  const { throwIfStopped } = context
  const { clock } = environment
  const system = systems[context.system]
  const members = environment.members.length
  const leaderNow = () => leaderServing(environment, system, throwIfStopped)

  if (flags.calmSeconds > 0) {
    const seconds = flags.calmSeconds / flags.rounds
    const { connections } = flags
    const { leader } = await leaderNow()
    const { elections, writesPerS, failed } = await calmUnderLoad({ context, environment, system, leader, connections, seconds, seed: random.split('load').uint32() })
    const fixed = { members, connections, seconds }
    samples.add(fixed, metrics.calm, elections)
    samples.add(fixed, metrics.calmWrites, writesPerS)
    if (failed > 0) context.note(`${members} members, round ${round + 1}, nothing wrong: ${failed} writes under full load were not acknowledged.`)
  }

  const taken: { readonly way: BreakWay, readonly leader: string, readonly effectWallMs: number, readonly untilWallMs: number }[] = []
  const times = Math.floor((flags.times + flags.rounds - 1 - round) / flags.rounds)
  for (let n = 0; n < times; n++) {
    for (const way of rotated(flags.ways, n + round)) {
      const { leader, address } = await leaderNow()
      await clock.sleep(random.fraction() * phaseMsMax)
      const termBefore = await highestTerm(environment, system)
      const wallBehindMs = (clock.wallMs?.() ?? 0) - clock.nowNs() / 1e6
      const { seen, broken } = await takeLeader({ environment, system, deadlineMs, throwIfStopped }, leader, address, way)
      const { effectNs, newLeaderMs, firstAckMs } = electionTimes(seen)
      const fixed = { members, fault: way }
      if (newLeaderMs !== null) samples.add(fixed, metrics.newLeader, newLeaderMs)
      if (firstAckMs !== null) samples.add(fixed, metrics.firstAck, firstAckMs)
      if (newLeaderMs === null || firstAckMs === null) {
        context.note(`${members} members, ${way} of ${leader}: within ${deadlineMs / 1000} s ${newLeaderMs === null ? 'no majority of the others named a new leader' : 'no write was acknowledged'}.`)
      }
      samples.add(fixed, metrics.terms, await highestTerm(environment, system) - termBefore)
      taken.push({ way, leader, effectWallMs: effectNs / 1e6 + wallBehindMs, untilWallMs: clock.nowNs() / 1e6 + wallBehindMs })
      context.say(`${members} members, ${way} of ${leader}: new leader ${after(newLeaderMs)}, first acknowledged write ${after(firstAckMs)}`)
      await broken.mend()
    }
  }
  await leaderNow()
  if (clock.wallMs === undefined) return
  const transitions = await collectedTransitions(environment)
  for (const { way, leader, effectWallMs, untilWallMs } of taken) {
    const { standsMs, leadsMs } = tracedElection(transitions, leader, effectWallMs, untilWallMs)
    if (standsMs !== null) samples.add({ members, fault: way }, metrics.stands, standsMs)
    if (leadsMs !== null) samples.add({ members, fault: way }, metrics.leads, leadsMs)
  }
}

/** Of all members that write a trace: none of a foreign system. */
async function collectedTransitions(environment: Environment) {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-bench-'))
  try {
    await environment.collect(directory)
    return environment.members.flatMap((member) => {
      try {
        return transitionsIn(readFileSync(join(directory, member, 'raft-trace.jsonl'), 'utf8'))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
        throw error
      }
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
