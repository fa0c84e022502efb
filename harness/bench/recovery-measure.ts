import { unreachable } from '../../node/base/assert.ts'
import { seededRandom, type Random } from '../../node/base/random.ts'
import type { Environment } from '../environments/environment.ts'
import { UsageError } from '../plan/usage-error.ts'
import { systems } from '../systems/index.ts'
import { clientOf, requestTo } from '../systems/leader.ts'
import type { System } from '../systems/system.ts'
import type { BenchContext } from './benchmark.ts'
import { breakMember, cannotBreak, linksOf } from './break-member.ts'
import { numberFlag, numbersFlag } from './flags.ts'
import type { RecoveryWay } from './recovery.ts'
import { after, rotated, Samples, type Metric } from './samples.ts'
import { leaderServing } from './serving.ts'
import { recoveryTimes, watchReturn } from './watch-return.ts'

/** What is not back by then is given up on, and told of. */
const deadlineMs = 120_000
/** Before each fault, up to this, drawn: so that it meets heartbeats and timers at any of their phases. */
const phaseMsMax = 1000
const writersOfLoad = 32
const voterPollMs = 100
const faultNames: Readonly<Record<RecoveryWay, string>> = { cut: 'partition', restart: 'kill', empty: 'kill', all: 'kill' }

const metrics = {
  answer: { metric: 'time until it answers', unit: 'ms', better: 'lower' },
  leader: { metric: 'time until it knows the leader', unit: 'ms', better: 'lower' },
  firstAck: { metric: 'time to the first acknowledged write', unit: 'ms', better: 'lower' },
  level: { metric: 'time until it has caught up', unit: 'ms', better: 'lower' },
  votes: { metric: 'time until it votes', unit: 'ms', better: 'lower' },
} as const satisfies Record<string, Metric>

/** Members are away for a while, in each way in turn, and come back. */
export async function measureRecovery(context: BenchContext): Promise<void> {
  const flags = readFlags(context)
  const samples = new Samples()
  const random = seededRandom(context.seed).split('recovery')
  const cases = context.memberCounts.flatMap((members) => flags.keyCounts.map((keys) => ({ members, keys })))
  for (let round = 0; round < flags.rounds; round++) {
    for (const { members, keys } of rotated(cases, round)) {
      context.throwIfStopped()
      context.say(`round ${round + 1} of ${flags.rounds}: ${members} members, ${keys} keys`)
      await using environment = await context.startCluster(members, { faults: [...new Set(flags.ways.map((way) => faultNames[way]))] })
      const system = systems[context.system]
      const missing = flags.ways.map((way) => cannotReturn(environment, system, way)).find((why) => why !== null)
      if (missing !== undefined) throw new UsageError(`--ways ${flags.ways.join(',')}: ${missing}.`)
      try {
        await environment.run(() => measureRound({ context, environment, system, flags, samples, random: random.split(`${members} members, ${keys} keys, round ${round}`) }, keys, round))
      } catch (error) {
        samples.tell(context)
        throw error
      }
    }
  }
  samples.tell(context)
}

function cannotReturn(environment: Environment, system: System, way: RecoveryWay): string | null {
  switch (way) {
    case 'cut': return cannotBreak(environment, 'cut')
    case 'restart':
    case 'all': return cannotBreak(environment, 'kill')
    case 'empty':
      if (environment.kill?.restartEmpty === undefined) return `environment ${environment.kind} cannot give a member an empty disk`
      return system.membership === undefined ? `${system.name} cannot take in a member that lost its disk` : null
    default: return unreachable(way)
  }
}

interface RecoveryFlags {
  readonly times: number
  readonly ways: readonly RecoveryWay[]
  readonly keyCounts: readonly number[]
  readonly valueBytes: number
  readonly missed: number
  readonly awaySeconds: number
  readonly rounds: number
}

function readFlags({ flags, memberCounts }: BenchContext): RecoveryFlags {
  const ways = flags['ways'] as readonly RecoveryWay[]
  const small = memberCounts.find((count) => count < 3)
  if (small !== undefined && ways.some((way) => way !== 'all')) throw new UsageError(`--members ${small}: with fewer than three members none may be away; only --ways all works.`)
  const times = numberFlag(flags, 'times', { min: 1 })
  return {
    times, ways,
    keyCounts: numbersFlag(flags, 'keys', { min: 0 }),
    valueBytes: numberFlag(flags, 'valueBytes', { min: 1, max: 512 * 1024 }),
    missed: numberFlag(flags, 'missed', { min: 0 }),
    awaySeconds: numberFlag(flags, 'awaySeconds', { min: 0, whole: false }),
    rounds: Math.min(times, numberFlag(flags, 'rounds', { min: 1 })),
  }
}

interface Round {
  readonly context: BenchContext
  readonly environment: Environment
  readonly system: System
  readonly flags: RecoveryFlags
  readonly samples: Samples
  readonly random: Random
}

async function measureRound(bench: Round, keys: number, round: number): Promise<void> {
  const { flags, environment, system, context } = bench
  const { leader } = await leaderServing(environment, system, context.throwIfStopped)
  await write(bench, leader, 'recovery/key', keys)
  const times = Math.floor((flags.times + flags.rounds - 1 - round) / flags.rounds)
  for (let n = 0; n < times; n++) {
    for (const way of rotated(flags.ways, n + round)) await awayAndBack(bench, way, keys, n)
  }
}

async function awayAndBack(bench: Round, way: RecoveryWay, keys: number, n: number): Promise<void> {
  const { context, environment, system, flags, samples, random } = bench
  const { clock, members } = environment
  const { leader } = await leaderServing(environment, system, context.throwIfStopped)
  await clock.sleep(random.fraction() * phaseMsMax)
  const away = way === 'all' ? members : [random.pick(members.filter((member) => member !== leader))]
  const marker = { key: 'recovery/marker', value: `${way} ${n}` }
  const mark = async () => {
    const { type } = await clientOf(system, environment, leader, 10_000).write(marker.key, marker.value)
    if (type !== 'ok') throw new Error(`The leader ${leader} did not acknowledge a write while ${way === 'all' ? 'nobody' : away.join(', ')} was away.`)
  }
  const oldId = way === 'empty' ? await system.membership!.ownId(requestTo(environment, away[0]!)) : null

  const awayFromNs = clock.nowNs()
  const mend = await takeAway(bench, way, away, mark)
  if (way !== 'all') {
    await write(bench, leader, 'recovery/missed', flags.missed)
    await mark()
  }
  await clock.sleep(Math.max(0, flags.awaySeconds * 1000 - (clock.nowNs() - awayFromNs) / 1e6))

  const { fromNs, returns } = await watchReturn({ environment, system, deadlineMs, throwIfStopped: context.throwIfStopped }, away, marker, mend)
  const { answerMs, leaderMs, firstAckMs, levelMs } = recoveryTimes(returns, fromNs)
  const fixed = { members: members.length, keys, after: way }
  for (const [metric, ms] of [[metrics.answer, answerMs], [metrics.leader, leaderMs], [metrics.firstAck, firstAckMs], [metrics.level, levelMs]] as const) {
    if (ms !== null) samples.add(fixed, metric, ms)
    else context.note(`${members.length} members, ${keys} keys, ${way} of ${away.join(', ')}: ${metric.metric}: not within ${deadlineMs / 1000} s.`)
  }
  context.say(`${members.length} members, ${keys} keys, ${way} of ${away.join(', ')}: answers ${after(answerMs)}, knows the leader ${after(leaderMs)}, first acknowledged write ${after(firstAckMs)}, caught up ${after(levelMs)}`)
  if (way === 'empty') {
    await voter(bench, away[0]!, oldId)
    samples.add(fixed, metrics.votes, (clock.nowNs() - fromNs) / 1e6)
  }
}

/** Returns what ends the fault. */
async function takeAway({ environment }: Round, way: RecoveryWay, away: readonly string[], mark: () => Promise<void>): Promise<() => Promise<unknown>> {
  const { kill, cutLinks, members } = environment
  const [one] = away
  switch (way) {
    case 'cut': {
      const cut = await cutLinks!.cut(linksOf(members, one!))
      return () => cut.heal()
    }
    case 'restart': {
      const broken = breakMember(environment, one!, 'kill')
      await broken.proven
      return () => broken.mend()
    }
    case 'empty':
      await kill!.kill(one!)
      return () => kill!.restartEmpty!(one!)
    case 'all':
      await mark()
      await Promise.all(away.map((member) => kill!.kill(member)))
      return () => Promise.all(away.map((member) => kill!.restart(member)))
    default: return unreachable(way)
  }
}

/** Until the cluster counts the member's vote, under its new id and no other. */
async function voter({ environment, system, context }: Round, member: string, oldId: string | null): Promise<void> {
  const untilNs = environment.clock.nowNs() + deadlineMs * 1e6
  const others = environment.members.filter((other) => other !== member)
  for (let n = 0; ; n++) {
    context.throwIfStopped()
    const id = await system.membership!.ownId(requestTo(environment, member))
    const servers = await system.membership!.servers(requestTo(environment, others[n % others.length]!))
    const its = (servers ?? []).filter(({ name }) => name === member)
    if (id !== null && id !== oldId && its.length === 1 && its[0]!.id === id && its[0]!.votes) return
    if (environment.clock.nowNs() > untilNs) throw new Error(`${member} came back on an empty disk and is no voter of the cluster after ${deadlineMs / 1000} s.`)
    await environment.clock.sleep(voterPollMs)
  }
}

/** So many keys with values of the asked size. Rejects where one is not acknowledged at the third time of asking. */
async function write({ environment, system, flags, context, random }: Round, leader: string, prefix: string, count: number): Promise<void> {
  const client = clientOf(system, environment, leader, 10_000)
  const filling = `${random.uint32().toString(16)} `.padEnd(flags.valueBytes, 'x').slice(0, flags.valueBytes)
  let next = 0
  await Promise.all(Array.from({ length: Math.min(writersOfLoad, count) }, async () => {
    while (next < count) {
      const key = `${prefix}/${next++}`
      for (let tries = 1; ; tries++) {
        context.throwIfStopped()
        const outcome = await client.write(key, filling)
        if (outcome.type === 'ok') break
        if (tries === 3) throw new Error(`The leader ${leader} did not acknowledge the write of ${key}: ${outcome.error}.`)
        await environment.clock.sleep(100)
      }
    }
  }))
}
