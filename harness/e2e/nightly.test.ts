import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { readNightRecord, type NightRecord } from '../../results/nights/night-record.ts'
import { runCli } from '../cli/run-cli.ts'
import { realHost } from '../runner/host.ts'
import { startCli } from './cli-process.ts'

/** A night as a user starts it: what it finds, what it leaves, and how it ends. */
t.setTimeout(300_000)
const directory = mkdtempSync(join(tmpdir(), 'splitbrain-nightly-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const small = ['nightly', '--env', 'simulated', '--workloads', 'register', '--nemeses', 'partition', '--config', 'none', '--webhook', '']

async function splitbrain(...args: readonly string[]) {
  using cli = startCli(args)
  const exitCode = await cli.exit(250_000)
  return { exitCode, output: cli.output() }
}

/** For what is refused before any process is started. */
async function inThisProcess(...args: readonly string[]) {
  const lines: string[] = []
  const say = (line: string) => void lines.push(line)
  const never = () => { throw new Error('nothing was to be run') }
  const exitCode = await runCli(args, { io: { print: say, error: say }, workingDirectory: directory, host: realHost, showProgress: never, listenForSignals: never })
  return { exitCode, output: lines.join('\n') }
}

function recordOf(store: string): { readonly record: NightRecord, readonly directory: string } {
  const night = join(store, 'nights', readdirSync(join(store, 'nights'), { withFileTypes: true }).find((entry) => entry.isDirectory())!.name)
  return { record: readNightRecord(join(night, 'night.json')), directory: night }
}

/** The process that does runs for this one, or for one below it. */
async function runnerBelow(pid: number): Promise<number> {
  const endMs = performance.now() + 60_000
  const childrenOf = (parent: number): number[] => {
    const own = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statusOf(name, 'stat').split(') ')[1]?.split(' ')[1] === String(parent)).map(Number)
    return [...own, ...own.flatMap(childrenOf)]
  }
  for (;;) {
    const found = childrenOf(pid).find((child) => statusOf(String(child), 'cmdline').includes('job-process'))
    if (found !== undefined) return found
    if (performance.now() > endMs) throw new Error('no process does runs')
    await sleep(50)
  }
}

/** Empty where the process is gone. */
function statusOf(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

t.test('a planted bug: found, told in every output, and replayed by the command that is printed', async (t) => {
  const store = join(directory, 'bug')
  const { exitCode, output } = await splitbrain(...small, '--budget', '30m', '--members', '1,3', '--keep', 'failures', '--nemeses', 'partition,none', '--seeds', '11,', '--time-limit', '8', '--mutant', 'stale-consistent-reads', '--store', store, '--junit', join(directory, 'out', 'j.xml'))
  t.equal(exitCode, 1, output)
  const { record, directory: night } = recordOf(store)
  t.equal(record.budgetS, 1800)
  const of = (nemesis: string, members: number) => record.runs.find((run) => run.members === members && run.nemesis.join() === nemesis)!
  t.match(of('partition', 1), { outcome: 'skipped', why: /one member alone/ })
  t.match(of('', 1), { outcome: 'valid', directory: null }, 'one member has nobody to be stale against, and what is valid was not to be kept')
  const bad = of('partition', 3)
  t.match(bad, { outcome: 'invalid', seed: 11 })
  const { runs } = record
  t.same(readdirSync(join(night, 'register')).filter((name) => name !== 'latest').length, runs.filter(({ directory }) => directory !== null).length)
  t.ok(bad.throughputPerS! > 0 && bad.answered! > 0 && bad.electionMs.length > 0, 'it was measured')
  t.ok(existsSync(join(store, bad.directory!, 'report.html')))
  for (const text of [output, ...['summary.txt', 'junit.xml', 'night.tap', '../index.html'].map((name) => readFileSync(join(night, name), 'utf8')), readFileSync(join(directory, 'out', 'j.xml'), 'utf8')]) {
    t.match(text, /cannot be linearized/)
    t.match(text, /npx splitbrain test --env simulated .*--seed 11/)
  }
  const command = /replay: npx splitbrain (test .*)$/m.exec(output)?.[1]
  const again = await splitbrain(...command!.split(' '))
  t.equal(again.exitCode, 1, again.output)
  const sentence = /what broke: (.*)$/m.exec(output)![1]!
  t.ok(again.output.includes(sentence.replace('linearizability: ', 'linearizability: invalid: ')), `the same again: ${sentence}`)
})

t.test('a process that dies, and Ctrl-C: what is on is torn down, what was done is on record, and the exit code says so', async (t) => {
  const store = join(directory, 'interrupted')
  using cli = startCli([...small, '--budget', '1d', '--members', '3', '--seeds', '3', '--time-limit', '90000', '--recovery-timeout', '10', '--jobs', '1', '--store', store])
  await cli.says(/seed \d+: begun/, 60_000)
  // A process that dies takes only its own run with it, which has failed; the next run gets a fresh one.
  const runner = await runnerBelow(cli.child.pid!)
  process.kill(runner, 'SIGKILL')
  await cli.says(/begun[^]*failed[^]*begun/, 60_000)
  await runnerBelow(cli.child.pid!)
  cli.child.kill('SIGINT')
  t.equal(await cli.exit(120_000), 130, cli.output())
  const { record } = recordOf(store)
  t.match(record.runs.map(({ outcome, why }) => `${outcome}: ${why}`), [/failed: the process that did the run ended with SIGKILL/, /skipped: torn down after .*SIGINT/, /skipped: not begun.*SIGINT/])
  t.match(record.runs[0]!.rerun, /^npx splitbrain test --env simulated /)
  t.match(cli.output(), /interrupted: what was done stands in/)
})

t.test('arguments that cannot be meant are refused before anything is done', async (t) => {
  const store = join(directory, 'refused')
  mkdirSync(store)
  const matrix = join(directory, 'matrix.json')
  writeFileSync(matrix, '{ "workloads": ["registers"] }')
  for (const [args, sentence] of [
    [['--budget', '3s', '--members', '3'], /no room for a single run/], [['--members', '1'], /No combination of the matrix can be done here:\n.*one member alone/], [['--matrix', matrix, '--members', '3'], /registers|There are/],
  ] as const) {
    const { exitCode, output } = await inThisProcess(...small.filter((word) => args.includes('--matrix' as never) ? word !== '--workloads' && word !== 'register' : true), ...args, '--store', store)
    t.equal(exitCode, 254, output)
    t.match(output, sentence)
  }
  t.same(readdirSync(store), [])
})
