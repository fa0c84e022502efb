/** The real `consul` as a command-line client. */
import { spawn } from 'node:child_process'

export interface CommandOptions {
  /** Of the agent it asks. */
  readonly host: string
  /** Standard input; closed without. */
  readonly input?: string
  readonly cwd?: string
  /** After it the command is killed: what hangs must be told from what is slow. */
  readonly limitMs?: number
}

export interface FinishedCommand {
  /** Null if a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Under way; disposing kills it. */
export interface RunningCommand extends AsyncDisposable {
  readonly finished: Promise<FinishedCommand>
}

export function startCommand(program: string, { host, input, cwd, limitMs = 60_000 }: CommandOptions, args: readonly string[]): RunningCommand {
  // A group of its own, so that a child of `consul lock` or `consul watch` ends with it.
  const child = spawn(program, args, { stdio: 'pipe', detached: true, cwd, env: { PATH: process.env['PATH'], CONSUL_HTTP_ADDR: `http://${host}:8500` } })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => { stdout += chunk })
  child.stderr.on('data', (chunk) => { stderr += chunk })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const kill = () => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // All of the group are gone.
    }
  }
  const timer = setTimeout(kill, limitMs)
  const finished = new Promise<FinishedCommand>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr })
    })
  })
  return {
    finished,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) kill()
      await finished.catch(() => {})
    },
  }
}

export async function runCommand(program: string, options: CommandOptions, args: readonly string[]): Promise<FinishedCommand> {
  await using command = startCommand(program, options, args)
  return await command.finished
}
