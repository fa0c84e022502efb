/**
 * `npm run soak -- [--runs 100] [--members 3,4,5,7] [--seed 1] [--keep failed|all] [flags of splitbrain test]`:
 * many runs under many seeds, say
 * `npm run soak -- --env simulated --runs 100 --time-limit 600 --nemesis all --recovery-timeout 15`.
 * Exit codes are those of a run: of the worst.
 */
import { resolve } from 'node:path'
import { CommanderError } from 'commander'
import { exitCodes } from '../cli/exit-codes.ts'
import { terminalIo as io } from '../cli/io.ts'
import { listenForSignals } from '../cli/signals.ts'
import { readConfigFile } from '../plan/config-file.ts'
import type { PlanOptions } from '../plan/options.ts'
import { UsageError } from '../plan/usage-error.ts'
import { realHost } from '../runner/host.ts'
import { conductRun, defaultStore, prepareRun } from '../runner/prepared-run.ts'
import { freshStatus } from '../runner/run-context.ts'
import { Stop } from '../runner/stop.ts'
import { soak, type SoakRun } from './soak.ts'
import { parseSoakArguments } from './soak-arguments.ts'

const workingDirectory = process.cwd()
const interrupt = new Stop()

async function performRun(options: PlanOptions): Promise<SoakRun> {
  const prepared = await prepareRun(options, realHost, workingDirectory)
  const store = options.store === undefined ? defaultStore(workingDirectory) : resolve(workingDirectory, options.store)
  const { end, directory } = await conductRun(prepared, realHost, { status: freshStatus(), interrupt, say: () => {} }, store)
  return { end, directory: directory.path, rerun: prepared.rerun }
}

async function main(): Promise<number> {
  try {
    const options = await parseSoakArguments(process.argv.slice(2))
    const config = readConfigFile(options.config, workingDirectory)
    return await soak({ ...options, run: { ...config?.options, ...options.run } }, { io, run: performRun, nowMs: () => performance.now() })
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.valid : exitCodes.usage
    const isUsage = error instanceof UsageError
    io.error(isUsage ? error.message : `the soak failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
    return isUsage ? exitCodes.usage : exitCodes.crashed
  }
}

using _signals = listenForSignals(interrupt, (line) => io.error(line))
const exitCode = await main()
// Not only the exit code: whatever a dependency left open must not keep a finished soak alive.
process.stdout.write('', () => process.exit(exitCode))
