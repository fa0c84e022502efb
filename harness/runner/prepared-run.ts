import { randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { unreachable } from '../../node/base/assert.ts'
import type { Nemesis } from '../../nemesis/nemesis.ts'
import { scriptObjections } from '../../nemesis/script.ts'
import { partitionShapes } from '../../nemesis/targets.ts'
import { readMemberRecords } from '../../results/report/member-records.ts'
import { renderReport } from '../../results/report/render-report.ts'
import type { Workload } from '../../workloads/workload.ts'
import type { CheckResult } from '../checkers/verdict.ts'
import type { Environment, EnvironmentKind, EnvironmentOptions, SourceEdit } from '../environments/environment.ts'
import { chooseEnvironment, type Availability } from '../plan/choose-environment.ts'
import { planDefaults } from '../plan/defaults.ts'
import { memberNames } from '../plan/fault-options.ts'
import { readFaultScript } from '../plan/fault-script-file.ts'
import type { PlanOptions } from '../plan/options.ts'
import type { RunPlan } from '../plan/plan.ts'
import { describeProvenance, readProvenance, type Provenance } from '../plan/provenance.ts'
import { rerunCommand } from '../plan/rerun.ts'
import { resolvePlan } from '../plan/resolve-plan.ts'
import { UsageError } from '../plan/usage-error.ts'
import { systems } from '../systems/index.ts'
import { environmentFaults } from './fault-sources.ts'
import type { RunStatus } from './run-context.ts'
import { planOwner } from './run-owner.ts'
import { makeRunDirectory, type RunDirectory } from './run-directory.ts'
import { runTest, type RunOutcome } from './run-test.ts'
import type { Stop } from './stop.ts'
import { reapWorkDirectories } from './work-directory.ts'

/** Everything concrete that a run meets; real in host.ts, fakes in tests. */
export interface RunHost {
  readonly workloads: Readonly<Record<string, Workload>>
  readonly nemeses: Readonly<Record<string, Nemesis>>
  readonly dockerAvailability: () => Promise<Availability>
  readonly createEnvironment: (kind: EnvironmentKind, options: EnvironmentOptions) => Promise<Environment>
  /** Clears away what runs left that did not end themselves. */
  readonly reapDeadRuns: (kind: EnvironmentKind, say: (line: string) => void) => Promise<void>
  /** The source edits of a planted bug, by its name or from a file. Throws UsageError. */
  readonly loadMutant: (nameOrFile: string) => Promise<readonly SourceEdit[]>
  readonly checkMembers: (directory: string, members: readonly string[]) => Promise<readonly CheckResult[]>
}

/** All is decided, and nothing has been done yet. */
export interface PreparedRun {
  readonly plan: RunPlan
  /** Why this environment. */
  readonly why: string
  readonly edits: readonly SourceEdit[]
  readonly rerun: string
  readonly provenance: Provenance
}

/**
 * From options to a complete plan. Throws UsageError.
 * @param directory files in options are relative to it
 */
export async function prepareRun(options: PlanOptions, host: RunHost, directory: string = process.cwd()): Promise<PreparedRun> {
  const chosen = await chooseEnvironment(options.env ?? planDefaults.env, host.dockerAvailability)
  const plan = planOf(options, chosen.kind, host, directory)
  return {
    plan,
    why: chosen.why,
    edits: plan.mutant === null ? [] : await host.loadMutant(plan.mutant),
    rerun: rerunCommand(plan, host.workloads[plan.workload]?.defaults),
    provenance: await readProvenance(),
  }
}

/** The plan that options come to in this environment. Throws UsageError. */
export function planOf(options: PlanOptions, env: EnvironmentKind, host: Pick<RunHost, 'workloads' | 'nemeses'>, directory: string): RunPlan {
  const workload = host.workloads[options.workload ?? planDefaults.workload]
  const plan = resolvePlan({ ...workload === undefined ? {} : defaultsOf(workload, options), ...options }, {
    env,
    drawSeed: () => randomInt(0, 2 ** 32),
    workloads: Object.keys(host.workloads),
    nemeses: Object.keys(host.nemeses),
    partitionTargets: partitionShapes,
    faultScript: options.faults === undefined ? null : readFaultScript(options.faults, directory),
  })
  requireFittingScript(plan, host)
  return plan
}

/** A script, or rules, stand for themselves, and one member alone has little that can be broken: then a workload's own faults are not added. */
function defaultsOf({ defaults = {} }: Workload, { faults, firewall, members }: PlanOptions): PlanOptions {
  const { nemesis, ...rest } = defaults
  return faults !== undefined || firewall !== undefined || members === 1 || nemesis === undefined ? rest : { ...rest, nemesis }
}

function requireFittingScript(plan: RunPlan, { nemeses }: Pick<RunHost, 'nemeses'>): void {
  const { faultScript, members } = plan
  if (faultScript === null) return
  const objections = scriptObjections(faultScript, nemeses, memberNames(members + environmentFaults(plan).spareCount))
  if (objections.length > 0) throw new UsageError(`The script ${faultScript.file ?? 'of --faults'} does not fit: ${objections.join('; ')}.`)
}

/** What the one who started a run sees of it, and how it is told to end. */
export interface RunWatch {
  readonly status: RunStatus
  readonly interrupt: Stop
  readonly say: (line: string) => void
}

export type RunEnd =
  | { readonly kind: 'judged', readonly outcome: RunOutcome }
  | { readonly kind: 'interrupted', readonly signal: string }
  | { readonly kind: 'failed', readonly error: Error }

/**
 * The run and its directory: plan before, history during, verdict and report
 * after. Throws UsageError where the environment cannot do what the plan asks.
 */
export async function conductRun(prepared: PreparedRun, host: RunHost, watch: RunWatch, store: string): Promise<{ readonly end: RunEnd, readonly directory: RunDirectory }> {
  const startedAt = new Date()
  const { plan, rerun, provenance } = prepared
  // In the plan's file, so that what a run left behind can be told from what others have, one that is going on from one
  // that was killed, and a bug of somebody's own found again when its file is not there any more.
  const runId = randomBytes(4).toString('hex')
  const directory = makeRunDirectory(store, plan.workload, startedAt)
  directory.writeJson('plan.json', { ...plan, runId, startedAt: startedAt.toISOString(), rerun, ...provenance, owner: planOwner(), edits: prepared.edits })
  const end = await attempt(prepared, runId, host, watch, directory)
  directory.writeJson('verdict.json', verdictFile(end, startedAt))
  if (end.kind === 'judged') drawReport(prepared, end.outcome, startedAt, directory, watch.say)
  return { end, directory }
}

/** A verdict without a picture is still a verdict: what goes wrong here is said, and no more. */
function drawReport({ plan, rerun, provenance }: PreparedRun, outcome: RunOutcome, startedAt: Date, directory: RunDirectory, say: (line: string) => void): void {
  try {
    directory.writeText('report.html', renderReport({
      plan, rerun,
      verdict: outcome.verdict,
      results: outcome.results,
      history: outcome.history,
      leaders: outcome.leaders,
      members: readMemberRecords(directory.members, outcome.members, outcome.zeroWallMs, (outcome.history.at(-1)?.time ?? 0) / 1e6),
      startedAt: plan.env === 'simulated' ? null : startedAt.toISOString(),
      versions: describeProvenance(provenance),
    }))
  } catch (error) {
    say(`report.html could not be drawn: ${(error as Error).message}`)
  }
}

async function attempt({ plan, edits }: PreparedRun, runId: string, host: RunHost, { status, interrupt, say }: RunWatch, directory: RunDirectory): Promise<RunEnd> {
  try {
    await host.reapDeadRuns(plan.env, say)
    reapWorkDirectories(say)
    const outcome = await runTest(plan, {
      runId,
      createEnvironment: (options) => host.createEnvironment(plan.env, options),
      workload: host.workloads[plan.workload]!,
      nemeses: host.nemeses,
      system: systems[plan.system],
      checkMembers: host.checkMembers,
      edits, directory, status, interrupt, say,
    })
    return { kind: 'judged', outcome }
  } catch (error) {
    if (error instanceof UsageError) throw error
    // What fails because everything is being torn down is no failure of the run.
    if (interrupt.stopped) return { kind: 'interrupted', signal: interrupt.reason! }
    return { kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) }
  }
}

/** `verdict.json`. `verdict` is null where the run came to none. */
function verdictFile(end: RunEnd, startedAt: Date) {
  const base = { verdict: null, ended: end.kind, startedAt: startedAt.toISOString(), endedAt: new Date().toISOString() }
  switch (end.kind) {
    case 'judged': {
      const { history: _, ...outcome } = end.outcome
      return { ...base, ...outcome }
    }
    case 'interrupted': return base
    case 'failed': return { ...base, error: end.error.message }
    default: return unreachable(end)
  }
}

/** Where run directories go when nobody says otherwise. */
export function defaultStore(workingDirectory: string): string {
  return join(workingDirectory, 'results', 'store')
}
