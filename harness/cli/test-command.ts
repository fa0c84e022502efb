import { randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { InvariantError, unreachable } from '../../node/base/assert.ts'
import { nemeses } from '../../nemesis/index.ts'
import { partitionShapes } from '../../nemesis/targets.ts'
import { renderReport } from '../../results/report/render-report.ts'
import { workloads } from '../../workloads/index.ts'
import type { CheckResult } from '../checkers/verdict.ts'
import type { Environment, EnvironmentKind, EnvironmentOptions, SourceEdit } from '../environments/environment.ts'
import { chooseEnvironment, type Availability } from '../plan/choose-environment.ts'
import { readConfigFile } from '../plan/config-file.ts'
import { planDefaults } from '../plan/defaults.ts'
import { describePlan } from '../plan/describe-plan.ts'
import type { PlanOptions } from '../plan/options.ts'
import type { RunPlan } from '../plan/plan.ts'
import { describeProvenance, readProvenance, type Provenance } from '../plan/provenance.ts'
import { rerunCommand } from '../plan/rerun.ts'
import { resolvePlan } from '../plan/resolve-plan.ts'
import { UsageError } from '../plan/usage-error.ts'
import { freshStatus, type RunStatus } from '../runner/run-context.ts'
import { makeRunDirectory, type RunDirectory } from '../runner/run-directory.ts'
import { runTest, type RunOutcome } from '../runner/run-test.ts'
import { Stop } from '../runner/stop.ts'
import { reapWorkDirectories } from '../runner/work-directory.ts'
import { systems } from '../systems/index.ts'
import { exitCodeOfSignal, exitCodes } from './exit-codes.ts'
import type { CliIo } from './io.ts'
import { printOutcome } from './print-outcome.ts'
import type { Progress } from './progress.ts'
import type { Signals } from './signals.ts'

/** What the command meets of the machine; tests give their own. */
export interface TestCommandPorts {
  readonly io: CliIo
  readonly workingDirectory: string
  readonly dockerAvailability: () => Promise<Availability>
  readonly createEnvironment: (kind: EnvironmentKind, options: EnvironmentOptions) => Promise<Environment>
  readonly reapDeadRuns: (kind: EnvironmentKind, say: (line: string) => void) => Promise<void>
  /** The source edits of a planted bug, by its name or from a file. Throws UsageError. */
  readonly loadMutant: (nameOrFile: string) => Promise<readonly SourceEdit[]>
  readonly checkMembers: (directory: string, members: readonly string[]) => Promise<readonly CheckResult[]>
  readonly showProgress: (status: RunStatus, plan: RunPlan, quiet: boolean) => Progress
  readonly listenForSignals: (interrupt: Stop, say: (line: string) => void) => Signals
}

/** `splitbrain test`. Returns the exit code; throws UsageError. */
export async function runTestCommand(flags: PlanOptions, configName: string | undefined, ports: TestCommandPorts): Promise<number> {
  const { io } = ports
  const config = readConfigFile(configName, ports.workingDirectory)
  if (config !== null) io.print(`options from ${config.path}`)
  const options = { ...config?.options, ...flags }
  const chosen = await chooseEnvironment(options.env ?? planDefaults.env, ports.dockerAvailability)
  const plan = resolvePlan(options, {
    env: chosen.kind,
    drawSeed: () => randomInt(0, 2 ** 32),
    workloads: Object.keys(workloads),
    nemeses: Object.keys(nemeses),
    partitionTargets: partitionShapes,
  })
  const edits = plan.mutant === null ? [] : await ports.loadMutant(plan.mutant)
  const run: Run = { plan, edits, startedAt: new Date(), rerun: rerunCommand(plan), provenance: await readProvenance() }
  io.print(chosen.why)
  for (const line of describePlan(plan)) io.print(line)
  const directory = makeRunDirectory(options.store ?? join(ports.workingDirectory, 'results', 'store'), plan.workload, run.startedAt)
  directory.writeJson('plan.json', { ...plan, startedAt: run.startedAt.toISOString(), rerun: run.rerun, ...run.provenance })

  const ended = await attempt(run, directory, options.progress === false, ports)
  const exitCode = exitCodeOf(ended)
  directory.writeJson('verdict.json', verdictFile(run, ended, exitCode))
  switch (ended.kind) {
    case 'judged': {
      const report = writeReport(run, ended.outcome, directory)
      printOutcome(ended.outcome, { report, rerun: run.rerun }, io)
      break
    }
    case 'interrupted':
      io.error(`interrupted: no verdict. Nothing was left behind; what there is lies in ${directory.path}`)
      break
    case 'failed':
      for (const line of failureLines(ended.error, directory)) io.error(line)
      io.error(`run it again: ${run.rerun}`)
      break
    default: unreachable(ended)
  }
  return exitCode
}

interface Run {
  readonly plan: RunPlan
  readonly edits: readonly SourceEdit[]
  readonly startedAt: Date
  readonly rerun: string
  readonly provenance: Provenance
}

type Ended =
  | { readonly kind: 'judged', readonly outcome: RunOutcome }
  | { readonly kind: 'interrupted', readonly exitCode: number }
  | { readonly kind: 'failed', readonly error: Error }

/** The run, with progress and Ctrl-C. Throws UsageError only. */
async function attempt({ plan, edits }: Run, directory: RunDirectory, quiet: boolean, ports: TestCommandPorts): Promise<Ended> {
  const status = freshStatus()
  const interrupt = new Stop()
  using progress = ports.showProgress(status, plan, quiet)
  const say = (line: string) => progress.say(line)
  using signals = ports.listenForSignals(interrupt, say)
  try {
    await ports.reapDeadRuns(plan.env, say)
    reapWorkDirectories(say)
    const outcome = await runTest(plan, {
      runId: randomBytes(4).toString('hex'),
      createEnvironment: (options) => ports.createEnvironment(plan.env, options),
      workload: workloads[plan.workload]!,
      nemeses: plan.nemesis.map((name) => nemeses[name]!),
      system: systems[plan.system],
      checkMembers: ports.checkMembers,
      edits, directory, status, interrupt, say,
    })
    return { kind: 'judged', outcome }
  } catch (error) {
    if (error instanceof UsageError) throw error
    // What fails because everything is being torn down is no failure of the run.
    if (interrupt.stopped) return { kind: 'interrupted', exitCode: signals.exitCode() ?? exitCodeOfSignal.SIGINT }
    return { kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) }
  }
}

function exitCodeOf(ended: Ended): number {
  switch (ended.kind) {
    case 'judged': return exitCodes[ended.outcome.verdict]
    case 'interrupted': return ended.exitCode
    case 'failed': return exitCodes.crashed
    default: return unreachable(ended)
  }
}

/** `verdict.json`. `verdict` is null where the run came to none. */
function verdictFile(run: Run, ended: Ended, exitCode: number) {
  const outcome = ended.kind === 'judged' ? ended.outcome : null
  return {
    verdict: outcome?.verdict ?? null,
    exitCode,
    ended: ended.kind,
    error: ended.kind === 'failed' ? ended.error.message : null,
    results: outcome?.results ?? [],
    counts: outcome?.counts ?? null,
    secondsToFirstOperation: outcome?.secondsToFirstOperation ?? null,
    leaders: outcome?.leaders ?? [],
    startedAt: run.startedAt.toISOString(),
    endedAt: new Date().toISOString(),
  }
}

/** Returns its path. */
function writeReport(run: Run, outcome: RunOutcome, directory: RunDirectory): string {
  directory.writeText('report.html', renderReport({
    plan: run.plan,
    verdict: outcome.verdict,
    results: outcome.results,
    history: outcome.history,
    rerun: run.rerun,
    startedAt: run.plan.env === 'simulated' ? null : run.startedAt.toISOString(),
    versions: describeProvenance(run.provenance),
  }))
  return join(directory.path, 'report.html')
}

function failureLines(error: Error, directory: RunDirectory): string[] {
  const causes = []
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) causes.push(`  because: ${cause.message}`)
  return [
    `the run failed: ${error.message}`,
    ...causes,
    // A bug of ours is found by its place; an expected failure by its sentence.
    ...(error instanceof InvariantError || error instanceof TypeError ? [error.stack ?? ''] : []),
    `  logs of the members: ${directory.members}`,
  ]
}
