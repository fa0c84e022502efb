import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../../node/base/random.ts'
import type { Nemesis } from '../../nemesis/nemesis.ts'
import type { Workload } from '../../workloads/workload.ts'
import type { CheckResult, Verdict } from '../checkers/verdict.ts'
import type { Environment, EnvironmentOptions, SourceEdit } from '../environments/environment.ts'
import type { HistoryEvent } from '../history/event.ts'
import type { RunPlan } from '../plan/plan.ts'
import { UsageError } from '../plan/usage-error.ts'
import { clientOf } from '../systems/leader.ts'
import type { System } from '../systems/system.ts'
import { FaultConductor } from './fault-conductor.ts'
import { judgeMembers } from './check-members.ts'
import type { FaultRecord } from './fault-record.ts'
import { finalPhase } from './final-phase.ts'
import type { Judgement } from './judge.ts'
import { judgeRun } from './judge-run.ts'
import { chooseSources, environmentFaults } from './fault-sources.ts'
import { awaitLeader } from './leader-return.ts'
import { mainPhase, type FaultSources, type LeaderChange } from './main-phase.ts'
import { openRecording } from './recording.ts'
import { awaitServing, type Serving } from './recovery.ts'
import { recoveryResult } from './recovery-result.ts'
import type { RunContext, RunStatus } from './run-context.ts'
import type { RunDirectory } from './run-directory.ts'
import { InterruptedError, type Stop } from './stop.ts'
import { makeWorkDirectory } from './work-directory.ts'

/** Of the history of a simulated run: some hundred lines. */
const simulatedUnwrittenMax = 500

/** What a run needs besides its plan. Everything concrete comes in here; tests give fakes. */
export interface RunParts {
  /** Unique among runs of this machine; labels what the environment makes. */
  readonly runId: string
  readonly createEnvironment: (options: EnvironmentOptions) => Promise<Environment>
  readonly workload: Workload
  /** By name; the plan says which are drawn from, and its script which it uses. */
  readonly nemeses: Readonly<Record<string, Nemesis>>
  readonly system: System
  /** Source edits that plant the plan's bug. */
  readonly edits: readonly SourceEdit[]
  readonly directory: RunDirectory
  /** Changes in place while the run goes on. */
  readonly status: RunStatus
  readonly interrupt: Stop
  readonly say: (line: string) => void
  /** Judges what members left in `directory/<member>/`, apart from the workload's own check. */
  readonly checkMembers: (directory: string, members: readonly string[]) => Promise<readonly CheckResult[]>
}

export interface RunOutcome {
  readonly verdict: Verdict
  readonly results: readonly CheckResult[]
  readonly history: readonly HistoryEvent[]
  readonly counts: RunStatus['counts']
  readonly leaders: readonly LeaderChange[]
  /** Those of the start, and spares that ran. */
  readonly members: readonly string[]
  /** Unix ms at which the history's time was 0: what members write is by their wall clocks. */
  readonly zeroWallMs: number
  /** Real seconds from the call until the first operation was due. */
  readonly secondsToFirstOperation: number
}

/**
 * One run, from the start of the cluster to the verdict: start, wait until it
 * serves, operations and faults, heal, wait until it has recovered, final
 * reads, collect, tear down, judge. The history is on disk before it is
 * judged. Rejects with UsageError, InterruptedError, or whatever made the run
 * itself fail; nothing of the cluster is left in any case.
 */
export async function runTest(plan: RunPlan, parts: RunParts): Promise<RunOutcome> {
  const observed = await runCluster(plan, parts, performance.now())
  parts.status.phase = 'checking'
  const { verdict, results }: Judgement = await judgeRun({
    ...observed, plan, workload: parts.workload, known: observed.results,
    checkMembers: async () => observed.collectError === null
      ? judgeMembers(parts.system, parts.checkMembers, parts.directory.members, observed.members)
      : Promise.reject(new Error(`the members' traces could not be collected: ${observed.collectError}`)),
  })
  const { history, leaders, members, zeroWallMs, secondsToFirstOperation } = observed
  return { verdict, results, history, leaders, members, zeroWallMs, secondsToFirstOperation, counts: { ...parts.status.counts } }
}

interface Observed {
  readonly members: readonly string[]
  readonly zeroWallMs: number
  readonly history: readonly HistoryEvent[]
  readonly leaders: readonly LeaderChange[]
  readonly secondsToFirstOperation: number
  /** What the runner itself has to say: faults, recovery. */
  readonly results: readonly CheckResult[]
  readonly faults: readonly FaultRecord[]
  readonly collectError: string | null
}

/** All that needs the cluster. When it settles the cluster is gone. */
async function runCluster(plan: RunPlan, parts: RunParts, calledMs: number): Promise<Observed> {
  using workDirectory = makeWorkDirectory(parts.runId)
  const random = seededRandom(plan.seed)
  await using environment = await parts.createEnvironment({
    runId: parts.runId,
    memberCount: plan.members,
    random: random.split('environment'),
    workDirectory: workDirectory.path,
    edits: parts.edits,
    memberConfig: plan.memberConfig,
    latencyMs: plan.latencyMs,
    powerLoss: plan.powerLoss,
    ...parts.workload.asksDns === true ? { dns: true } : {},
    ...parts.system.deployment === undefined ? {} : { deployment: parts.system.deployment },
    ...environmentFaults(plan),
    say: parts.say,
  })
  parts.status.nowNs = () => environment.clock.nowNs()
  const { zeroWallMs } = environment.clock
  parts.directory.writeText('clock.json', `${JSON.stringify({ zeroWallMs })}\n`)
  requirePorts(environment, plan, parts)
  const sources = requireCapabilities(environment, plan, parts)
  using recording = openRecording(parts.directory.historyFile, environment.clock, environment.kind === 'simulated' ? simulatedUnwrittenMax : 0)
  const context: RunContext = {
    plan, environment, recording, random,
    system: parts.system, workload: parts.workload, status: parts.status, interrupt: parts.interrupt,
  }
  try {
    const phases = await environment.run(() => runPhases(context, parts, sources, calledMs))
    recording.close()
    parts.status.phase = 'collecting'
    const collectError = await parts.interrupt.orInterrupt(collect(environment, parts.directory))
    parts.status.phase = 'tearing down'
    return { members: [...environment.members, ...sparesThatLived(environment, parts.directory)], zeroWallMs, history: recording.events, collectError, ...phases }
  } catch (error) {
    recording.close()
    parts.status.phase = 'tearing down'
    // Whoever looks for the cause needs the members' logs; whoever pressed Ctrl-C does not wait for them.
    if (!(error instanceof InterruptedError)) await collect(environment, parts.directory)
    throw error
  }
}

/** What the workload needs of the system. Throws UsageError. */
export function requirePorts(environment: Environment, plan: RunPlan, { system, workload }: Pick<RunParts, 'system' | 'workload'>): void {
  const client = clientOf(system, environment, environment.members[0]!, plan.operationTimeoutMs)
  const missing = (workload.needs ?? []).filter((name) => client[name] === undefined)
  if (missing.length > 0) throw new UsageError(`--workload ${workload.name} cannot work with ${system.name}: the harness speaks to no ${missing.join(' and no ')} there. Choose another --workload.`)
  const why = workload.missing?.(environment) ?? null
  if (why !== null) throw new UsageError(`--workload ${workload.name} cannot work here: ${why}. Choose another --env or another --workload.`)
}

/** A fault that cannot be applied here is an error before the run starts. Throws UsageError. */
export function requireCapabilities(environment: Environment, plan: RunPlan, parts: Pick<RunParts, 'system' | 'nemeses' | 'say'>): FaultSources {
  const sources = chooseSources(environment, plan, parts.system, parts.nemeses)
  for (const { name, why } of sources.refused) {
    throw new UsageError(`--${plan.nemesis.includes(name) ? 'nemesis' : 'faults'} ${name} cannot work here: ${why}. Choose another --nemesis or another --env; \`splitbrain doctor --probe\` says what works on this machine.`)
  }
  if (sources.leftOut.length > 0) parts.say(`left out of all faults: ${sources.leftOut.map(({ name, why }) => `${name} (${why})`).join('; ')}`)
  if (plan.latencyMs > 0 && environment.shapeLinks === undefined) {
    throw new UsageError(`--latency ${plan.latencyMs} cannot work here: environment ${environment.kind} cannot delay what members say to each other. Use --env local or --env simulated.`)
  }
  return sources
}

type Phases = Pick<Observed, 'leaders' | 'secondsToFirstOperation' | 'results' | 'faults'>

/** In the environment's time. Whatever happens, what was broken is mended before it settles. */
async function runPhases(context: RunContext, parts: RunParts, sources: FaultSources, calledMs: number): Promise<Phases> {
  const { environment, plan, status, interrupt } = context
  const { clock } = environment
  const faults: FaultRecord[] = []
  const conductor = new FaultConductor({
    clock, status,
    memberCount: environment.members.length,
    record: (event) => context.recording.record(event),
    recordFault: (record) => {
      faults.push(record)
      parts.directory.appendLine('faults.jsonl', record)
    },
  })
  try {
    status.phase = 'starting the cluster'
    await interrupt.orInterrupt(environment.start())
    status.phase = 'waiting until the cluster serves'
    const ready = await awaitServing({ ...context, timeoutS: plan.recoveryTimeoutS })
    if (!ready.serving) {
      throw new Error(`the cluster did not begin to serve within ${plan.recoveryTimeoutS} s; pending: ${ready.pending.join('; ')}`)
    }
    const secondsToFirstOperation = (performance.now() - calledMs) / 1000
    const leaders = await mainPhase(context, sources, conductor, (change) => parts.directory.appendLine('leaders.jsonl', change))
    status.phase = 'healing'
    await interrupt.orInterrupt(conductor.healAll())
    const [recovery, leaderReturn] = await Promise.all([recover(context), awaitLeader({ ...context, timeoutS: plan.recoveryTimeoutS })])
    const finalReads = await finalPhase(context)
    const results = [recoveryResult(recovery, leaderReturn, finalReads, plan), conductor.result(sources.drawn.length > 0 || (plan.faultScript?.faults.length ?? 0) > 0)]
    return { leaders, secondsToFirstOperation, faults, results: results.filter((result) => result !== null) }
  } catch (error) {
    // All goes away soon, and with it what is broken; a run that is ended does not wait for retries.
    await conductor.healAll(1)
    throw error
  }
}

async function recover(context: RunContext): Promise<Serving> {
  context.status.phase = 'recovering'
  return awaitServing({
    ...context,
    timeoutS: context.plan.recoveryTimeoutS,
    onPending: (pending) => {
      context.status.phase = `recovering (${pending.join('; ')})`
    },
  })
}

/** A spare that never ran has left nothing. */
function sparesThatLived(environment: Environment, directory: RunDirectory): readonly string[] {
  return (environment.spareMembers?.spares ?? []).filter((spare) => existsSync(join(directory.members, spare, 'raft-trace.jsonl')))
}

/** Logs and traces of the members. What goes wrong here must not hide what went wrong before. */
async function collect(environment: Environment, directory: RunDirectory): Promise<string | null> {
  try {
    await environment.collect(directory.members)
    return null
  } catch (error) {
    return (error as Error).message
  }
}
