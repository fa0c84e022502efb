import { basename, dirname, join, resolve } from 'node:path'
import type { BundleFlags } from '../../harness/cli/bundle-command.ts'
import { exitCodes, InterruptedCommand } from '../../harness/cli/exit-codes.ts'
import type { TestCommandPorts } from '../../harness/cli/test-command.ts'
import { Stop } from '../../harness/runner/stop.ts'
import { readRunFacts } from '../../harness/runner/stored-run.ts'
import { endedRun } from '../export/export-run.ts'
import { refuseToReplace, writeFileWhole } from '../export/write-output.ts'
import { bundleContents } from './contents.ts'
import { packBundle } from './pack.ts'

/** `splitbrain bundle`. Returns the exit code; throws UsageError. */
export async function runBundle(named: string, { out, withDiff = false, force = false }: BundleFlags, ports: Pick<TestCommandPorts, 'io' | 'workingDirectory' | 'host' | 'listenForSignals'>): Promise<number> {
  const { io, workingDirectory, host, listenForSignals } = ports
  const directory = endedRun(named, workingDirectory)
  const file = out === undefined ? join(dirname(directory), `${basename(directory)}.bundle.tar.gz`) : resolve(workingDirectory, out)
  refuseToReplace(file, force)
  const interrupt = new Stop()
  const abort = new AbortController()
  interrupt.whenStopped(() => abort.abort())
  using _signals = listenForSignals(interrupt, () => {})
  const contents = await bundleContents(directory, readRunFacts(directory, host.workloads), { withDiff })
  try {
    await writeFileWhole(file, packBundle(contents), { force, signal: abort.signal })
  } catch (error) {
    if (interrupt.stopped) throw new InterruptedCommand(interrupt.reason!)
    throw error
  }
  for (const note of contents.notes) io.error(note)
  io.print(`${contents.files.length} files to ${file}`)
  io.print(`do it again anywhere: splitbrain replay ${basename(file)}`)
  return exitCodes.valid
}
