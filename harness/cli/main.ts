import { realHost } from '../runner/host.ts'
import { terminalIo } from './io.ts'
import { quietProgress, showProgress } from './progress.ts'
import { runCli } from './run-cli.ts'
import { listenForSignals } from './signals.ts'

/** The process: everything real that the command line meets. */
const exitCode = await runCli(process.argv.slice(2), {
  io: terminalIo,
  workingDirectory: process.cwd(),
  host: realHost,
  showProgress: (status, plan, quiet) => quiet ? quietProgress(process.stdout) : showProgress(status, plan, process.stdout),
  listenForSignals: (interrupt, say) => listenForSignals(interrupt, say),
})
// Not only the exit code: whatever a dependency left open must not keep a finished run alive.
process.stdout.write('', () => process.exit(exitCode))
