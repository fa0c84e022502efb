import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { AgentError } from '../agent-client.ts'
import { durationMs, textOf, unsigned, type CommandSpec, type Invocation } from '../command.ts'
import { acquireMutex } from '../lock/mutex.ts'
import { acquireSemaphore } from '../lock/semaphore.ts'
import { keepSession } from '../lock/session.ts'
import { CommandFailure, type Terminal } from '../terminal.ts'

/** Between asking the child to end and making it. */
const killGraceMs = 5000

/** `splitbrain lock`: runs a program while a lock is held. */
export const lock: CommandSpec = {
  name: 'lock', summary: 'run a program while holding a lock', operands: 'PREFIX CHILD...', asks: 'servers', failing: 'Lock acquisition failed', run,
  flags: [
    ['-child-exit-code', 'exit with 2 where the child failed'],
    ['-monitor-retry <n>', 'errors in a row, a second apart, before a held lock counts as lost (default: 3)'],
    ['-n <n>', 'so many may hold it at once (default: 1)'],
    ['-name <text>', 'of the session'],
    ['-pass-stdin', 'the child reads our standard input'],
    ['-no-shell', 'the child is a program with arguments, no line for the shell; the same as -shell=false'],
    ['-timeout <duration>', 'give up after waiting for so long, 5s (default: never)'],
    ['-try <duration>', 'the same as -timeout'],
    ['-verbose', 'say what is going on'],
  ],
}

async function run(invocation: Invocation): Promise<number> {
  const { flags, args, client, terminal } = invocation
  const limit = Number(unsigned(flags, 'n', 'n') ?? 1n)
  if (args.length < 2) throw new CommandFailure('Key prefix and child command must be specified')
  if (limit < 1) throw new CommandFailure('Lock holder limit must be positive')
  const retries = Number(unsigned(flags, 'monitorRetry', 'monitor-retry') ?? 3n)
  const timeoutMs = durationMs(flags, 'timeout') ?? durationMs(flags, 'try') ?? 0
  const prefix = args[0]!.replace(/^\/+|\/+$/g, '')
  const say = (text: string) => flags['verbose'] === true ? terminal.print(text) : undefined

  const stop = new AbortController()
  const onSignal = () => stop.abort(new CommandFailure('Shutdown triggered or timeout during lock acquisition'))
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  try {
    say(limit === 1 ? `Setting up lock at path: ${prefix}/.lock` : `Setting up semaphore (limit ${limit}) at prefix: ${prefix}`)
    const name = textOf(flags, 'name') ?? `splitbrain lock for '${args.slice(1).join(' ')}' at '${prefix}'`
    await using session = await keepSession(client, name, limit === 1 ? 'release' : 'delete')
    say('Attempting lock acquisition')
    const waited = timeoutMs === 0 ? stop.signal : AbortSignal.any([stop.signal, AbortSignal.timeout(timeoutMs)])
    const acquiring = limit === 1
      ? acquireMutex(client, `${prefix}/.lock`, session.id, retries, waited)
      : acquireSemaphore(client, prefix, limit, session.id, retries, waited)
    const held = await acquiring.catch((error: unknown) => {
      if (waited.aborted) throw new CommandFailure('Shutdown triggered or timeout during lock acquisition')
      throw error
    })
    const done = new AbortController()
    const lost = Promise.race([session.lost, held.watch(done.signal)])
    const code = await runChild(invocation, lost, stop.signal, say)
    done.abort()
    say('Child terminated, releasing lock')
    await tidy(terminal, 'Lock release failed', () => held.release())
    await tidy(terminal, 'Lock cleanup failed', async () => say(await held.cleanUp() ? 'Cleanup succeeded' : 'Cleanup aborted, lock in use'))
    return code
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/** The child has run by now: what fails after it is told, and the session's end gives the lock back. */
async function tidy(terminal: Terminal, failing: string, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    if (!(error instanceof AgentError || error instanceof CommandFailure)) throw error
    terminal.error(`${failing}: ${error.message}`)
  }
}

/** Exit code of the command. The child ends by itself, or because the lock is lost or we are told to stop. */
async function runChild({ flags, args, terminal }: Invocation, lost: Promise<string>, stop: AbortSignal, say: (text: string) => void): Promise<number> {
  if (stop.aborted) throw stop.reason
  say('Starting handler')
  const words = args.slice(1)
  const [program, ...its] = flags['shell'] === false ? words : [process.env['SHELL'] ?? '/bin/sh', '-c', words.join(' ')]
  const child = spawn(program!, its, { stdio: [flags['passStdin'] === true ? 'inherit' : 'ignore', 'inherit', 'inherit'], env: { ...process.env, CONSUL_LOCK_HELD: 'true' } })
  const ended = new Promise<string | null>((resolve) => {
    child.on('error', (error) => resolve(`Error starting handler: ${error.message}`))
    child.on('exit', (code, signal) => resolve(code === 0 ? null : `Error running handler: ${signal === null ? `exit status ${code}` : `signal: ${signal}`}`))
  })
  const told = new Promise<'stop'>((resolve) => stop.addEventListener('abort', () => resolve('stop'), { once: true }))
  const first = await Promise.race([ended.then((failure) => ({ failure })), lost.then((reason) => ({ reason })), told])
  if (first !== 'stop' && 'failure' in first) {
    if (first.failure !== null) terminal.error(first.failure)
    return first.failure !== null && flags['childExitCode'] === true ? 2 : 0
  }
  terminal.error(first === 'stop' ? 'Shutdown triggered, killing child' : `Lock lost, killing child: ${first.reason}`)
  await end(child, ended)
  return 1
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM')
  const waiting = new AbortController()
  await Promise.race([ended, sleep(killGraceMs, undefined, { signal: waiting.signal }).catch(() => {})])
  waiting.abort()
  child.kill('SIGKILL')
  await ended
}
