import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { encodeFrame, FrameReader } from '../../../node/transport/frame.ts'
import type { Environment, HttpOutcome } from '../environment.ts'
import { createSimulatedEnvironment } from './simulated-environment.ts'
import { type ClusterOptions, get, json, leaderOf, put, text, until, withCluster as cluster } from './testing.ts'

const directory = mkdtempSync(join(tmpdir(), 'splitbrain-simulated-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

const withCluster = <T>(options: Omit<ClusterOptions, 'workDirectory'>, main: (environment: Environment) => Promise<T>) =>
  cluster({ ...options, workDirectory: directory }, main)

const collected = (name: string, members: readonly string[]) =>
  members.map((member) => ['raft-trace.jsonl', 'member.log'].map((file) => readFileSync(join(directory, name, member, file), 'utf8')))

/** A little of everything; returns what a client saw and when. */
async function story(environment: Environment): Promise<string[]> {
  const seen: string[] = []
  const note = async (what: string, outcome: Promise<HttpOutcome>) => { seen.push(`${what}: ${text(await outcome)} at ${environment.clock.nowNs()}`) }
  for (let n = 0; n < 30; n++) {
    const member = environment.members[n % environment.members.length]!
    await Promise.all([note(`put ${n}`, put(environment, member, `k${n % 3}`, String(n), 900)), note('get', get(environment, member, `k${n % 2}`))])
    if (n === 5) {
      const leader = await until(environment, () => leaderOf(environment))
      const cut = await environment.cutLinks!.cut(environment.members.filter((other) => other !== leader).flatMap((other) => [{ from: leader, to: other }, { from: other, to: leader }]))
      await Promise.all(environment.members.map((other) => note(`put at ${other}`, put(environment, other, 'cut', other, 3000))))
      await cut.heal()
    }
    if (n === 15) {
      await environment.kill!.kill('n2')
      await environment.clock.sleep(700)
      await environment.kill!.restart('n2')
    }
  }
  return seen
}

t.test('the same seed gives the same story and the same traces and logs; another seed another', async (t) => {
  const runs = []
  for (const [name, seed] of [['one', 11], ['same', 11], ['other', 12]] as const) {
    runs.push(await withCluster({ seed }, async (environment) => {
      const seen = await story(environment)
      await environment.collect(join(directory, name))
      return { seen, files: collected(name, environment.members) }
    }))
  }
  t.same(runs[0], runs[1])
  t.notSame(runs[0], runs[2])
  for (const [trace, log] of runs[0]!.files) t.ok(trace!.length > 500 && log!.length > 100, 'there is something to compare')
})

t.test('messages mean the same after the real codec', async (t) => {
  // Only what msgpack changes in the objects could make a difference: the draws are the same.
  const codec = (message: unknown) => new FrameReader(2 ** 30).read(encodeFrame([message]))[0]
  const plain = await withCluster({ seed: 4 }, story)
  const coded = await withCluster({ seed: 4, codec }, story)
  t.same(coded, plain)
})

t.test('a member that is cut off refuses in bounded time, and serves again after the healing', async (t) => {
  await withCluster({ memberConfig: { performance: { rpc_hold_timeout: '2s' } } }, async (environment) => {
    t.equal(text(await put(environment, 'n1', 'k', 'before')), '200 true')
    const cut = await environment.cutLinks!.cut([{ from: 'n1', to: 'n2' }, { from: 'n1', to: 'n3' }, { from: 'n2', to: 'n1' }, { from: 'n3', to: 'n1' }])
    await environment.clock.sleep(3000)
    t.match(text(await put(environment, 'n1', 'k', 'cut off')), /^500 /)
    t.equal(text(await put(environment, 'n2', 'k', 'majority')), '200 true')
    await cut.heal()
    await until(environment, async () => text(await get(environment, 'n1', 'k')) === '200 majority' ? true : null)
  })
})

t.test('what was acknowledged survives the power of all machines; a dead member refuses', async (t) => {
  for (let seed = 0; seed < 10; seed++) {
    await withCluster({ seed }, async (environment) => {
      for (let n = 0; n < 20; n++) t.equal(text(await put(environment, 'n1', `k${n}`, String(n))), '200 true')
      const open = put(environment, 'n2', 'open', 'x')
      await environment.clock.sleep(0.6)
      await Promise.all(environment.members.map((member) => environment.kill!.kill(member)))
      const end = await open
      t.ok(end.kind === 'lost' || end.kind === 'not-sent' || end.kind === 'response', text(end))
      t.equal(text(await put(environment, 'n1', 'k', 'dead')), 'not-sent ECONNREFUSED')
      await Promise.all(environment.members.map((member) => environment.kill!.restart(member)))
      for (let n = 0; n < 20; n++) t.equal(text(await get(environment, 'n3', `k${n}`)), `200 ${n}`)
    })
  }
})

t.test('latency between members is felt by a write, not by a client at the leader who only asks', async (t) => {
  await withCluster({ latencyMs: 40 }, async (environment) => {
    const leader = (await leaderOf(environment))!
    const took = async (task: Promise<HttpOutcome>) => {
      const startedNs = environment.clock.nowNs()
      t.match(text(await task), /^200/)
      return (environment.clock.nowNs() - startedNs) / 1e6
    }
    t.ok(await took(put(environment, leader, 'k', '1')) >= 80)
    t.ok(await took(environment.request(leader, { method: 'GET', target: '/v1/kv/k?raw&stale' }, 1000)) < 40)
  })
})

t.test('a member that is dead for long stays in the cluster, unless the plan wants dead servers removed', async (t) => {
  // A cluster of three that loses one to autopilot cannot spare another: then a single fault more is one too many.
  for (const [memberConfig, staysIn] of [[{}, true], [{ autopilot: { cleanup_dead_servers: true } }, false]] as const) {
    await withCluster({ memberConfig }, async (environment) => {
      await environment.kill!.kill('n3')
      await environment.clock.sleep(60_000)
      const { Servers } = await json(environment, 'n1', '/v1/operator/raft/configuration') as { Servers: { Node: string }[] }
      t.same(Servers.map(({ Node }) => Node).sort(), staysIn ? ['n1', 'n2', 'n3'] : ['n1', 'n2'])
    })
  }
})

t.test('what cannot work is an error with a sentence', async (t) => {
  const base = { runId: 'test', memberCount: 3, random: seededRandom(1), workDirectory: directory, memberConfig: {}, latencyMs: 0, powerLoss: false, say: () => {} }
  await t.rejects(createSimulatedEnvironment({ ...base, edits: [{ file: 'node/raft/log.ts', find: 'x', replace: 'y' }] }), /process of its own/)
  await t.rejects(createSimulatedEnvironment({ ...base, edits: [], memberConfig: { raft: { append_entries_max: 0 } } }), /append_entries_max/)
  await withCluster({}, async (environment) => {
    await t.rejects(environment.kill!.restart('n1'), /runs already/)
    await t.rejects(async () => environment.request('n9', { method: 'GET', target: '/' }, 1), /There is no member n9/)
  })
})
