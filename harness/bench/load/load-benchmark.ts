import { seededRandom } from '../../../node/base/random.ts'
import type { Environment } from '../../environments/environment.ts'
import { findLeader } from '../../systems/leader.ts'
import { systems } from '../../systems/index.ts'
import type { BenchContext } from '../benchmark.ts'
import { rotated } from '../samples.ts'
import { CaseSamples } from './case-samples.ts'
import { fillRequests, kvRequestsOf, type KvOperation } from './kv-requests.ts'
import { alternate, loadCases, type LoadCase } from './load-cases.ts'
import { readLoadOptions, type LoadOptions, type Pace } from './load-flags.ts'
import { LoadGenerator } from './load-generator.ts'
import type { LoadOutcome } from './load-job.ts'
import { describeFailures, generatorIsLimit, latencySamples, throughputSamples, usageSamples, type UsageSpan } from './load-metrics.ts'

const leaderDeadlineMs = 30_000
const leaderPollMs = 100
const fillAttempts = 20
const requestTimeoutMs = 10_000
/** For the estimate: to start and to end a cluster, and what lies between two runs. */
const clusterS = { docker: 15, local: 5, simulated: 0 }
const betweenS = 0.5

/**
 * Each case on each cluster, round after round in alternation: a closed-loop
 * run for the throughput and what members use for it, then paced runs for the
 * latency. Every round has clusters of its own, one at a time, so that what a
 * cluster keeps does not slow the next down, and no idle one takes CPU.
 */
export async function measureLoad(context: BenchContext, kind: KvOperation['kind']): Promise<void> {
  const { options, leftOut } = readLoadOptions(context.flags, kind, context.system)
  const cases = loadCases(options.dimensions)
  const samples = new CaseSamples(context.memberCounts.flatMap((members) => cases.map((one) => ({ members, ...one }))))
  context.say(`${cases.length} ${cases.length === 1 ? 'case' : 'cases'} on clusters of ${context.memberCounts.join(', ')}, ${options.rounds} ${options.rounds === 1 ? 'round' : 'rounds in alternation'}, ${options.seconds} s a run: about ${describeDuration(estimateS(context, cases.length, options))}`)
  for (const line of leftOut) context.note(line)
  let told = false
  const tell = () => {
    if (told) return
    told = true
    for (const measurement of samples.measurements()) context.measured(measurement)
    for (const line of samples.notes()) context.note(line)
  }
  try {
    await using generator = new LoadGenerator()
    const random = seededRandom(context.seed).split('load')
    for (const [round, clusters] of alternate(context.memberCounts, cases, options.rounds, random).entries()) {
      for (const { memberCount, cases: ordered } of clusters) {
        context.throwIfStopped()
        context.say(`round ${round + 1} of ${options.rounds}: ${memberCount} members`)
        await using cluster = await context.startCluster(memberCount, { memberConfig: kvRequestsOf[context.system].memberConfig })
        const measuring = new Measuring({ context, cluster, generator, options, kind, samples, round, seed: () => random.uint32() })
        try {
          await measuring.prepare(ordered)
          for (const one of ordered) await measuring.measure(one)
        } catch (error) {
          // Before the cluster is ended, which may take longer than who pressed Ctrl-C is kept waiting.
          tell()
          throw error
        }
      }
    }
  } finally {
    tell()
  }
}

export function estimateS({ memberCounts, env }: Pick<BenchContext, 'memberCounts' | 'env'>, caseCount: number, { rounds, seconds, warmUpS, paces }: LoadOptions): number {
  return rounds * memberCounts.length * (clusterS[env] + warmUpS + caseCount * (1 + paces.length) * (seconds + betweenS))
}

function describeDuration(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} minutes`
}

interface MeasuringParts {
  readonly context: BenchContext
  readonly cluster: Environment
  readonly generator: LoadGenerator
  readonly options: LoadOptions
  readonly kind: KvOperation['kind']
  readonly samples: CaseSamples
  /** From 0. */
  readonly round: number
  /** Another one each time. */
  readonly seed: () => number
}

/** One cluster in one round. */
class Measuring {
  readonly #parts: MeasuringParts

  constructor(parts: MeasuringParts) {
    this.#parts = parts
  }

  /** Values to read, and code and connections that are warm. */
  async prepare(cases: readonly LoadCase[]): Promise<void> {
    const { options: { dimensions, keyCount, warmUpS }, context: { system }, seed, kind } = this.#parts
    for (const valueBytes of kind === 'read' ? dimensions.valueBytes : []) {
      for (const request of fillRequests({ system, valueBytes, keyCount }, seededRandom(seed()))) await this.#fill(request)
    }
    // The case in the middle, so that a warm-up is neither one request at a time nor a flood.
    await this.#run([...cases].sort((a, b) => a.connections - b.connections)[Math.floor(cases.length / 2)]!, await this.#leader(), warmUpS, null)
  }

  async measure(one: LoadCase): Promise<void> {
    const { context, cluster, options, round, samples } = this.#parts
    const of = { members: cluster.members.length, ...one }
    const fail = (what: string) => samples.fail(of, `round ${round + 1}: ${what}`)
    const leader = await this.#leader()
    const before = await this.#usage()
    const beganMs = performance.now()
    const closed = await this.#run(one, leader, options.seconds, null)
    const wallS = (performance.now() - beganMs) / 1000
    const after = await this.#usage()
    tellFailures(closed, '', fail)
    if (closed.ok === 0) return
    const spans = before.map(({ member, usage }, at): UsageSpan => ({ member, before: usage, after: after[at]!.usage }))
    samples.add(of, throughputSamples(closed))
    if (generatorIsLimit(closed)) fail('the load generator used all of its core, and may itself be the limit of the throughput')
    for (const pace of options.paces) {
      const ratePerS = pace.kind === 'rate' ? pace.perS : closed.ok / closed.seconds * pace.percent / 100
      const outcome = await this.#run(one, leader, options.seconds, ratePerS)
      tellFailures(outcome, ` at ${describePace(pace)}`, fail)
      if (outcome.latency !== null) samples.add(of, latencySamples(outcome.latency, describePace(pace), ratePerS))
    }
    samples.add(of, usageSamples(spans, leader, wallS, closed))
    if (await findLeader(systems[context.system], cluster) !== leader) fail('the leader changed meanwhile')
    context.say(`  ${Object.entries(of).map(([key, value]) => `${key} ${value}`).join(', ')}: ${Math.round(closed.ok / closed.seconds)}/s`)
  }

  #run({ connections, valueBytes, at, consistency }: LoadCase, leader: string, seconds: number, ratePerS: number | null): Promise<LoadOutcome> {
    const { context, cluster, generator, options, seed, round } = this.#parts
    // Where connections are fewer than members, spread is not to mean the leader: followers come first, another one in each round.
    const followers = cluster.members.filter((member) => member !== leader)
    const asked = at === 'leader' ? [leader] : [...rotated(followers, round), leader]
    return context.orStopped(generator.run({
      urls: asked.map((member) => cluster.httpAddress!(member)),
      connections, seconds, ratePerS, seed: seed(),
      load: { system: context.system, valueBytes, keyCount: options.keyCount, operation: consistency === undefined ? { kind: 'write' } : { kind: 'read', consistency } },
    }))
  }

  /** Empty where nobody counts it. */
  async #usage() {
    const { cluster } = this.#parts
    if (cluster.memberUsage === undefined) return []
    return await Promise.all(cluster.members.map(async (member) => ({ member, usage: await cluster.memberUsage!(member) })))
  }

  async #leader(): Promise<string> {
    const { context, cluster } = this.#parts
    const endNs = cluster.clock.nowNs() + leaderDeadlineMs * 1e6
    for (;;) {
      const leader = await context.orStopped(findLeader(systems[context.system], cluster))
      if (leader !== null) return leader
      if (cluster.clock.nowNs() > endNs) throw new Error(`No member of ${cluster.members.length} has led for ${leaderDeadlineMs / 1000} s.`)
      await context.orStopped(cluster.clock.sleep(leaderPollMs))
    }
  }

  async #fill({ method, target, headers, body }: ReturnType<typeof fillRequests>[number]): Promise<void> {
    const { context, cluster } = this.#parts
    const leader = await this.#leader()
    for (let attempt = 1; ; attempt++) {
      const outcome = await context.orStopped(cluster.request(leader, { method, target, headers, ...body === undefined ? {} : { body } }, requestTimeoutMs))
      if (outcome.kind === 'response' && outcome.status === 200) return
      if (attempt === fillAttempts) throw new Error(`A value could not be written at ${leader} before the reads: ${outcome.kind === 'response' ? `status ${outcome.status}` : outcome.error}.`)
      await context.orStopped(cluster.clock.sleep(leaderPollMs))
    }
  }
}

function describePace(pace: Pace): string {
  return pace.kind === 'share' ? `${pace.percent} % load` : `${pace.perS}/s`
}

function tellFailures(outcome: LoadOutcome, when: string, fail: (what: string) => void): void {
  const failures = describeFailures(outcome)
  if (failures !== null) fail(`${failures}${when}`)
}
