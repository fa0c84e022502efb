import { readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { NightRecord, NightRun } from '../../results/nights/night-record.ts'
import { exitCodeOfSignal, exitCodes } from '../cli/exit-codes.ts'
import type { TestCommandPorts } from '../cli/test-command.ts'
import { JobPool } from '../explore/job-pool.ts'
import { readProvenance } from '../plan/provenance.ts'
import { defaultStore } from '../runner/prepared-run.ts'
import { Stop } from '../runner/stop.ts'
import { systems } from '../systems/index.ts'
import { runningSOf } from './budget.ts'
import { conductNight, type NightPlan, type PlannedRun, type RunEnd } from './conduct-night.ts'
import { describeBegin, describeEnd, describeNight, requireSomethingToDo } from './describe-night.ts'
import { cellName, seedsOf } from './matrix.ts'
import { readNightOptions, type NightlyFlags, type NightOptions } from './night-options.ts'
import { orderCells } from './order.ts'
import { survey } from './preflight.ts'
import { publishNight, type Published } from './publish-night.ts'
import { recordRun } from './record-run.ts'
import { tidy } from './retention.ts'
import { makeNightDirectory, readNights, runsBefore } from './store.ts'

export interface NightHost extends Pick<TestCommandPorts, 'io' | 'workingDirectory' | 'host' | 'listenForSignals'> {
  /** Of the process's environment. */
  readonly variables: Readonly<Record<string, string | undefined>>
}

/** `splitbrain nightly`. Returns the exit code; throws UsageError. */
export function runNightlyCommand(flags: NightlyFlags, { io, workingDirectory, host, listenForSignals }: TestCommandPorts): Promise<number> {
  const known = { workloads: Object.keys(host.workloads), nemeses: Object.keys(host.nemeses) }
  const options = readNightOptions(flags, workingDirectory, known, process.env)
  // A secret of the night's is not the runs', which inherit what this process has, and hand it on to members.
  delete process.env['SPLITBRAIN_WEBHOOK']
  return runNight(options, { io, workingDirectory, host, listenForSignals, variables: process.env })
}

/** A night from its options to its exit code. Throws UsageError before anything was run. */
export async function runNight(options: NightOptions, ports: NightHost): Promise<number> {
  const { io, workingDirectory, host } = ports
  const beganMs = performance.now()
  const startedAt = new Date()
  const say = (line: string) => { if (!options.json) io.print(line) }
  const store = options.store === null ? defaultStore(workingDirectory) : resolve(workingDirectory, options.store)
  const surveyed = await survey(options.matrix, { host, workingDirectory, findProgram: async (system) => systems[system].deployment?.program.find() })
  const { nights: earlier, problems } = readNights(store)
  for (const problem of problems) io.error(`left out of the page over all nights: ${problem}`)
  const cells = orderCells(surveyed.cells, ({ cell }) => cell, runsBefore(earlier, cellName))
  const budgetS = runningSOf(options.budgetS)
  requireSomethingToDo(cells, options, budgetS)

  const { seeds, openEnded } = seedsOf(options.matrix, startedAt)
  for (const note of surveyed.notes) say(note)
  for (const line of describeNight(cells, options, seeds, openEnded)) say(line)
  const interrupt = new Stop()
  using _signals = ports.listenForSignals(interrupt, (line) => io.error(line))
  const directory = makeNightDirectory(store, startedAt)
  const provenance = await readProvenance()
  const runs: NightRun[] = []
  await perform({ cells, seeds, openEnded, budgetS, jobs: options.jobs }, { directory, interrupt, beganMs }, {
    began: (run, expectedS) => say(describeBegin(run, expectedS)),
    ended: (end) => {
      const found = recordRun(end, store, directory)
      const run = options.keep === 'failures' && found.outcome === 'valid' ? removed(found, store, io) : found
      runs.push(run)
      for (const line of describeEnd(end, run, runs.length)) say(line)
    },
  })
  for (const entry of readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) tidy(join(directory, entry.name))
  const record: NightRecord = {
    startedAt: startedAt.toISOString(), tookS: (performance.now() - beganMs) / 1000, budgetS: options.budgetS, jobs: options.jobs,
    versions: { ...provenance.versions }, git: provenance.git, runs,
  }
  const exitCode = interrupt.stopped ? exitCodeOfSignal[interrupt.reason as keyof typeof exitCodeOfSignal] ?? exitCodes.crashed : null
  const published: Published = { record, directory, store, earlier, interrupted: exitCode !== null }
  const verdictCode = await publishNight(published, options, ports)
  if (exitCode !== null) io.error(`interrupted: what was done stands in ${join(directory, 'night.json')}`)
  return exitCode ?? verdictCode
}

interface Telling {
  readonly began: (run: PlannedRun, expectedS: number) => void
  readonly ended: (end: RunEnd) => void
}

/** For `--keep failures`; what cannot be removed stays, and is said. */
function removed(run: NightRun, store: string, io: NightHost['io']): NightRun {
  if (run.directory === null) return run
  try {
    rmSync(join(store, run.directory), { recursive: true })
    return { ...run, directory: null }
  } catch (error) {
    io.error(`${run.directory} could not be removed: ${(error as Error).message}`)
    return run
  }
}

/** Three containers and their network on a busy machine; what is left after that is cleared away by the next run. */
const endPatienceMs = 60_000

/** On processes side by side; when the budget ends, or somebody ends it, those that are on tear down what they have. */
async function perform(plan: NightPlan, { directory, interrupt, beganMs }: { readonly directory: string, readonly interrupt: Stop, readonly beganMs: number }, { began, ended }: Telling): Promise<void> {
  const nowS = () => (performance.now() - beganMs) / 1000
  await using pool = new JobPool(plan.jobs, endPatienceMs)
  const end = new Stop()
  const unsubscribe = interrupt.whenStopped(() => end.stop(`the night was ended by ${interrupt.reason}`))
  const timer = setTimeout(() => end.stop('the budget was over'), Math.max(0, plan.budgetS - nowS()) * 1000)
  const tornDown = Promise.withResolvers<void>()
  end.whenStopped(() => void pool[Symbol.asyncDispose]().then(tornDown.resolve, tornDown.reject))
  try {
    await conductNight(plan, {
      perform: ({ id, planned, seed }) => pool.run({ id, options: { ...planned.options, seed, store: directory }, keep: 'all' }),
      nowS, stopped: () => end.reason, onBegin: began, onEnd: ended,
    })
    if (end.stopped) await tornDown.promise
  } finally {
    clearTimeout(timer)
    unsubscribe()
  }
}
