/**
 * `splitbrain check RUN-DIRECTORY` comes to the results that the run came to,
 * from what lies in the directory and nothing else.
 */
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { workloads } from '../../workloads/index.ts'
import { readJson, startCli, type CliProcess } from './cli-process.ts'

const deadlineMs = 120_000

/** How long a check took is not a result. */
const comparable = (results: any[]) => results.map((result) => ({ ...result, details: { ...result.details, seconds: null } }))

async function finished(args: readonly string[]): Promise<{ readonly cli: CliProcess, readonly code: number }> {
  const cli = startCli(args)
  return { cli, code: await cli.exit(deadlineMs) }
}

const runs = [
  ...Object.keys(workloads).map((workload) => ({ what: `a run of ${workload}`, code: 0, args: ['--workload', workload, '--nemesis', 'partition,kill', '--time-limit', '12', '--interval', '2'] })),
  { what: 'an invalid run', code: 1, args: ['--mutant', 'stale-consistent-reads', '--nemesis', 'partition', '--time-limit', '30'] },
]

for (const { what, code, args } of runs) {
  t.test(`${what} is judged again as it was`, { timeout: 3 * deadlineMs }, async (t) => {
    const run = await finished(['test', '--env', 'simulated', '--seed', '1', ...args])
    using _run = run.cli
    t.equal(run.code, code, run.cli.output().slice(-2000))
    const directory = run.cli.runDirectory()!
    const verdict = readJson(directory, 'verdict.json')
    const again = await finished(['check', directory, '--json'])
    using _again = again.cli
    t.equal(again.code, run.code, again.cli.output().slice(-2000))
    const judged = JSON.parse(again.cli.output())
    t.equal(judged.verdict, verdict.verdict)
    t.same(comparable(judged.results), comparable(verdict.results))
    // Every kind of result prints alike: one valid run and the invalid one are enough.
    if (code === 0 && args[1] !== 'register') return
    const printed = await finished(['check', directory])
    using _printed = printed.cli
    const withoutTimes = (text: string) => text.replaceAll(/\d+(\.\d+)? m?s\b/g, 'T')
    const said = printed.cli.output().trimEnd().split('\n').filter((line) => !line.startsWith('report:'))
    t.ok(withoutTimes(run.cli.output()).includes(withoutTimes(said.join('\n'))), `the run printed the same: ${said.join('\n')}`)
  })
}

t.test('what is changed in the directory is seen; what a killed run had not written is unknown', { timeout: 3 * deadlineMs }, async (t) => {
  const run = await finished(['test', '--env', 'simulated', '--seed', '1', '--workload', 'append', '--nemesis', 'none', '--time-limit', '3'])
  using _run = run.cli
  t.equal(run.code, 0, run.cli.output().slice(-2000))
  const directory = run.cli.runDirectory()!
  const copy = (name: string) => {
    const path = join(run.cli.store, name)
    cpSync(directory, path, { recursive: true })
    return path
  }
  const check = async (path: string) => {
    const { cli, code } = await finished(['check', path])
    using _cli = cli
    return { code, output: cli.output() }
  }

  const killed = copy('killed')
  rmSync(join(killed, 'verdict.json'))
  appendFileSync(join(killed, 'history.jsonl'), '{"index":99')
  const unknown = await check(killed)
  t.equal(unknown.code, 2, unknown.output)
  t.match(unknown.output, /append: valid/)
  t.match(unknown.output, /recovery: unknown: the run was killed/)
  t.match(unknown.output, /torn/)

  const forged = copy('forged')
  const lines = readFileSync(join(forged, 'history.jsonl'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line))
  const read = lines.find(({ type, value }) => type === 'ok' && value.some(([f, , list]: [string, string, unknown[]]) => f === 'r' && list.length > 1))
  read.value = read.value.map(([f, key, list]: [string, string, unknown]) => [f, key, f === 'r' && Array.isArray(list) ? [...list].reverse() : list])
  writeFileSync(join(forged, 'history.jsonl'), `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)
  const invalid = await check(forged)
  t.equal(invalid.code, 1, invalid.output)
  t.match(invalid.output, /append: invalid/)

  const traceless = copy('traceless')
  rmSync(join(traceless, 'members', 'n2'), { recursive: true })
  const missing = await check(traceless)
  t.equal(missing.code, 2, missing.output)
  t.match(missing.output, /n2 left no raft-trace/)

  const nothing = await check(run.cli.store)
  t.equal(nothing.code, 254)
  t.match(nothing.output, /no plan\.json/)
})
