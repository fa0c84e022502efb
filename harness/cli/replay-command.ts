import { resolve } from 'node:path'
import { openRun } from '../../results/bundle/open-bundle.ts'
import { readRecordedFaults } from '../plan/fault-script-file.ts'
import type { PlanOptions } from '../plan/options.ts'
import { optionsOf } from '../plan/plan-options.ts'
import { readProvenance } from '../plan/provenance.ts'
import { firstDifference, readRecordedRun, type RecordedRun } from '../explore/recorded-run.ts'
import { exitCodes } from './exit-codes.ts'
import type { ReplayFlags } from './program.ts'
import { runPlannedTest, type TestCommandPorts } from './test-command.ts'

/**
 * `splitbrain replay`, of a run or of a bundle of one. A simulated run must come to the same bytes; of another
 * the plan and the faults, as they were, are repeated, and what the scheduler
 * and the network did is not. Returns the exit code of the new run; 255 where
 * a simulation came out otherwise. Throws UsageError.
 */
export async function runReplayCommand(named: string, flags: ReplayFlags, ports: TestCommandPorts): Promise<number> {
  const { io, workingDirectory } = ports
  using opened = await openRun(named, ports)
  const stored = readRecordedRun(opened.directory, workingDirectory)
  const { git } = await readProvenance()
  if (stored.gitCommit !== null && git !== null && (git.commit !== stored.gitCommit || git.dirty)) {
    io.error(`The run was made by commit ${stored.gitCommit.slice(0, 7)}, and this is ${git.commit.slice(0, 7)}${git.dirty ? ' with changes' : ''}: it may go another way.`)
  }
  const options: PlanOptions = {
    ...replayOptions(stored),
    ...opened.mutant === null ? {} : { mutant: opened.mutant },
    ...flags.store === undefined ? {} : { store: flags.store },
    ...flags.progress === false ? { progress: false } : {},
  }
  const { exitCode, directory } = await runPlannedTest(options, ports)
  if (stored.plan.env !== 'simulated' || directory === null) return exitCode
  const difference = firstDifference(stored.directory, resolve(directory))
  if (difference === null) {
    io.print(`replayed: history, faults, logs and traces are the same, byte for byte`)
    return exitCode
  }
  io.error(`replayed, and it went another way from line ${difference.line} of ${difference.file}:`)
  io.error(`  was ${difference.was.slice(0, 300)}`)
  io.error(`  is  ${difference.is.slice(0, 300)}`)
  return exitCodes.crashed
}

/** The plan again; outside of a simulation with the recorded faults in place of drawn ones. */
export function replayOptions({ plan, directory }: RecordedRun): PlanOptions {
  const options = optionsOf(plan)
  if (plan.env === 'simulated' || plan.nemesis.length === 0) return options
  const { nemesis: _nemesis, targets: _targets, traffic: _traffic, firewall: _firewall, ...rest } = options
  // A fault that needs something from the start is known by its place in the script.
  return { ...rest, nemesis: ['none'], faults: JSON.stringify(readRecordedFaults(directory)) }
}
