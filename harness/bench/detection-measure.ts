import { seededRandom, type Random } from '../../node/base/random.ts'
import { detectionBoundMs, disseminationBoundMs, gossipTimings, healthScoreWorst, quietBoundMs, relaysAnswerInTime, suspicionLongestMs, type GossipTimings } from '../checkers/swim-bounds.ts'
import type { GossipFault, GossipWatch } from '../environments/gossip-watch.ts'
import { createSimulatedGossip } from '../environments/simulated/index.ts'
import { UsageError } from '../plan/usage-error.ts'
import { systems } from '../systems/index.ts'
import type { BenchContext } from './benchmark.ts'
import type { faultKinds } from './detection.ts'
import { numberFlag, numbersFlag } from './flags.ts'
import { cannotWatchGossip, PolledGossip } from './polled-gossip.ts'
import { after, rotated, Samples, type Metric } from './samples.ts'
import { brokenBound, detectionOf, mistakesOf } from './view-changes.ts'

/** A slow member may never be given up: it is watched at least this long. */
const slowWatchMsMin = 60_000
/** Until all agree again; what was cut off is tried again every half minute, by chance. */
const convergeTimeoutMs = 1_800_000
/** Turns at which one looks whether the user has ended it. */
const stepMs = 1000

const metrics = {
  suspected: { metric: 'time to the first suspicion', unit: 'ms', better: 'lower' },
  first: { metric: 'time to the first detection', unit: 'ms', better: 'lower' },
  all: { metric: 'time to detection by all', unit: 'ms', better: 'lower' },
  bound: { metric: 'bound of detection by all', unit: 'ms', better: 'lower' },
  spread: { metric: 'time from the first detection to the last', unit: 'ms', better: 'lower' },
  spreadBound: { metric: 'bound from the first detection to the last', unit: 'ms', better: 'lower' },
  share: { metric: 'detected by all', unit: '%', better: 'higher' },
  slowShare: { metric: 'slow members given up by all', unit: '%', better: 'lower' },
  mistakes: { metric: 'members called failed by mistake', unit: '/member/min', better: 'lower' },
  wrongViews: { metric: 'views that are wrong', unit: '%', better: 'lower' },
} as const satisfies Record<string, Metric>

/**
 * Members are killed, cut off and slowed down, one at a time, and left alone
 * under loss: how soon the others call them failed, against what SWIM owes by
 * its configuration, and how often they call somebody failed who is not.
 */
export async function measureDetection(context: BenchContext): Promise<void> {
  const flags = readFlags(context)
  const samples = new Samples()
  const random = seededRandom(context.seed).split('detection')
  const tally: Tally = new Map()
  for (let round = 0; round < flags.rounds; round++) {
    for (const members of rotated(context.memberCounts, round)) {
      context.throwIfStopped()
      const isReal = context.env !== 'simulated' && members <= flags.realMembers
      const where = isReal ? context.env : 'simulated'
      context.say(`round ${round + 1} of ${flags.rounds}: ${members} members, ${where}`)
      const its = random.split(`${members} members, round ${round}`)
      await using cluster = isReal ? await realGossip(context, members) : await simulatedGossip(context, members, its.split('cluster'))
      try {
        await measureRound({ context, flags, samples, tally, where, watch: cluster, random: its }, round)
      } catch (error) {
        tell(tally, samples, context)
        throw error
      }
    }
  }
  tell(tally, samples, context)
}

async function simulatedGossip({ memberConfig }: BenchContext, memberCount: number, random: Random): Promise<GossipWatch> {
  try {
    return await createSimulatedGossip({ memberCount, random, memberConfig })
  } catch (error) {
    // The member's own, of a config that it would not start with.
    if ((error as Error).name === 'UsageError') throw new UsageError(`--member-config: ${(error as Error).message}`)
    throw error
  }
}

/** Whole members, and what watches them. */
async function realGossip(context: BenchContext, members: number): Promise<GossipWatch> {
  const environment = await context.startCluster(members, { faults: ['kill', 'partition', 'delay', 'loss'] })
  const system = systems[context.system]
  const missing = cannotWatchGossip(environment, system)
  if (missing !== null) {
    await environment[Symbol.asyncDispose]()
    throw new UsageError(`bench detection --env ${context.env} --system ${context.system}: ${missing}.`)
  }
  return new PolledGossip(environment, system)
}

interface DetectionFlags {
  readonly times: number
  readonly faults: readonly GossipFault[]
  readonly lossPercents: readonly number[]
  readonly watchSeconds: number
  readonly rounds: number
  readonly realMembers: number
}

function readFlags({ env, system, flags, memberCounts, memberConfig, note }: BenchContext): DetectionFlags {
  if (memberCounts.some((count) => count < 2)) throw new UsageError('--members 1: one member alone has nobody to watch.')
  checkTimings(memberConfig)
  const times = numberFlag(flags, 'times', { min: 1 })
  const slowMs = numbersFlag(flags, 'slowMs', { min: 1 })
  const realMembers = env === 'simulated' ? 0 : numberFlag(flags, 'realMembers', { min: 1, max: 9 })
  const simulated = memberCounts.filter((count) => count > realMembers)
  if (simulated.length > 0 && system !== 'registry') throw new UsageError(`--members ${simulated.join(',')}: so many are simulated, and ${system} cannot be; give --members up to ${realMembers}, or --real-members.`)
  if (env !== 'simulated' && simulated.length > 0) note(`${simulated.join(', ')} members are more than --real-members ${realMembers}: their gossip was simulated.`)
  return {
    times,
    faults: (flags['faults'] as readonly (typeof faultKinds)[number][]).flatMap((kind): GossipFault[] => kind === 'slow' ? slowMs.map((delayMs) => ({ kind, delayMs })) : [{ kind }]),
    lossPercents: numbersFlag(flags, 'loss', { min: 0, max: 99, whole: false }),
    watchSeconds: numberFlag(flags, 'watchSeconds', { min: 0, whole: false }),
    rounds: Math.min(times, numberFlag(flags, 'rounds', { min: 1 })),
    realMembers,
  }
}

function checkTimings(memberConfig: Readonly<Record<string, unknown>>): void {
  try {
    gossipTimings(memberConfig)
  } catch (error) {
    throw new UsageError(`--member-config: ${(error as Error).message}.`)
  }
}

/** What was held fixed; how often all detected it, of how many. */
type Tally = Map<string, { readonly fixed: Readonly<Record<string, string | number>>, readonly isSlow: boolean, detected: number, events: number, late: number, lateSpread: number, mistaken: number }>

interface Round {
  readonly context: BenchContext
  readonly flags: DetectionFlags
  readonly samples: Samples
  readonly tally: Tally
  readonly where: string
  readonly watch: GossipWatch
  readonly random: Random
}

async function measureRound(bench: Round, round: number): Promise<void> {
  const { flags } = bench
  await converge(bench, 'after the start')
  const times = Math.floor((flags.times + flags.rounds - 1 - round) / flags.rounds)
  for (let n = 0; n < times; n++) {
    for (const fault of rotated(flags.faults, n + round)) await strike(bench, fault)
  }
  if (flags.watchSeconds === 0) return
  for (const percent of rotated(flags.lossPercents, round)) await underLoss(bench, percent)
}

/** One fault, from convergence to convergence. */
async function strike(bench: Round, fault: GossipFault): Promise<void> {
  const { context, samples, tally, watch, random, where } = bench
  const timings = gossipTimings(context.memberConfig)
  const members = watch.members.length
  // So that it meets probes at any of their phases.
  await pass(bench, random.fraction() * 2 * timings.probeIntervalMs)
  const victim = random.pick(watch.members)
  const others = watch.members.filter((member) => member !== victim)
  const bounds = { allMs: detectionBoundMs(timings, members, healthScoreOf(timings, members)), spreadMs: disseminationBoundMs(timings, members) }
  const fixed = { members, in: where, fault: nameOf(fault) }
  const firstChange = watch.changes.length
  const fromMs = watch.nowMs()
  const mend = await watch.afflict(victim, fault)
  const seen = () => detectionOf(watch.changes.slice(firstChange), victim, others, fromMs)
  await pass(bench, fault.kind === 'slow' ? Math.max(slowWatchMsMin, 2 * suspicionLongestMs(timings, members)) : 2 * bounds.allMs, whenChanged(watch, () => seen().allMs !== null))
  const detected = seen()
  const { suspectedMs, firstMs, allMs } = detected
  const mistakes = mistakesOf(watch.changes.slice(firstChange), others, fromMs, watch.nowMs())
  await mend()

  const key = JSON.stringify(fixed)
  const its = tally.get(key) ?? { fixed, isSlow: fault.kind === 'slow', detected: 0, events: 0, late: 0, lateSpread: 0, mistaken: 0 }
  tally.set(key, its)
  its.events++
  its.mistaken += mistakes.count
  if (suspectedMs !== null) samples.add(fixed, metrics.suspected, suspectedMs)
  if (firstMs !== null) samples.add(fixed, metrics.first, firstMs)
  if (firstMs !== null && allMs !== null) {
    its.detected++
    samples.add(fixed, metrics.all, allMs)
    samples.add(fixed, metrics.spread, allMs - firstMs)
  }
  // Nothing is promised of who answers, but late.
  if (fault.kind !== 'slow') {
    if (its.events === 1) {
      samples.add(fixed, metrics.bound, bounds.allMs)
      samples.add(fixed, metrics.spreadBound, bounds.spreadMs)
    }
    const broken = brokenBound(detected, bounds)
    if (broken === 'detection') its.late++
    if (broken === 'spread') its.lateSpread++
  }
  context.say(`${members} members, ${nameOf(fault)}: ${victim}: first detection ${after(firstMs)}, by all ${after(allMs)}`)
  await converge(bench, `after ${nameOf(fault)} of ${victim}`)
}

/** Nothing is wrong but that messages get lost. */
async function underLoss(bench: Round, percent: number): Promise<void> {
  const { context, flags, samples, watch, where } = bench
  const seconds = flags.watchSeconds / flags.rounds
  const members = watch.members.length
  const firstChange = watch.changes.length
  const mend = percent === 0 ? async () => {} : await watch.lose(percent / 100)
  const fromMs = watch.nowMs()
  await pass(bench, seconds * 1000)
  const toMs = watch.nowMs()
  const { count, share } = mistakesOf(watch.changes.slice(firstChange), watch.members, fromMs, toMs)
  await mend()
  const fixed = { members, in: where, lossPercent: percent }
  samples.add(fixed, metrics.mistakes, count / members / ((toMs - fromMs) / 60_000))
  samples.add(fixed, metrics.wrongViews, 100 * share)
  context.say(`${members} members, ${percent} % lost for ${seconds} s: ${count} called failed by mistake`)
  await converge(bench, `after ${percent} % loss`)
}

/** Until all show all as up, and no suspicion is under way any more. */
async function converge(bench: Round, when: string): Promise<void> {
  const { watch, context } = bench
  const timings = gossipTimings(context.memberConfig)
  if (!await pass(bench, convergeTimeoutMs, () => watch.converged())) {
    throw new Error(`${when} the ${watch.members.length} members did not all show each other as alive within ${convergeTimeoutMs / 60_000} minutes.`)
  }
  // A probe that began under the fault may still fail.
  const settleMs = Math.min(quietBoundMs(timings, watch.members.length), 2 * timings.probeIntervalMs)
  await pass(bench, settleMs)
  if (!watch.converged()) await converge(bench, when)
}

/** In steps, so that a user who ends it is heard. Whether the condition held. */
async function pass({ watch, context }: Round, ms: number, condition: () => boolean = () => false): Promise<boolean> {
  const untilMs = watch.nowMs() + ms
  for (;;) {
    context.throwIfStopped()
    const leftMs = untilMs - watch.nowMs()
    if (leftMs <= 0) return condition()
    if (await watch.until(condition, Math.min(stepMs, leftMs))) return true
  }
}

/** Asked after each event of a simulation: looks again only where somebody has changed its view. */
function whenChanged({ changes }: GossipWatch, condition: () => boolean): () => boolean {
  let looked = -1
  return () => {
    if (changes.length === looked) return false
    looked = changes.length
    return condition()
  }
}

/** With one member silent and relays that say in time that they heard nothing, the others do not doubt themselves but for a lost message. */
const healthScoreOf = (timings: GossipTimings, members: number): number => members >= 3 && relaysAnswerInTime(timings, 0) ? 1 : healthScoreWorst(timings)

function tell(tally: Tally, samples: Samples, context: BenchContext): void {
  const { note } = context
  for (const { fixed, isSlow, detected, events, late, lateSpread, mistaken } of tally.values()) {
    const its = Object.entries(fixed).map(([key, value]) => `${key} ${value}`).join(', ')
    samples.add(fixed, isSlow ? metrics.slowShare : metrics.share, 100 * detected / events)
    if (late > 0) note(`${its}: ${late} of ${events} were not detected by all within SWIM's bound.`)
    if (lateSpread > 0) note(`${its}: in ${lateSpread} of ${events} the news took longer than its bound from the first to the last.`)
    if (mistaken > 0) note(`${its}: ${mistaken} others were called failed meanwhile.`)
    if (detected < events && isSlow) note(`${its}: ${events - detected} of ${events} were not called failed by all; who answers, but late, may refute.`)
  }
  samples.tell(context)
}

const nameOf = (fault: GossipFault) => fault.kind === 'slow' ? `slow by ${fault.delayMs} ms` : fault.kind
