import { randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { nemeses as ownNemeses } from '../nemesis/index.ts'
import type { Nemesis } from '../nemesis/nemesis.ts'
import { partitionShapes } from '../nemesis/targets.ts'
import { workloads as ownWorkloads } from '../workloads/index.ts'
import type { Workload } from '../workloads/workload.ts'
import { createEnvironment, reapDeadRuns } from './cli/environments.ts'
import { chooseEnvironment } from './plan/choose-environment.ts'
import { planDefaults } from './plan/defaults.ts'
import { parsePlanOptions, type PlanOptions } from './plan/options.ts'
import type { RunPlan } from './plan/plan.ts'
import { readProvenance } from './plan/provenance.ts'
import { resolvePlan } from './plan/resolve-plan.ts'
import { checkMembers } from './runner/check-members.ts'
import { freshStatus } from './runner/run-context.ts'
import { makeRunDirectory } from './runner/run-directory.ts'
import { runTest, type RunOutcome } from './runner/run-test.ts'
import { Stop } from './runner/stop.ts'
import { reapWorkDirectories } from './runner/work-directory.ts'
import { systems } from './systems/index.ts'

/** What a program may bring of its own, beside the options that the command line has too. */
export interface RunExtras {
  /** To choose from beside the built-in ones, by name. */
  readonly workloads?: readonly Workload[]
  readonly nemeses?: readonly Nemesis[]
  /** Ends the run early; it then rejects with InterruptedError, and nothing is left behind. */
  readonly interrupt?: Stop
  /** Lines for a person who watches. Default: none. */
  readonly say?: (line: string) => void
}

export interface ProgrammedRun extends RunOutcome {
  readonly plan: RunPlan
  /** The run's directory, absolute. */
  readonly directory: string
}

/**
 * One run from a program. Options and defaults are those of `splitbrain test`.
 * Rejects with UsageError for options that cannot be served, and with the cause
 * where the run itself failed.
 */
export async function run(options: PlanOptions = {}, extras: RunExtras = {}): Promise<ProgrammedRun> {
  const said = parsePlanOptions(options, 'The options')
  const say = extras.say ?? (() => {})
  const workloads = { ...ownWorkloads, ...byName(extras.workloads ?? []) }
  const nemeses = { ...ownNemeses, ...byName(extras.nemeses ?? []) }
  const chosen = await chooseEnvironment(said.env ?? planDefaults.env, async () =>
    (await import('./environments/docker/index.ts')).dockerAvailability())
  say(chosen.why)
  const plan = resolvePlan(said, {
    env: chosen.kind,
    drawSeed: () => randomInt(0, 2 ** 32),
    workloads: Object.keys(workloads),
    nemeses: Object.keys(nemeses),
    partitionTargets: partitionShapes,
  })
  const edits = plan.mutant === null ? [] : (await import('./mutants/index.ts')).loadMutant(plan.mutant).edits
  const startedAt = new Date()
  const directory = makeRunDirectory(said.store ?? join(process.cwd(), 'results', 'store'), plan.workload, startedAt)
  directory.writeJson('plan.json', { ...plan, startedAt: startedAt.toISOString(), ...await readProvenance() })
  await reapDeadRuns(plan.env, say)
  reapWorkDirectories(say)
  const outcome = await runTest(plan, {
    runId: randomBytes(4).toString('hex'),
    createEnvironment: (environmentOptions) => createEnvironment(plan.env, environmentOptions),
    workload: workloads[plan.workload]!,
    nemeses: plan.nemesis.map((name) => nemeses[name]!),
    system: systems[plan.system],
    status: freshStatus(),
    interrupt: extras.interrupt ?? new Stop(),
    checkMembers, edits, directory, say,
  })
  directory.writeJson('verdict.json', { verdict: outcome.verdict, results: outcome.results, counts: outcome.counts, leaders: outcome.leaders })
  return { ...outcome, plan, directory: directory.path }
}

function byName<T extends { readonly name: string }>(items: readonly T[]): Record<string, T> {
  return Object.fromEntries(items.map((item) => [item.name, item]))
}
