import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quietProgress } from '../cli/progress.ts'
import { runCli } from '../cli/run-cli.ts'
import { listenForSignals, type SignalSource } from '../cli/signals.ts'
import { realHost } from '../runner/host.ts'

export interface CommandResult {
  readonly exitCode: number
  readonly lines: readonly string[]
  readonly errors: readonly string[]
  /** Both. */
  readonly said: string
}

export interface CommandLine extends Disposable {
  /** Absolute; removed by disposal. */
  readonly directory: string
  /** `splitbrain ARGS` in the directory, in this process, with real environments. */
  run(args: readonly string[], signals?: SignalSource): Promise<CommandResult>
}

/** For what reads and writes files: the command line in a directory of its own. */
export function commandLine(): CommandLine {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-cli-'))
  return {
    directory,
    async run(args, signals = { on() {}, off() {}, exit() {} }) {
      const lines: string[] = []
      const errors: string[] = []
      const exitCode = await runCli(args, {
        io: { print: (line) => lines.push(line), error: (line) => errors.push(line) },
        workingDirectory: directory,
        host: realHost,
        showProgress: () => quietProgress({ write: (text) => lines.push(String(text).trimEnd()) > 0 }),
        listenForSignals: (interrupt, say) => listenForSignals(interrupt, say, signals),
      })
      return { exitCode, lines, errors, said: [...lines, ...errors].join('\n') }
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}
