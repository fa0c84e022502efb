import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import type { RunServer } from '../../results/serve/server.ts'
import { UsageError } from '../plan/usage-error.ts'
import { defaultStore } from '../runner/prepared-run.ts'
import { Stop } from '../runner/stop.ts'
import { exitCodeOfSignal, exitCodes } from './exit-codes.ts'
import type { TestCommandPorts } from './test-command.ts'

export interface ServeFlags {
  readonly store?: string
  readonly port: number
}

export function addServeCommand(program: Command, serve: (flags: ServeFlags) => Promise<void>): void {
  program.command('serve')
    .description('shows the runs as web pages on loopback: filters, comparison, reports, and a running test as it goes on; until Ctrl-C')
    .option('--store <dir>', 'the runs of which directory (default: results/store)')
    .option('--port <n>', 'where it listens on 127.0.0.1; 0: on any port that is free', portNumber, 7878)
    .action((flags: ServeFlags) => serve(flags))
}

/** `splitbrain serve`. Ends when it is told to, with the exit code of the signal; throws UsageError. */
export async function runServeCommand({ store, port }: ServeFlags, { io, workingDirectory, listenForSignals }: Pick<TestCommandPorts, 'io' | 'workingDirectory' | 'listenForSignals'>): Promise<number> {
  const directory = store === undefined ? defaultStore(workingDirectory) : resolve(workingDirectory, store)
  if (!existsSync(directory)) throw new UsageError(`--store ${directory}: there is no such directory. \`splitbrain test\` makes one; --store names another.`)
  const interrupt = new Stop()
  // Nothing has to be healed or torn down, so nothing is said of it.
  using _signals = listenForSignals(interrupt, () => {})
  await using server = await listening(directory, port)
  io.print(`the runs of ${directory}: ${server.url} (Ctrl-C ends it)`)
  await new Promise<void>((ended) => { interrupt.whenStopped(() => ended()) })
  return exitCodeOfSignal[interrupt.reason as keyof typeof exitCodeOfSignal] ?? exitCodes.crashed
}

async function listening(store: string, port: number): Promise<RunServer> {
  try {
    const { serveRuns } = await import('../../results/serve/server.ts')
    return await serveRuns({ store, port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') throw new UsageError(`--port ${port}: something listens there already. Give another, or 0 for any that is free.`)
    if (code === 'EACCES') throw new UsageError(`--port ${port}: this may not be listened on. Give one above 1023, or 0 for any that is free.`)
    if (code === 'ENOTDIR') throw new UsageError(`--store ${store} is no directory.`)
    throw new Error(`the server could not start: ${message}`, { cause: error })
  }
}

function portNumber(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65535) throw new InvalidArgumentError('It must be a port: 0 to 65535.')
  return port
}
