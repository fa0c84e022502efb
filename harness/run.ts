import { unreachable } from '../node/base/assert.ts'
import type { Nemesis } from '../nemesis/nemesis.ts'
import type { Workload } from '../workloads/workload.ts'
import { parsePlanOptions, type PlanOptions } from './plan/options.ts'
import type { RunPlan } from './plan/plan.ts'
import { realHost } from './runner/host.ts'
import { conductRun, defaultStore, prepareRun, type RunHost } from './runner/prepared-run.ts'
import { freshStatus } from './runner/run-context.ts'
import type { RunOutcome } from './runner/run-test.ts'
import { InterruptedError, Stop } from './runner/stop.ts'

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
export async function run(options: PlanOptions = {}, extras: RunExtras = {}, host: RunHost = realHost): Promise<ProgrammedRun> {
  const said = parsePlanOptions(options, 'The options')
  const say = extras.say ?? (() => {})
  const extendedHost: RunHost = {
    ...host,
    workloads: { ...host.workloads, ...byName(extras.workloads ?? []) },
    nemeses: { ...host.nemeses, ...byName(extras.nemeses ?? []) },
  }
  const prepared = await prepareRun(said, extendedHost)
  say(prepared.why)
  const watch = { status: freshStatus(), interrupt: extras.interrupt ?? new Stop(), say }
  const { end, directory } = await conductRun(prepared, extendedHost, watch, said.store ?? defaultStore(process.cwd()))
  switch (end.kind) {
    case 'judged': return { ...end.outcome, plan: prepared.plan, directory: directory.path }
    case 'interrupted': throw new InterruptedError(end.signal)
    case 'failed': throw end.error
    default: return unreachable(end)
  }
}

function byName<T extends { readonly name: string }>(items: readonly T[]): Record<string, T> {
  return Object.fromEntries(items.map((item) => [item.name, item]))
}
