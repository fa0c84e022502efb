/** A program that runs until it is told to end: Prometheus, HAProxy. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Daemon extends AsyncDisposable {
  readonly pid: number
  /** Standard output and error so far. */
  output(): string
  /** Null while it runs. */
  exitCode(): number | null
}

export function startDaemon(path: string, args: readonly string[], env: NodeJS.ProcessEnv): Daemon {
  const child = spawn(path, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { text += chunk })
  child.once('error', (error) => { text += error.message })
  const closed = once(child, 'close').catch(() => {})
  return {
    pid: child.pid ?? 0,
    output: () => text,
    exitCode: () => child.exitCode,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await closed
    },
  }
}
