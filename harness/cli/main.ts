import { createEnvironment, reapDeadRuns } from './environments.ts'
import { terminalIo } from './io.ts'
import { quietProgress, showProgress } from './progress.ts'
import { runCli } from './run-cli.ts'
import { listenForSignals } from './signals.ts'

/** The process: everything real that the command line meets. */
const exitCode = await runCli(process.argv.slice(2), {
  io: terminalIo,
  workingDirectory: process.cwd(),
  // Loaded where it is needed: an engine's client is much to load for --help.
  dockerAvailability: async () => (await import('../environments/docker/index.ts')).dockerAvailability(),
  createEnvironment,
  reapDeadRuns,
  loadMutant: async (nameOrFile) => (await import('../mutants/index.ts')).loadMutant(nameOrFile).edits,
  checkMembers: async (directory, members) => (await import('../checkers/members.ts')).checkMembers(directory, members),
  showProgress: (status, plan, quiet) => quiet ? quietProgress(process.stdout) : showProgress(status, plan, process.stdout),
  listenForSignals: (interrupt, say) => listenForSignals(interrupt, say),
})
// Not only the exit code: whatever a dependency left open must not keep a finished run alive.
process.stdout.write('', () => process.exit(exitCode))
