import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import t from 'tap'
import type { SignalSource } from '../../harness/cli/signals.ts'
import { realHost } from '../../harness/runner/host.ts'
import { planOwner } from '../../harness/runner/run-owner.ts'
import { commandLine, type CommandLine } from '../../harness/testing/command-line.ts'
import { runExport } from './export-run.ts'

const plan = {
  env: 'simulated', system: 'registry', members: 3, workload: 'register', nemesis: [], timeLimitS: 1, consistency: 'consistent',
  checkTimeLimitS: 10, checkMemoryMiB: 256, concurrency: 2, seed: 1, mutant: null, faultScript: null, firewall: null, nemesisAll: false,
  partitionTargets: [], memberTargets: [], traffics: ['all'], schedule: 'random', intensity: { from: 1, to: 1 }, faultsAtOnce: 1, nemesisIntervalS: 1,
  rate: 10, keyCount: 1, opsPerKey: 10, operationTimeoutMs: 100, recoveryTimeoutS: 10, latencyMs: 0, powerLoss: false, memberConfig: {},
}
const event = (index: number, process: number, type: string, f: string, value: unknown, more = {}) => JSON.stringify({ index, time: index * 1000, type, process, f, key: 'k', value, ...more, node: 'n1' })
/** The last read is stale. */
const lines = [event(0, 0, 'invoke', 'write', 1), event(1, 0, 'ok', 'write', 1), event(2, 1, 'invoke', 'read', null), event(3, 1, 'ok', 'read', null, { version: 7 })]

/** A run's directory, by hand. */
function storeRun(cli: CommandLine, name: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(cli.directory, name))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(cli.directory, name, file), text)
}

const verdict = JSON.stringify({ verdict: 'invalid' })
const invalid = { 'plan.json': JSON.stringify({ ...plan, owner: planOwner(), rerun: 'x' }), 'history.jsonl': `${lines.join('\n')}\n`, 'verdict.json': verdict }

t.test('each format goes beside the run, and is judged as the run was', async (t) => {
  using cli = commandLine()
  storeRun(cli, 'r1', invalid)
  symlinkSync('r1', join(cli.directory, 'latest'))
  for (const format of ['jsonl', 'edn', 'csv', 'parquet', 'perfetto']) {
    const { exitCode, said } = await cli.run(['export', 'latest', '--to', format])
    t.equal(exitCode, 0, said)
    t.match(said, /^4 events to /)
  }
  t.same(readdirSync(cli.directory).sort(), ['latest', 'r1', 'r1.csv', 'r1.edn', 'r1.jsonl', 'r1.parquet', 'r1.perfetto.json'], 'nothing else is left')
  for (const file of ['r1.csv', 'r1.edn', 'r1.jsonl', 'r1.parquet']) {
    t.notMatch(readFileSync(join(cli.directory, file), 'latin1'), JSON.stringify(planOwner().startTime), 'whose machine it was is nobody\'s business')
    const { exitCode, said } = await cli.run(['check', file])
    t.equal(exitCode, 1, said)
    t.match(said, /verdict: invalid\n +linearizability: invalid: .*\njudged as the run of workload register|verdict: invalid\n(.*\n)*judged as the run of workload register/)
    t.equal((await cli.run(['check', file, '--model', 'register'])).exitCode, 1, 'also by a model of one\'s choice')
  }
})

t.test('--plain has events alone; --rows operations has whole ones, which check refuses', async (t) => {
  using cli = commandLine()
  storeRun(cli, 'r1', invalid)
  await cli.run(['export', 'r1', '--to', 'jsonl', '--plain', '--out', 'plain.jsonl'])
  t.equal(readFileSync(join(cli.directory, 'plain.jsonl'), 'utf8'), invalid['history.jsonl'])
  t.notMatch((await cli.run(['check', 'plain.jsonl'])).said, /judged as the run/)
  t.match((await cli.run(['check', 'plain.jsonl', '--context', 'r1'])).said, /judged as the run of workload register/)
  const refused = await cli.run(['check', 'plain.jsonl', '--model', 'lock'])
  t.equal(refused.exitCode, 254)
  t.match(refused.said, /needs the plan and the faults of the run/)
  await cli.run(['export', 'r1', '--to', 'csv', '--rows', 'operations', '--out', 'o.csv'])
  t.equal(readFileSync(join(cli.directory, 'o.csv'), 'utf8'), [
    'index,process,node,f,key,outcome,start_ns,end_ns,duration_ns,input,output,version,consistency,error,end_index',
    '0,0,n1,write,k,ok,0,1000,1000,1,1,,,,1', '2,1,n1,read,k,ok,2000,3000,1000,,,7,,,3', '',
  ].join('\r\n'))
  await cli.run(['export', 'r1', '--to', 'parquet', '--rows', 'operations', '--out', 'o.parquet'])
  for (const file of ['o.csv', 'o.parquet']) {
    const { exitCode, said } = await cli.run(['check', file])
    t.equal(exitCode, 254)
    t.match(said, /these are whole operations.*export with --rows events/)
  }
})

t.test('what cannot be exported is said in a sentence', async (t) => {
  using cli = commandLine()
  storeRun(cli, 'r1', invalid)
  storeRun(cli, 'going', { 'plan.json': invalid['plan.json'], 'history.jsonl': invalid['history.jsonl'] })
  storeRun(cli, 'empty', { 'plan.json': JSON.stringify(plan), 'verdict.json': verdict })
  storeRun(cli, 'broken', { ...invalid, 'history.jsonl': `${lines[0]}\nnonsense\n${lines[1]}\n` })
  storeRun(cli, 'foreign', { ...invalid, 'plan.json': JSON.stringify({ ...plan, workload: 'queue' }) })
  writeFileSync(join(cli.directory, 'there.edn'), 'mine')
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['nowhere', '--to', 'csv'], /nowhere is no run's directory: there is no plan\.json in it/],
    [['going', '--to', 'csv'], /going is still going: wait until it has ended/],
    [['empty', '--to', 'csv'], /empty has no history\.jsonl: the run came to no operation/],
    [['broken', '--to', 'csv'], /history\.jsonl: line 2: not JSON/],
    [['foreign', '--to', 'csv'], /a run of workload queue, which is unknown here/],
    [['r1', '--to', 'xml'], /'xml' is invalid. Allowed choices are jsonl, edn, csv, parquet, perfetto/],
    [['r1'], /required option '--to <format>' not specified/],
    [['r1', '--to', 'edn', '--rows', 'operations'], /--rows operations is for csv and parquet: edn is a list of events/],
    [['r1', '--to', 'parquet', '--out', '-'], /Parquet is no text/],
    [['r1', '--to', 'edn', '--out', 'there.edn'], /there\.edn is there already: give --force/],
    [['r1', '--to', 'edn', '--out', 'no/folder.edn'], /no\/folder\.edn cannot be written/],
  ]
  for (const [args, message] of cases) {
    const { exitCode, said } = await cli.run(['export', ...args])
    t.equal(exitCode, 254, said)
    t.match(said, message)
  }
  t.same(readdirSync(cli.directory).sort(), ['broken', 'empty', 'foreign', 'going', 'r1', 'there.edn'], 'and leaves nothing')
  t.equal((await cli.run(['export', 'r1', '--to', 'edn', '--out', 'there.edn', '--force'])).exitCode, 0)
  t.match(readFileSync(join(cli.directory, 'there.edn'), 'utf8'), '{:type :invoke, :f :read, :value ["k" nil], :process 1, :time 2000, :index 2, :key "k", :node "n1"}\n')
})

t.test('a run that was killed: its torn last line is left out, with a note', async (t) => {
  using cli = commandLine()
  const dead = { ...planOwner(), startTime: 'long ago' }
  storeRun(cli, 'r1', { 'plan.json': JSON.stringify({ ...plan, owner: dead }), 'history.jsonl': lines.join('\n').slice(0, -9) })
  const { exitCode, lines: printed, errors } = await cli.run(['export', 'r1', '--to', 'csv'])
  t.equal(exitCode, 0)
  t.match(printed, [/^3 events/])
  t.match(errors, [/line 4 is torn and left out: the run that wrote it was killed/])
})

t.test('standard output; a reader who has enough is no failure; Ctrl-C leaves nothing', async (t) => {
  using cli = commandLine()
  storeRun(cli, 'r1', { ...invalid, 'history.jsonl': `${lines.join('\n')}\n`.repeat(5000).replaceAll(/"index":\d+/g, '"index":0') })
  const ports = { io: { print: (line: string) => t.fail(line), error: (line: string) => t.fail(line) }, workingDirectory: cli.directory, host: realHost, listenForSignals: () => ({ [Symbol.dispose]() {} }) }
  let written = 0
  const all = new Writable({ write(piece: Buffer, _encoding, done) { written += piece.length; done() } })
  t.equal(await runExport('r1', { to: 'jsonl', out: '-', plain: true }, ports, all), 0)
  t.equal(written, readFileSync(join(cli.directory, 'r1/history.jsonl')).length)
  let pieces = 0
  const head = new Writable({ write(_piece, _encoding, done) { done(pieces++ > 0 ? Object.assign(new Error('closed'), { code: 'EPIPE' }) : null) } })
  t.equal(await runExport('r1', { to: 'jsonl', out: '-', plain: true }, ports, head), 0)

  for (const args of [['export', 'r1', '--to', 'csv'], ['bundle', 'r1']]) {
    // As soon as it listens.
    const signals: SignalSource = { on: (signal, listener) => { if (signal === 'SIGINT') setImmediate(listener) }, off() {}, exit() {} }
    const { exitCode } = await cli.run(args, signals)
    t.equal(exitCode, 130)
    t.same(readdirSync(cli.directory), ['r1'])
  }
})

for (const workload of ['lock', 'watch']) {
  t.test(`a simulated run of ${workload}: every format carries what its judges need`, async (t) => {
    using cli = commandLine()
    const ran = await cli.run(['test', '--env', 'simulated', '--workload', workload, '--nemesis', 'partition', '--time-limit', '5', '--interval', '1', '--seed', '3', '--store', 'store', '--no-progress'])
    const { results } = JSON.parse(readFileSync(join(cli.directory, 'store/latest/verdict.json'), 'utf8')) as { results: { checker: string, verdict: string, summary: string }[] }
    const own = ['locks', 'sessions', 'watches', 'watched-keys', 'wakes']
    const judged = results.filter(({ checker }) => own.includes(checker) || checker.startsWith(workload)).map(({ checker, verdict, summary }) => ({ checker, verdict, summary }))
    t.ok(judged.length > 0, ran.said)
    for (const format of ['jsonl', 'edn', 'csv', 'parquet']) {
      t.equal((await cli.run(['export', 'store/latest', '--to', format, '--out', `x.${format}`])).exitCode, 0)
      const { lines } = await cli.run(['check', `x.${format}`, '--json'])
      const again = (JSON.parse(lines.join('\n')) as { results: { checker: string, verdict: string, summary: string }[] }).results
      t.match(again, judged, format)
    }
    // The trace tells of members what it tells of a run by hand, which has none.
    await cli.run(['export', 'store/latest', '--to', 'perfetto', '--out', 'x.json'])
    const trace = JSON.parse(readFileSync(join(cli.directory, 'x.json'), 'utf8')) as { traceEvents: { cat?: string, name: string }[] }
    t.ok(trace.traceEvents.some(({ cat, name }) => cat === 'role,leader' && /^leader, term \d+$/.test(name)))
    t.ok(trace.traceEvents.some(({ cat }) => cat === 'fault') && trace.traceEvents.some(({ cat }) => cat === 'leader'))
  })
}
