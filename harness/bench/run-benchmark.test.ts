import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import t, { type Test } from 'tap'
import { readBenchRecord } from '../../results/bench/bench-record.ts'
import { addBenchCommand, type BenchFlags } from '../cli/bench-command.ts'
import type { TestCommandPorts } from '../cli/test-command.ts'
import { number } from '../plan/flag-values.ts'
import { UsageError } from '../plan/usage-error.ts'
import type { Stop } from '../runner/stop.ts'
import type { MemberRequest } from '../systems/system.ts'
import { fakeEnvironment, type FakeFaults, type FakeProbe } from '../testing/fake-environment.ts'
import type { BenchContext, Benchmark } from './benchmark.ts'
import { busyNotes, runBenchmark } from './run-benchmark.ts'
import { systemVersion } from './system-version.ts'

/** `splitbrain bench writes ARGS` with a benchmark of the test's own, on clusters in memory. */
async function bench(t: Test, args: readonly string[], measure: (context: BenchContext) => Promise<void>, options: { faults?: FakeFaults, benchmark?: Partial<Benchmark>, docker?: boolean } = {}) {
  const lines: string[] = []
  const errors: string[] = []
  const fakes: FakeProbe[] = []
  const configs: unknown[] = []
  const directory = t.testdir()
  let interrupt: Stop | undefined
  const ports = {
    io: { print: (line: string) => lines.push(line), error: (line: string) => errors.push(line) },
    workingDirectory: directory,
    host: {
      dockerAvailability: async () => options.docker === true ? { available: true } : { available: false, reason: 'no engine in tests' },
      reapDeadRuns: async () => {},
      async createEnvironment(_kind: unknown, given: Parameters<typeof fakeEnvironment>[0] & { memberConfig: unknown }) {
        configs.push(given.memberConfig)
        fakes.push(fakeEnvironment(given, options.faults))
        return fakes.at(-1)!.environment
      },
    },
    listenForSignals: (stop: Stop) => {
      interrupt = stop
      return { [Symbol.dispose]() {} }
    },
  } as unknown as TestCommandPorts
  const benchmark: Benchmark = {
    name: 'writes', about: 'of a test', environments: ['simulated'],
    addOptions: (command) => { command.option('--rounds <n>', '', number, 3) },
    measure, ...options.benchmark,
  }
  let exitCode: number | UsageError = -1
  const program = new Command().exitOverride()
  addBenchCommand(program, async (_, flags: BenchFlags & Readonly<Record<string, unknown>>, rerun) => {
    exitCode = await runBenchmark(benchmark, flags, rerun, ports).catch((error: unknown) => error as UsageError)
  }, [benchmark])
  const running = program.parseAsync(['bench', 'writes', ...args], { from: 'user' })
  return {
    stop: (signal: string) => interrupt!.stop(signal),
    ended: async () => {
      await running
      const latest = join(directory, 'results', 'store', 'bench', 'latest')
      return { exitCode, lines, errors, fakes, configs, directory, latest, said: [...lines, ...errors].join('\n'), read: (name: string) => readFileSync(join(latest, name), 'utf8') }
    },
  }
}

const two = async ({ measured, memberCounts, startCluster, note }: BenchContext) => {
  for (const members of memberCounts) {
    await using cluster = await startCluster(members)
    measured({ case: { members, at: 'leader' }, metric: 'throughput', unit: '/s', better: 'higher', samples: [cluster.members.length * 100, 5, 7] })
  }
  note('a "note", with <marks>')
}

t.test('what was measured: a table, and files that can be read again; no cluster is left', async (t) => {
  const run = await (await bench(t, ['--members', '3,5', '--seed', '7', '--rounds', '2', '--member-config', '{"a":{"b":1}}'], two)).ended()
  t.equal(run.exitCode, 0, run.said)
  const record = readBenchRecord(join(run.latest, 'bench.json'))
  t.equal(record.notes.at(-1), 'a "note", with <marks>')
  t.match(record, { bench: 'writes', env: 'simulated', system: 'registry', machine: { cores: Number } })
  t.same(record.measurements.map(({ samples }) => samples), [[300, 5, 7], [500, 5, 7]])
  t.equal(record.rerun, `npx splitbrain bench writes --env simulated --members 3,5 --member-config '{"a":{"b":1}}' --rounds 2 --seed 7`)
  t.same(run.configs, [{ a: { b: 1 } }, { a: { b: 1 } }])
  t.match(run.said, /everywhere: at leader\n\nthroughput, \/s \(higher is better\)\n +members +median +min +max +n\n +3 +7\.00 +5\.00 +300 +3\n/)
  t.equal(run.read('bench.csv').split('\r\n')[4], `writes,simulated,registry,${record.startedAt},5,leader,throughput,/s,higher,1,500`)
  t.match(run.read('bench.html'), /a &quot;note&quot;, with &lt;marks&gt;/)
  t.same(run.fakes.map(({ disposed }) => disposed), [1, 1])
  t.match(readlinkSync(run.latest), /^\d{8}T\d{6}/)
  t.notOk(existsSync(join(run.directory, 'results', 'store', 'latest')), 'the newest run is not a benchmark')
})

t.test('--json prints the record and nothing else', async (t) => {
  const run = await (await bench(t, ['--json', '--seed', '7'], two)).ended()
  t.match(JSON.parse(run.lines.join('\n')), { bench: 'writes', measurements: [{ metric: 'throughput' }] })
  t.equal(run.exitCode, 0)
})

t.test('Ctrl-C: what was measured is written, clusters that nobody ended are, exit 130', async (t) => {
  let reached = () => {}
  const waiting = new Promise<void>((resolve) => { reached = resolve })
  const run = await bench(t, [], async (context) => {
    await context.startCluster(3)
    context.measured({ case: { members: 3 }, metric: 'throughput', unit: '/s', better: 'higher', samples: [1] })
    reached()
    await context.orStopped(new Promise(() => {}))
  })
  await waiting
  run.stop('SIGINT')
  const { exitCode, fakes, latest, said } = await run.ended()
  t.equal(exitCode, 130, said)
  t.same(fakes.map(({ disposed }) => disposed), [1])
  t.equal(readBenchRecord(join(latest, 'bench.json')).measurements.length, 1)
})

t.test('a benchmark that fails: its sentence, 255, what was measured before is kept', async (t) => {
  const run = await (await bench(t, [], async (context) => {
    await two(context)
    await context.startCluster(3)
    throw new Error('the leader is gone')
  })).ended()
  t.equal(run.exitCode, 255)
  t.match(run.said, /the benchmark failed: the leader is gone/)
  t.ok(existsSync(join(run.latest, 'bench.html')))
  t.same(run.fakes.map(({ disposed }) => disposed), [1, 1])
  const none = await (await bench(t, [], async (context) => { await context.startCluster(3) }, { faults: { neverServes: true } })).ended()
  t.equal(none.exitCode, 255)
  t.match(none.said, /did not begin to serve within 60 s; pending: n1: knows no leader/)
  t.notOk(existsSync(none.latest), 'nothing measured, nothing written')
  t.same(none.fakes.map(({ disposed }) => disposed), [1])
})

t.test('what cannot be done as asked is refused with a sentence', async (t) => {
  const cases: [string[], Parameters<typeof bench>[3], RegExp][] = [
    [['--members', '12'], {}, /--members 12: a cluster has 1 to 9 members/],
    [['--seed', '-1'], {}, /--seed -1: give a whole number/],
    [['--member-config', '[]'], {}, /--member-config must be a JSON object/],
    [['--system', 'consul'], {}, /cannot measure consul: that runs in containers only/],
    [['--system', 'etcd', '--env', 'local'], { benchmark: { environments: ['docker', 'local'] } }, /bench writes of etcd is measured in docker: use --env docker/],
    [['--system', 'etcd'], { benchmark: { environments: ['docker', 'local'] } }, /of etcd needs Docker, which cannot be used: no engine in tests/],
  ]
  for (const [args, options, expected] of cases) {
    const run = await (await bench(t, args, two, options)).ended()
    t.ok((run.exitCode as unknown) instanceof UsageError, args.join(' '))
    t.match((run.exitCode as unknown as Error).message, expected)
  }
})

t.test('auto: the best that works here', async (t) => {
  const environments = ['docker', 'local'] as const
  const record = async (options: Parameters<typeof bench>[3]) => JSON.parse((await (await bench(t, ['--json'], two, options)).ended()).lines.join('\n'))
  t.equal((await record({ benchmark: { environments }, docker: true })).env, 'docker')
  t.equal((await record({ benchmark: { environments } })).env, 'local')
  t.equal((await record({ benchmark: { environments: ['docker', 'simulated'] } })).env, 'simulated')
})

t.test('a machine that is busy before it begins is a note', async (t) => {
  const machine = { cpu: '', cores: 4, memoryMiB: 1, kernel: '' }
  t.same(busyNotes({ ...machine, load: [2, 9, 9] }), [])
  t.same(busyNotes({ ...machine, load: [2.01, 0, 0] }), ['The machine was busy before it began: load 2.01 on 4 cores.'])
})

t.test('members are asked what they are', async (t) => {
  const answers = (of: Record<string, unknown>): MemberRequest => async ({ target }) =>
    target in of ? { kind: 'response', status: 200, headers: {}, body: Buffer.from(JSON.stringify(of[target])) } : { kind: 'lost', error: 'no answer' }
  t.equal(await systemVersion('consul', answers({ '/v1/agent/self': { Config: { Version: '1.8.7' } } })), '1.8.7')
  t.equal(await systemVersion('etcd', answers({ '/version': { etcdserver: '3.3.25', etcdcluster: '3.3.0' } })), '3.3.25')
  t.same(await Promise.all([systemVersion('consul', answers({})), systemVersion('etcd', answers({ '/version': 7 })), systemVersion('registry', answers({}))]), [null, null, null])
})
