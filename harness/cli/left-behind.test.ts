import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** What a run of real processes leaves on the machine when it is ended in its middle: nothing. */
const launcher = fileURLToPath(new URL('./launch.js', import.meta.url))
const needsProc = process.platform === 'linux' ? false : 'looks for processes in /proc, which only Linux has'

t.setTimeout(180_000)

/** A run in a temporary directory of its own, by which its processes and files are known. */
function startRun(temporary: string, seconds: number): { child: ChildProcess, output: () => string, ended: Promise<number | null> } {
  const child = spawn(process.execPath, [launcher, 'test', '--env', 'local', '--time-limit', String(seconds), '--interval', '1', '--store', join(temporary, 'store')], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += chunk })
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  return { child, output: () => output, ended }
}

/** Command lines of processes that work below the directory. */
function processesOf(temporary: string): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const command = readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ')
      return command.includes(temporary) && command.includes('-data-dir') ? [command] : []
    } catch {
      return [] // It has ended meanwhile.
    }
  })
}

const filesOf = (temporary: string) => readdirSync(temporary, { recursive: true })
  .map(String).filter((name) => name !== 'store' && !name.startsWith('store/') && !/^splitbrain-runs(-\d+)?$/.test(name))

async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`not within 60 s: ${what}`)
    await sleep(20)
  }
}

const runsOperations = (temporary: string) => {
  try {
    return readFileSync(join(temporary, 'store', 'latest', 'history.jsonl'), 'utf8').split('\n').length > 50
  } catch {
    return false
  }
}

t.test('Ctrl-C: exit 130, no process and no file is left', { skip: needsProc }, async (t) => {
  const temporary = t.testdir()
  const { child, output, ended } = startRun(temporary, 60)
  await until('operations are done', () => runsOperations(temporary))
  t.ok(processesOf(temporary).length >= 3, 'members run')
  child.kill('SIGINT')
  t.equal(await ended, 130, output())
  t.same(processesOf(temporary), [])
  t.same(filesOf(temporary), [])
})

t.test('kill -9: the history is kept; the next run clears away the rest', { skip: needsProc }, async (t) => {
  const temporary = t.testdir()
  const first = startRun(temporary, 60)
  await until('operations are done', () => runsOperations(temporary))
  const history = join(temporary, 'store', 'latest', 'history.jsonl')
  first.child.kill('SIGKILL')
  await first.ended
  t.ok(readFileSync(history, 'utf8').split('\n').slice(0, -1).every((line) => JSON.parse(line) !== null), 'every line is whole')
  t.not(filesOf(temporary).length, 0, 'what was killed could not tidy up')
  const second = startRun(temporary, 1)
  t.ok([0, 2].includes(await second.ended ?? -1), second.output())
  await until('no process is left', () => processesOf(temporary).length === 0)
  t.same(filesOf(temporary), [])
})
