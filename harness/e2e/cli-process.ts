import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The command as a user starts it. */
const launcher = fileURLToPath(new URL('../cli/launch.js', import.meta.url))

/** One `splitbrain …` with a store of its own, which goes away when disposed. */
export interface CliProcess extends Disposable {
  readonly child: ChildProcess
  readonly store: string
  /** Standard output and error so far, as they came. */
  output(): string
  /** Resolves with the exit code; rejects after the deadline, with the output. The process is then killed. */
  exit(deadlineMs: number): Promise<number>
  /** Waits until the output matches. */
  says(pattern: RegExp, deadlineMs: number): Promise<void>
  /** The run directory, once there is one. */
  runDirectory(): string | null
}

/** Starts `splitbrain` with the given arguments; `test` gets a store of its own. */
export function startCli(args: readonly string[]): CliProcess {
  const store = mkdtempSync(join(tmpdir(), 'splitbrain-e2e-'))
  const complete = args[0] === 'test' ? [...args, '--store', store] : args
  const child = spawn(process.execPath, [launcher, ...complete], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.on('data', (chunk) => { text += chunk })
  child.stderr.on('data', (chunk) => { text += chunk })
  const exited = new Promise<number>((resolve) => child.once('close', (code, signal) => resolve(code ?? (signal === null ? -1 : -2))))
  const within = async <T>(work: Promise<T>, deadlineMs: number, what: string): Promise<T> => {
    const timer = new AbortController()
    try {
      return await Promise.race([work, sleep(deadlineMs, undefined, { signal: timer.signal }).then(() => {
        throw new Error(`${what} did not come within ${deadlineMs} ms; the output was:\n${text}`)
      })])
    } finally {
      timer.abort()
    }
  }
  return {
    child,
    store,
    output: () => text,
    exit: (deadlineMs) => within(exited, deadlineMs, `the exit of splitbrain ${args.join(' ')}`),
    async says(pattern, deadlineMs) {
      const endMs = performance.now() + deadlineMs
      while (!pattern.test(text)) {
        if (performance.now() > endMs || child.exitCode !== null) throw new Error(`${pattern} was not said within ${deadlineMs} ms (exit code ${child.exitCode}); the output was:\n${text}`)
        await sleep(20)
      }
    },
    runDirectory: () => findRunDirectory(store),
    [Symbol.dispose]() {
      child.kill('SIGKILL')
      rmSync(store, { recursive: true, force: true })
    },
  }
}

/** `<store>/<workload>/<start>`, the only one. */
function findRunDirectory(store: string): string | null {
  const plan = readdirSync(store, { recursive: true, withFileTypes: true })
    .find((entry) => entry.isFile() && entry.name === 'plan.json' && !entry.parentPath.includes('latest'))
  return plan?.parentPath ?? null
}

/** A JSON file of a run directory. */
export function readJson(directory: string | null, name: string): any {
  if (directory === null) throw new Error(`there is no run directory to read ${name} from`)
  return JSON.parse(readFileSync(join(directory, name), 'utf8'))
}
