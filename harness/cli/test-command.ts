import { join, resolve } from 'node:path'
import { InvariantError, unreachable } from '../../node/base/assert.ts'
import { readConfigFile } from '../plan/config-file.ts'
import { describePlan } from '../plan/describe-plan.ts'
import type { PlanOptions } from '../plan/options.ts'
import type { RunPlan } from '../plan/plan.ts'
import { conductRun, defaultStore, prepareRun, type PreparedRun, type RunEnd, type RunHost } from '../runner/prepared-run.ts'
import { freshStatus, type RunStatus } from '../runner/run-context.ts'
import type { RunDirectory } from '../runner/run-directory.ts'
import { Stop } from '../runner/stop.ts'
import { exitCodeOfSignal, exitCodes } from './exit-codes.ts'
import type { CliIo } from './io.ts'
import { printOutcome } from './print-outcome.ts'
import type { Progress } from './progress.ts'
import type { Signals } from './signals.ts'

/** What the command meets of the machine; tests give their own. */
export interface TestCommandPorts {
  readonly io: CliIo
  readonly workingDirectory: string
  readonly host: RunHost
  readonly showProgress: (status: RunStatus, plan: RunPlan, quiet: boolean) => Progress
  readonly listenForSignals: (interrupt: Stop, say: (line: string) => void) => Signals
}

/** `splitbrain test`. Returns the exit code; throws UsageError. */
export async function runTestCommand(flags: PlanOptions, configName: string | undefined, ports: TestCommandPorts): Promise<number> {
  const { io, workingDirectory } = ports
  const config = readConfigFile(configName, workingDirectory)
  if (config !== null) io.print(`options from ${config.path}`)
  return (await runPlannedTest({ ...config?.options, ...flags }, ports)).exitCode
}

/** One run, as a person watches it. Throws UsageError. */
export async function runPlannedTest(options: PlanOptions, ports: TestCommandPorts): Promise<{ readonly exitCode: number, readonly directory: string | null }> {
  const { io, workingDirectory, host } = ports
  const prepared = await prepareRun(options, host, workingDirectory)
  io.print(prepared.why)
  for (const line of describePlan(prepared.plan)) io.print(line)

  const store = options.store === undefined ? defaultStore(workingDirectory) : resolve(workingDirectory, options.store)
  const { end, directory } = await watched(prepared, store, options.progress === false, ports)
  return { exitCode: tellEnd(prepared, end, directory, io), directory: end.kind === 'judged' ? directory.path : null }
}

function tellEnd(prepared: PreparedRun, end: RunEnd, directory: RunDirectory, io: CliIo): number {
  switch (end.kind) {
    case 'judged':
      printOutcome(end.outcome, { report: join(directory.path, 'report.html'), rerun: prepared.rerun }, io)
      return exitCodes[end.outcome.verdict]
    case 'interrupted':
      io.error(`interrupted: no verdict. The cluster is gone; the history so far lies in ${directory.path}`)
      return end.signal in exitCodeOfSignal ? exitCodeOfSignal[end.signal as keyof typeof exitCodeOfSignal] : exitCodes.crashed
    case 'failed':
      for (const line of failureLines(end.error, directory)) io.error(line)
      io.error(`run it again: ${prepared.rerun}`)
      return exitCodes.crashed
    default:
      return unreachable(end)
  }
}

/** The run, with progress and Ctrl-C. */
async function watched(prepared: PreparedRun, store: string, quiet: boolean, ports: TestCommandPorts): Promise<{ end: RunEnd, directory: RunDirectory }> {
  const status = freshStatus()
  const interrupt = new Stop()
  using progress = ports.showProgress(status, prepared.plan, quiet)
  const say = (line: string) => progress.say(line)
  using _signals = ports.listenForSignals(interrupt, say)
  return await conductRun(prepared, ports.host, { status, interrupt, say }, store)
}

function failureLines(error: Error, directory: RunDirectory): string[] {
  const causes = []
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) causes.push(`  because: ${cause.message}`)
  // A bug of ours is found by its place; an expected failure by its sentence.
  const isBug = error instanceof InvariantError || error instanceof TypeError || error instanceof RangeError
  return [
    `the run failed: ${error.message}`,
    ...causes,
    ...(isBug ? [error.stack ?? ''] : []),
    `  logs of the members: ${directory.members}`,
  ]
}
