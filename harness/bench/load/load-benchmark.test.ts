import { Command } from 'commander'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import type { Measurement } from '../../../results/bench/bench-record.ts'
import type { Environment } from '../../environments/environment.ts'
import { httpRequester } from '../../environments/http.ts'
import { realClock } from '../../environments/real-clock.ts'
import type { SystemName } from '../../plan/plan.ts'
import type { BenchContext } from '../benchmark.ts'
import { alternate, loadCases } from './load-cases.ts'
import { estimateS, measureLoad } from './load-benchmark.ts'
import { addLoadOptions, readLoadOptions } from './load-flags.ts'
import { describeFailures, generatorIsLimit, usageSamples } from './load-metrics.ts'

/** Members that hold keys and no promise; n2 leads; values above a size are refused. */
async function fakeCluster(t: Test, memberCount: number, valueBytesMax: number, asked: string[]): Promise<Environment> {
  const keys = new Map<string, string>()
  const members = Array.from({ length: memberCount }, (_, i) => `n${i + 1}`)
  const urls = new Map<string, string>()
  const usageMs = new Map<string, number>()
  for (const member of members) {
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => { body += chunk }).on('end', () => {
        if (request.url === '/v1/agent/self') return response.end(JSON.stringify({ Stats: { raft: { state: member === 'n2' ? 'Leader' : 'Follower', term: '3' } } }))
        asked.push(`${member} ${request.method} ${request.url}`)
        const [key] = request.url!.split('?')
        const status = request.method === 'GET' ? keys.has(key!) ? 200 : 404 : body.length > valueBytesMax ? 413 : 200
        if (request.method === 'PUT') keys.set(key!, body)
        return response.writeHead(status).end('true')
      })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    urls.set(member, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    t.teardown(() => new Promise((resolve) => { server.close(resolve); server.closeAllConnections() }))
  }
  const requester = httpRequester((member) => urls.get(member)!)
  return {
    kind: 'local', members, clock: realClock(),
    start: async () => {},
    request: (member, request, timeoutMs) => requester.request(member, request, timeoutMs),
    httpAddress: (member) => urls.get(member)!,
    async memberUsage(member) {
      usageMs.set(member, (usageMs.get(member) ?? 0) + 100 * Number(member.slice(1)))
      return { cpuMs: usageMs.get(member)!, residentBytes: 50 * 1024 ** 2 }
    },
    collect: async () => {},
    run: (main) => main(),
    [Symbol.asyncDispose]: () => requester.close(),
  }
}

async function measure(t: Test, kind: 'read' | 'write', args: readonly string[], { members = [3], valueBytesMax = Infinity, system = 'registry' as SystemName, stopAfter = Infinity } = {}) {
  const command = new Command()
  addLoadOptions(command, kind)
  const measurements: Measurement[] = []
  const [notes, said, asked, order]: [string[], string[], string[], number[]] = [[], [], [], []]
  const context: BenchContext = {
    env: 'local', system, memberCounts: members, seed: 7, memberConfig: {}, flags: command.parse(args, { from: 'user' }).opts(),
    startCluster: (memberCount, options) => {
      order.push(memberCount)
      t.match(options, { memberConfig: { limits: { http_max_conns_per_client: 0 } } })
      return fakeCluster(t, memberCount, valueBytesMax, asked)
    },
    throwIfStopped: () => { if (order.length >= stopAfter) throw new Error('stopped') },
    orStopped: (task) => task,
    measured: (measurement) => { measurements.push(measurement) },
    note: (line) => { notes.push(line) },
    say: (line) => { said.push(line) },
  }
  const ended = await measureLoad(context, kind).then(() => null, (error: unknown) => (error as Error).message)
  const of = (metric: string, where: Measurement['case']) => measurements.find((one) => one.metric === metric && Object.entries(where).every(([key, value]) => one.case[key] === value))?.samples
  return { measurements, notes, said, asked, order, ended, of }
}

const short = ['--seconds', '0.4', '--warm-up', '0.1', '--keys', '3']

t.test('writes: every case in every round, spread over all; what each member used', async (t) => {
  const run = await measure(t, 'write', [...short, '--rounds', '2', '--connections', '4', '--value-bytes', '16', '--at', 'spread', '--load', '50'], { members: [3, 4] })
  t.equal(run.ended, null)
  t.same(run.order, [3, 4, 4, 3], 'clusters in alternation')
  t.match(run.said[0], /^1 case on clusters of 3, 4, 2 rounds in alternation, 0\.4 s a run: about 28 s$/)
  for (const members of [3, 4]) {
    const where = { members, at: 'spread', connections: 4, valueBytes: 16 }
    for (const metric of ['throughput', 'latency p50 at 50 % load', 'latency p99.9 at 50 % load', 'latency p99 at 50 % load, uncorrected', 'rate at 50 % load', 'memory of the leader', 'cpu of follower 2', 'cpu of the load generator']) {
      t.equal(run.of(metric, where)?.length, 2, `${metric} ${JSON.stringify(where)}`)
    }
    const throughput = run.of('throughput', where)!
    t.same(run.of('rate at 50 % load', where)!.map((rate, round) => Math.abs(rate / throughput[round]! - 0.5) < 1e-4), [true, true], 'half of what was measured in the same round')
    t.equal(run.of('cpu of follower 3 per 1,000 operations', where)?.length, members === 4 ? 2 : undefined)
  }
  t.same(run.notes, [])
  const writers = run.asked.filter((line) => line.includes('PUT'))
  t.ok(['n1', 'n2', 'n3', 'n4'].every((member) => writers.some((line) => line.startsWith(member))), 'spread over all')
})

t.test('reads: each consistency mode, of values that are there', async (t) => {
  const run = await measure(t, 'read', [...short, '--rounds', '1', '--connections', '2', '--value-bytes', '64', '--at', 'leader', '--rate', '100'])
  t.equal(run.ended, null)
  t.same(run.notes, [], 'no key was absent')
  for (const consistency of ['default', 'consistent', 'stale']) {
    t.equal(run.of('latency p99 at 100/s', { consistency })?.length, 1, consistency)
  }
  t.same([...new Set(run.asked.filter((line) => line.includes('GET')).map((line) => line.replace(/\d+\/\d+/, 'K')))].sort(), ['n2 GET /v1/kv/splitbrain-bench/K', 'n2 GET /v1/kv/splitbrain-bench/K?consistent', 'n2 GET /v1/kv/splitbrain-bench/K?stale'])
})

t.test('a case in which all failed is no measurement, and is a note; the others are measured', async (t) => {
  const run = await measure(t, 'write', [...short, '--rounds', '2', '--connections', '1', '--value-bytes', '16,64', '--at', 'leader,spread'], { valueBytesMax: 20, stopAfter: 1 })
  t.equal(run.ended, 'stopped', 'before the second round')
  t.equal(run.of('throughput', { valueBytes: 64 }), undefined)
  for (const at of ['leader', 'spread']) {
    t.ok(run.notes.some((note) => new RegExp(`^members 3, connections 1, valueBytes 64, at ${at}: round 1: of \\d+ requests \\d+ were answered with another status than 2xx; so there is no measurement\\.$`).test(note)), run.notes.join('\n'))
    t.equal(run.of('throughput', { valueBytes: 16, at })?.length, 1, 'the round that was done is told')
  }
  t.ok(run.asked.some((line) => line.startsWith('n1 PUT')) && run.asked.some((line) => line.startsWith('n2 PUT')), 'one connection that is spread is at a follower')
  const reads = await measure(t, 'read', [...short, '--value-bytes', '64'], { valueBytesMax: 20 })
  t.match(reads.ended, /A value could not be written at n2 before the reads: status 413/)
})

t.test('failures in words; usage by role', async (t) => {
  const outcome = { ok: 7, non2xx: 2, errors: 1, seconds: 1, cpuMs: 500, latency: null }
  t.equal(describeFailures(outcome), 'of 10 requests 2 were answered with another status than 2xx, 1 broke off or were not answered in time')
  t.equal(describeFailures({ ...outcome, non2xx: 0, errors: 0 }), null)
  t.equal(describeFailures({ ...outcome, ok: 0, non2xx: 0, errors: 0 }), 'nothing was answered')
  t.same([450, 899, 901].map((cpuMs) => generatorIsLimit({ ...outcome, cpuMs })), [false, false, true])
  const usage = (cpuMs: number) => ({ cpuMs, residentBytes: 2 * 1024 ** 2 })
  const spans = ['n1', 'n2', 'n3'].map((member, at) => ({ member, before: usage(1000), after: usage(1000 + 100 * (at + 1)) }))
  t.match(Object.fromEntries(usageSamples(spans, 'n2', 0.5, { ...outcome, ok: 1000 }).map(({ metric, value }) => [metric, value])), {
    'cpu of the leader': 40, 'cpu of follower 1': 20, 'cpu of follower 2': 60, 'cpu of the leader per 1,000 operations': 200, 'memory of follower 2': 2, 'cpu of the load generator': 50,
  })
})

t.test('alternation: each case once on each cluster in each round, beginning elsewhere each time', async (t) => {
  const cases = loadCases({ connections: [1, 16], valueBytes: [16, 64, 256], at: ['leader', 'spread'], consistency: [] })
  t.equal(new Set(cases.map((one) => JSON.stringify(one))).size, 12)
  t.equal(loadCases({ connections: [1], valueBytes: [16], at: ['leader'], consistency: ['default', 'stale'] }).length, 2)
  const rounds = alternate([3, 4, 5], cases, 3, seededRandom(7))
  t.same(rounds.map((clusters) => clusters.map(({ memberCount }) => memberCount)), [[3, 4, 5], [4, 5, 3], [5, 3, 4]])
  for (const clusters of rounds) for (const { cases: ordered } of clusters) t.equal(new Set(ordered).size, 12)
  t.equal(new Set(rounds.map((clusters) => clusters[0]!.cases[0])).size, 3)
  t.same(alternate([3, 4, 5], cases, 3, seededRandom(7)), rounds)
  t.notSame(alternate([3, 4, 5], cases, 3, seededRandom(8)), rounds)
})

t.test('options: defaults, --quick, and what is refused', async (t) => {
  const read = (kind: 'read' | 'write', args: string[], system: SystemName = 'registry') => {
    const command = new Command().exitOverride().configureOutput({ writeErr: () => {} })
    addLoadOptions(command, kind)
    return readLoadOptions(command.parse(args, { from: 'user' }).opts(), kind, system)
  }
  t.match(read('write', []).options, { dimensions: { connections: [1, 16, 64, 256], valueBytes: [16, 1024, 65_536], at: ['leader', 'spread'], consistency: [] }, paces: [{ kind: 'share', percent: 50 }] })
  t.match(read('read', ['--quick', '--connections', '3']).options, { rounds: 2, seconds: 1, dimensions: { connections: [3], valueBytes: [16, 65_536], consistency: ['default', 'consistent', 'stale'] } })
  t.match(read('read', [], 'etcd'), { leftOut: [/default reads were left out: etcd tells only consistent and stale reads apart/], options: { dimensions: { consistency: ['consistent', 'stale'] } } })
  t.ok(estimateS({ memberCounts: [3], env: 'docker' }, 24, read('write', []).options) < 15 * 60, 'the default ends within a quarter of an hour')
  const refused: [string[], RegExp, SystemName?][] = [
    [['--connections', '2000'], /--connections 2000: at most 1024/],
    [['--value-bytes', '600000'], /--value-bytes 600000: at most 524288/],
    [['--load', '50', '--rate', '10'], /--load and --rate exclude each other/],
    [['--load', '120'], /--load 120: at most 100/],
    [['--rounds', '1.5'], /--rounds 1\.5: give a whole number/],
    [['--seconds', '0'], /--seconds 0: give a number above zero/],
    [['--consistency', 'default'], /--consistency default: etcd tells only consistent and stale/, 'etcd'],
    [['--at', 'follower'], /There is no "follower"; there are leader, spread/],
    [['--connections', '1,1'], /names a number twice/],
    [['--connections', '0'], /whole numbers above zero/],
  ]
  for (const [args, expected, system] of refused) t.throws(() => read('read', args, system), expected, args.join(' '))
})
