import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { describeCandidate, membersMinOfScript, optionsOfCandidate, type Candidate } from '../explore/candidate.ts'
import { JobPool } from '../explore/job-pool.ts'
import { scenarioTest } from '../explore/scenario.ts'
import { shrink, type Trial } from '../explore/shrink.ts'
import { readRecordedFaults } from '../plan/fault-script-file.ts'
import type { PlanOptions } from '../plan/options.ts'
import { optionsOf } from '../plan/plan-options.ts'
import { UsageError } from '../plan/usage-error.ts'
import { readRecordedRun, type RecordedRun } from '../explore/recorded-run.ts'
import { Stop } from '../runner/stop.ts'
import { exitCodeOfSignal, exitCodes } from './exit-codes.ts'
import type { ShrinkFlags } from './program.ts'
import type { TestCommandPorts } from './test-command.ts'

/** Runs of what was found at the end, to say how often it shows. */
const confirmations = 10

/** `splitbrain shrink`. 0: there is a scenario; 2: what the run showed was not seen again. Throws UsageError. */
export async function runShrinkCommand(named: string, flags: ShrinkFlags, ports: TestCommandPorts): Promise<number> {
  const { io, workingDirectory, listenForSignals } = ports
  const stored = readRecordedRun(named, workingDirectory)
  if (stored.verdict !== 'invalid') throw new UsageError(`${named} is ${stored.verdict ?? 'a run without a verdict'}: only what is invalid can be reduced.`)
  const simulated = stored.plan.env === 'simulated'
  const repeat = flags.repeat ?? (simulated ? 3 : 5)
  const jobs = flags.jobs ?? (simulated ? availableParallelism() : 1)
  if (!Number.isInteger(repeat) || repeat < 1 || !Number.isInteger(jobs) || jobs < 1) throw new UsageError('--repeat and --jobs: give a number of at least 1.')

  const interrupt = new Stop()
  using _signals = listenForSignals(interrupt, (line) => io.error(line))
  using store = temporaryStore()
  await using pool = new JobPool(jobs)
  const search = new Search(stored, pool, store.path, repeat, jobs)

  io.print(`looking for ${stored.invalidCheckers.join(' or ')} invalid, as in ${stored.directory}`)
  const start = startOf(stored)
  const seen = await interrupt.cutShort(search.firstTrial(start).then((trial) => { search.first = trial }))
  if (seen) return interrupted(interrupt, io)
  if (search.first.shown === 0) {
    io.error(`Its faults, done again as a script, did not show it in ${search.first.runs} runs. ${simulated ? 'Give more seeds with --repeat.' : 'It may show seldom: give more runs with --repeat.'}`)
    return exitCodes.unknown
  }
  io.print(`its faults as a script: ${describeCandidate(start)}; shown in ${search.first.shown} of ${search.first.runs} runs`)
  const smallest = await shrink(start, flags.budget * 1000, {
    trial: (candidate) => search.trial(candidate),
    onSmaller: (candidate) => io.print(`  ${describeCandidate(candidate)}`),
    nowMs: () => performance.now(),
    stopped: () => interrupt.stopped,
  })
  if (interrupt.stopped) return interrupted(interrupt, io)
  const seed = search.seedOf(smallest)
  const confirmed = await search.confirm(smallest, seed)
  if (interrupt.stopped) return interrupted(interrupt, io)
  const options = optionsOfCandidate(search.base, smallest, seed)
  const file = resolve(workingDirectory, flags.out ?? join(stored.directory, 'scenario.json'))
  writeFileSync(file, `${JSON.stringify({ ...options, faults: undefined, store: undefined, ...scripted(options) }, null, 2)}\n`)
  const testFile = `${file.replace(/\.json$/, '')}.test.ts`
  writeFileSync(testFile, scenarioTest({ name: `${stored.plan.workload}: ${stored.invalidCheckers.join(', ')} (${basename(stored.directory)})`, configName: basename(file) }))
  io.print(`smallest: ${describeCandidate(smallest)}; ${search.runs} runs were tried`)
  for (const fault of smallest.faults) io.print(`  ${JSON.stringify(fault)}`)
  io.print(`shown in ${confirmed.shown} of ${confirmed.runs} runs ${simulated ? 'by other seeds, and always by this one' : 'of it'}${confidence(search.first, repeat)}`)
  io.print(`scenario: ${file} (splitbrain test --config ${file})`)
  io.print(`as a test that passes once the bug is gone: ${testFile}`)
  return exitCodes.valid
}

/** What was dropped as not showing it may have shown it at another time. */
function confidence(first: Trial, repeat: number): string {
  const missed = (1 - first.shown / first.runs) ** repeat
  return missed === 0 ? '' : `; a smaller run that shows it as often as the first (${first.shown} of ${first.runs}) was passed over with a chance of ${(missed * 100).toFixed(1)} %`
}

function interrupted(interrupt: Stop, io: TestCommandPorts['io']): number {
  io.error('interrupted: no scenario was written')
  return exitCodeOfSignal[interrupt.reason as keyof typeof exitCodeOfSignal] ?? exitCodes.crashed
}

const scripted = ({ faults }: PlanOptions) => faults === undefined ? {} : { faults }

function startOf({ plan, directory }: RecordedRun): Candidate {
  const { faults } = plan.nemesis.length === 0 && plan.faultScript === null ? { faults: [] } : readRecordedFaults(directory)
  return { faults, members: plan.members, timeLimitS: plan.timeLimitS, rate: plan.rate, keys: plan.keyCount, concurrency: plan.concurrency }
}

/** Does the runs, and remembers which seed showed which candidate. */
class Search {
  readonly base: PlanOptions
  first: Trial = { shown: 0, runs: 0 }
  runs = 0
  readonly #stored: RecordedRun
  readonly #pool: JobPool
  readonly #repeat: number
  readonly #jobs: number
  readonly #seeds = new Map<string, number>()

  constructor(stored: RecordedRun, pool: JobPool, store: string, repeat: number, jobs: number) {
    this.#stored = stored
    this.#pool = pool
    this.#repeat = repeat
    this.#jobs = jobs
    this.base = { ...optionsOf(stored.plan), store, progress: false }
  }

  /** All of the runs, so that it is known how often it shows. */
  firstTrial(candidate: Candidate): Promise<Trial> {
    return this.#try(candidate, Array.from({ length: Math.max(this.#repeat, 5) }, (_, at) => this.#seed(at)), 'all')
  }

  async trial(candidate: Candidate): Promise<Trial> {
    // Members whom the script names must be there.
    if (candidate.members < membersMinOfScript(candidate.faults)) return { shown: 0, runs: 0 }
    return await this.#try(candidate, Array.from({ length: this.#repeat }, (_, at) => this.#seed(at)), 'first')
  }

  confirm(candidate: Candidate, seed: number): Promise<Trial> {
    return this.#try(candidate, Array.from({ length: confirmations }, (_, at) => (seed + 1000 + at) >>> 0), 'all')
  }

  /** One that showed it. */
  seedOf(candidate: Candidate): number {
    return this.#seeds.get(JSON.stringify(candidate)) ?? this.#stored.plan.seed
  }

  #seed(at: number): number {
    return (this.#stored.plan.seed + at) >>> 0
  }

  async #try(candidate: Candidate, seeds: readonly number[], until: 'first' | 'all'): Promise<Trial> {
    let [shown, runs] = [0, 0]
    for (let from = 0; from < seeds.length && !(until === 'first' && shown > 0); from += this.#jobs) {
      await Promise.all(seeds.slice(from, from + this.#jobs).map(async (seed) => {
        const end = await this.#pool.run({ id: this.runs, options: optionsOfCandidate(this.base, candidate, seed), keep: 'failures' })
        if (end === null) return
        this.runs += 1
        runs += 1
        const shows = end.kind === 'judged' && end.findings.some(({ checker, verdict }) => verdict === 'invalid' && this.#stored.invalidCheckers.includes(checker))
        if (end.kind === 'judged' && end.directory !== null) rmSync(end.directory, { recursive: true, force: true })
        if (!shows) return
        shown += 1
        const name = JSON.stringify(candidate)
        if (!this.#seeds.has(name)) this.#seeds.set(name, seed)
      }))
    }
    return { shown, runs }
  }
}

function temporaryStore(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'splitbrain-shrink-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
