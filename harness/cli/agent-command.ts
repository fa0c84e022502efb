import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One member in the foreground. Arguments are the member's, Consul's flags. */
export function runAgentCommand(args: readonly string[]): Promise<number> {
  return become('main', args)
}

/**
 * A program of `node/`, by its entry's name. The harness imports nothing of
 * it, so this process becomes it where the system can do that: who kills this
 * process has then killed the program, and no orphan holds its ports. Else it
 * is a child: signals reach it, its exit code is this one's.
 */
export function become(entryName: 'main' | 'client-main', args: readonly string[]): Promise<number> {
  const base = fileURLToPath(new URL(`../../node/${entryName}`, import.meta.url))
  const entry = existsSync(`${base}.ts`) && !base.includes(`${join('node_modules', '')}`) ? `${base}.ts` : `${base}.js`
  if (process.platform !== 'win32' && typeof process.execve === 'function') process.execve(process.execPath, [process.execPath, entry, ...args])
  const child = spawn(process.execPath, [entry, ...args], { stdio: 'inherit' })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const forwarders = signals.map((signal) => {
    const forward = () => void child.kill(signal)
    process.on(signal, forward)
    return { signal, forward }
  })
  return new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
  }).finally(() => {
    for (const { signal, forward } of forwarders) process.off(signal, forward)
  })
}
