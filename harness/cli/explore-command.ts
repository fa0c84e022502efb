import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { seededRandom } from '../../node/base/random.ts'
import type { Job, JobEnd } from '../explore/job.ts'
import { JobPool } from '../explore/job-pool.ts'
import { describeSummary, summarize } from '../explore/summary.ts'
import { drawSwarmOptions } from '../explore/swarm.ts'
import { readConfigFile } from '../plan/config-file.ts'
import { membersMax } from '../plan/defaults.ts'
import type { PlanOptions } from '../plan/options.ts'
import { UsageError } from '../plan/usage-error.ts'
import { defaultStore, prepareRun } from '../runner/prepared-run.ts'
import { startName } from '../runner/run-directory.ts'
import { Stop } from '../runner/stop.ts'
import { exitCodeOfSignal, exitCodes } from './exit-codes.ts'
import type { TestCommandPorts } from './test-command.ts'

/** What is said of the exploration itself, beside the options of each run. */
export interface ExploreFlags {
  readonly runs: number
  readonly jobs?: number
  readonly goOn: boolean
  readonly swarm: boolean
  readonly keepAll: boolean
  /** How many members a run has is drawn from these by its seed; absent: it is as said. */
  readonly drawMembers?: readonly number[]
  readonly json: boolean
}

/** What is said of each run, and of all of them. */
export function splitExploreFlags(flags: Readonly<Record<string, unknown>>): { readonly explore: ExploreFlags, readonly run: Readonly<Record<string, unknown>> } {
  const { runs, jobs, goOn, swarm, keepAll, json, drawMembers, ...run } = flags
  return {
    explore: {
      runs: runs as number, ...jobs === undefined ? {} : { jobs: jobs as number }, goOn: goOn === true, swarm: swarm === true, keepAll: keepAll === true, json: json === true,
      ...drawMembers === undefined ? {} : { drawMembers: memberCounts(String(drawMembers)) },
    },
    run,
  }
}

/** `splitbrain explore`: many runs with seeds that follow each other, on all cores. Returns the exit code of the worst; throws UsageError. */
export async function runExploreCommand(flags: PlanOptions, explore: ExploreFlags, configName: string | undefined, ports: TestCommandPorts): Promise<number> {
  const { io, workingDirectory, host, listenForSignals } = ports
  if (!Number.isInteger(explore.runs) || explore.runs < 1) throw new UsageError(`--runs ${explore.runs}: give a number of runs.`)
  if (explore.jobs !== undefined && (!Number.isInteger(explore.jobs) || explore.jobs < 1)) throw new UsageError(`--jobs ${explore.jobs}: give a number of processes.`)
  const config = readConfigFile(configName, workingDirectory)
  const said: PlanOptions = { env: 'simulated', ...config?.options, ...flags }
  // What cannot be served is refused once, here, and not by each run.
  const { plan } = await prepareRun(said, host, workingDirectory)
  const parent = join(said.store === undefined ? defaultStore(workingDirectory) : resolve(workingDirectory, said.store), 'explore', startName(new Date()))
  mkdirSync(parent, { recursive: true })
  const families = Object.keys(host.nemeses)
  const say = (line: string) => { if (!explore.json) io.print(line) }
  const optionsOfRun = (seed: number): PlanOptions => {
    const drawn = explore.swarm ? drawSwarmOptions(said, seededRandom(seed).split('swarm'), { nemeses: families, workloads: Object.keys(host.workloads) }) : said
    const members = explore.drawMembers === undefined ? {} : { members: seededRandom(seed).split('members').pick(explore.drawMembers) }
    return { ...said, ...drawn, ...members, seed, store: parent }
  }
  const jobs = explore.jobs ?? (plan.env === 'simulated' ? availableParallelism() : 1)
  say(`${explore.runs} runs in ${plan.env}, seeds ${plan.seed} to ${(plan.seed + explore.runs - 1) >>> 0}, ${jobs} at a time${explore.swarm ? ', options drawn for each' : ''}; ${explore.goOn ? 'all of them' : 'until the first that is not valid'}`)

  const interrupt = new Stop()
  using _signals = listenForSignals(interrupt, (line) => io.error(line))
  await using pool = new JobPool(jobs)
  const ends: JobEnd[] = []
  const beganMs = performance.now()
  const running = pool.runAll(jobsOf(explore.runs, (at) => ({ id: at, options: optionsOfRun((plan.seed + at) >>> 0), keep: explore.keepAll ? 'all' : 'failures' })), (job, end) => {
    ends.push(end)
    for (const line of describeEnd(job, end)) say(line)
    return isBad(end) && !explore.goOn ? 'enough' : 'more'
  })
  if (await interrupt.cutShort(running)) {
    io.error(`interrupted after ${ends.length} runs`)
    return exitCodeOfSignal[interrupt.reason as keyof typeof exitCodeOfSignal] ?? exitCodes.crashed
  }
  const summary = summarize(ends, plan.nemesis.length > 0 || plan.faultScript !== null || explore.swarm)
  const realS = (performance.now() - beganMs) / 1000
  writeFileSync(join(parent, 'explore.json'), `${JSON.stringify({ ...summary, realS, runs: ends }, null, 2)}\n`)
  if (explore.json) io.print(JSON.stringify({ ...summary, realS, runs: ends }, null, 2))
  for (const line of describeSummary(summary, realS, (id) => (plan.seed + id) >>> 0)) say(line)
  say(`all of it: ${join(parent, 'explore.json')}`)
  if (summary.invalid > 0) return exitCodes.invalid
  if (summary.failed > 0) return exitCodes.crashed
  return summary.unknown > 0 ? exitCodes.unknown : exitCodes.valid
}

function memberCounts(text: string): number[] {
  return text.split(',').map((each) => {
    const count = Number(each)
    if (each.trim() === '' || !Number.isInteger(count) || count < 1 || count > membersMax) throw new UsageError(`--draw-members ${text}: give numbers of members from 1 to ${membersMax}, with commas between, as 3,4,5.`)
    return count
  })
}

const isBad = (end: JobEnd) => end.kind === 'failed' || end.verdict !== 'valid'

function* jobsOf(count: number, job: (at: number) => Job): Generator<Job> {
  for (let at = 0; at < count; at++) yield job(at)
}

/** Nothing to see of what went well, but that it goes on. */
function describeEnd(job: Job, end: JobEnd): string[] {
  const seed = job.options.seed!
  switch (end.kind) {
    case 'failed': return [`seed ${seed}: the run failed: ${end.error}`, ...end.directory === null ? [] : [`  ${end.directory}`]]
    case 'judged': {
      if (end.verdict === 'valid') return [`seed ${seed}: valid (${end.coverage.operations.ok} operations, ${end.coverage.elections} elections, ${Object.values(end.coverage.faults).reduce((sum, count) => sum + count, 0)} faults, ${end.tookS.toFixed(1)} s)`]
      return [
        `seed ${seed}: ${end.verdict}`,
        ...end.findings.map(({ checker, verdict, summary }) => `  ${checker}: ${verdict}: ${summary}`),
        `  ${end.directory}`,
        `  run it again: ${end.rerun}`,
      ]
    }
    default: return end satisfies never
  }
}
