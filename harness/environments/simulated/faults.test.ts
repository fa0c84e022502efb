/** Each fault of the simulated environment: that it takes effect, and that it heals. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Effect, Environment } from '../environment.ts'
import { type ClusterOptions, get, gossipView, json, leaderOf, linksOf, put, text, until, withCluster as cluster } from './testing.ts'

const directory = mkdtempSync(join(tmpdir(), 'splitbrain-simulated-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

const withCluster = <T>(options: Omit<ClusterOptions, 'workDirectory'>, main: (environment: Environment) => Promise<T>) =>
  cluster({ ...options, workDirectory: directory }, main)

const all = ['n1', 'n2', 'n3']
const allAlive = (environment: Environment) => until(environment, async () => {
  const views = await Promise.all(environment.members.map((member) => gossipView(environment, member)))
  return views.every((view) => environment.members.every((member) => view[member] === 1)) ? true : null
}, 'everybody sees everybody')

/** A follower, and the leader. */
async function roles(environment: Environment): Promise<{ leader: string, follower: string, other: string }> {
  const leader = (await until(environment, () => leaderOf(environment)))
  const [follower, other] = environment.members.filter((member) => member !== leader)
  return { leader, follower: follower!, other: other! }
}

const writesAgain = (environment: Environment, member: string) =>
  until(environment, async () => text(await put(environment, member, 'again', 'x', 1000)) === '200 true' ? true : null, `${member} writes`)

t.test('a paused member is silent, and goes on with what it knew; a paused leader is replaced', async (t) => {
  await withCluster({}, async (environment) => {
    const { leader, follower } = await roles(environment)
    const paused = await environment.pause!.pause(leader)
    t.match(text(await put(environment, leader, 'k', 'paused', 300)), /^lost no answer/)
    await until(environment, () => leaderOf(environment, environment.members.filter((member) => member !== leader)))
    await writesAgain(environment, follower)
    t.match(await paused.heal(), { answeredAfterMs: Number })
    await writesAgain(environment, leader)
    t.equal(text(await get(environment, leader, 'again')), '200 x')
  })
})

t.test('a request to a paused member is done when it runs on, long after its client gave up', async (t) => {
  await withCluster({}, async (environment) => {
    const { follower } = await roles(environment)
    const paused = await environment.pause!.pause(follower)
    t.match(text(await put(environment, follower, 'late', 'x', 500)), /^lost/)
    await paused.heal()
    await until(environment, async () => text(await get(environment, follower, 'late')) === '200 x' ? true : null)
  })
})

t.test('SIGTERM ends a member in its own way, and nothing is lost; one that stands still is killed after the time', async (t) => {
  await withCluster({}, async (environment) => {
    const { follower, leader } = await roles(environment)
    t.equal(text(await put(environment, leader, 'k', '1')), '200 true')
    await environment.kill!.terminate!(follower, 5000)
    t.equal(text(await get(environment, follower, 'k')), 'not-sent ECONNREFUSED')
    await environment.kill!.restart(follower)
    t.equal(text(await get(environment, follower, 'k')), '200 1')
    const paused = await environment.pause!.pause(follower)
    await t.rejects(environment.kill!.terminate!(follower, 1000), /did not end within 1000 ms/)
    t.same(await paused.heal(), { endedMeanwhile: true })
    await environment.kill!.restart(follower)
  })
})

t.test('after a power cut, torn or not, acknowledged writes are there', async (t) => {
  for (const torn of [false, true]) {
    await withCluster({ seed: torn ? 2 : 3 }, async (environment) => {
      for (let n = 0; n < 5; n++) t.equal(text(await put(environment, 'n1', `k${n}`, `${n}`)), '200 true')
      void put(environment, 'n1', 'open', 'x')
      await environment.clock.sleep(1)
      await Promise.all(all.map((member) => environment.kill!.cutPower!(member, { torn })))
      t.equal(text(await get(environment, 'n1', 'k1')), 'not-sent ECONNREFUSED')
      await Promise.all(all.map((member) => environment.kill!.restart(member)))
      for (let n = 0; n < 5; n++) t.equal(text(await get(environment, 'n2', `k${n}`)), `200 ${n}`)
    })
  }
})

t.test('a member on an empty disk is taken in again under another id', async (t) => {
  await withCluster({}, async (environment) => {
    const { follower, leader } = await roles(environment)
    const id = (await json(environment, follower, '/v1/agent/self')).Config.NodeID
    t.equal(text(await put(environment, leader, 'k', 'kept')), '200 true')
    await environment.kill!.kill(follower)
    await environment.kill!.restartEmpty!(follower)
    t.not((await json(environment, follower, '/v1/agent/self')).Config.NodeID, id)
    await until(environment, async () => {
      const { Servers } = await json(environment, leader, '/v1/operator/raft/configuration')
      return Servers.length === 3 && Servers.every((server: { Voter: boolean }) => server.Voter) ? true : null
    }, 'three voters')
    await until(environment, async () => text(await environment.request(follower, { method: 'GET', target: '/v1/kv/k?raw&stale' }, 500)) === '200 kept' ? true : null)
  })
})

t.test('clients that are cut off reach nobody there, members still do', async (t) => {
  await withCluster({}, async (environment) => {
    const { leader, follower } = await roles(environment)
    const cut = await environment.cutClients!.cutClients([leader])
    t.match(text(await put(environment, leader, 'k', 'x', 500)), /^not-sent no connection/)
    t.equal(text(await put(environment, follower, 'k', 'through the leader', 500)), '200 true')
    await cut.heal()
    t.equal(text(await get(environment, leader, 'k')), '200 through the leader')
  })
})

t.test('an answer that meets a cut comes late, if it is healed before the client gives up', async (t) => {
  await withCluster({ latencyMs: 50 }, async (environment) => {
    const { leader } = await roles(environment)
    const answer = put(environment, leader, 'k', 'x', 5000)
    await environment.clock.sleep(20)
    const cut = await environment.cutClients!.cutClients([leader])
    await environment.clock.sleep(500)
    await cut.heal()
    t.equal(text(await answer), '200 true')
  })
})

t.test('a cut of gossip alone: the member counts as failed, and Raft goes on with it; a cut of Raft alone: the other way round', async (t) => {
  await withCluster({}, async (environment) => {
    const { leader, follower, other } = await roles(environment)
    await allAlive(environment)
    const gossip = await environment.cutLinks!.cut(linksOf(environment, follower), 'gossip')
    await until(environment, async () => (await gossipView(environment, leader))[follower] === 4 ? true : null, 'failed')
    t.equal(text(await put(environment, follower, 'k', 'gossip cut')), '200 true')
    await gossip.heal()
    await allAlive(environment)
    const raft = await environment.cutLinks!.cut(linksOf(environment, leader), 'raft')
    await until(environment, () => leaderOf(environment, [follower, other]))
    await environment.clock.sleep(20_000)
    t.equal((await gossipView(environment, follower))[leader], 1)
    await raft.heal()
    await writesAgain(environment, leader)
  })
})

t.test('every disturbance of links is measured, felt by members, and gone after it', async (t) => {
  const disturbances = [
    { kind: 'loss', probability: 0.3, burstLength: 1 }, { kind: 'loss', probability: 0.2, burstLength: 5 }, { kind: 'loss', probability: 1, burstLength: 1 },
    { kind: 'delay', delayMs: 60, jitterMs: 20, distribution: 'uniform' }, { kind: 'delay', delayMs: 60, jitterMs: 20, distribution: 'normal' },
    { kind: 'delay', delayMs: 60, jitterMs: 20, distribution: 'pareto' }, { kind: 'duplicate', probability: 0.5 }, { kind: 'reorder', probability: 0.5, gapMs: 30 },
    { kind: 'corrupt', probability: 0.3 }, { kind: 'bandwidth', kbitPerS: 64 }, { kind: 'mtu', maxBytes: 300 },
  ] as const
  for (const [seed, disturbance] of disturbances.entries()) {
    for (const traffic of ['all', 'raft', 'gossip'] as const) {
      await withCluster({ seed }, async (environment) => {
        const { leader, follower } = await roles(environment)
        await allAlive(environment)
        const took = async (member: string) => {
          const startNs = environment.clock.nowNs()
          for (let n = 0; n < 30; n++) await put(environment, member, 'k', 'x'.repeat(400), 2000)
          return (environment.clock.nowNs() - startNs) / 1e6
        }
        const beforeMs = await took(leader)
        const effect = await environment.disturbLinks!.disturb(environment.members.flatMap((member) => linksOf(environment, member).filter(({ from }) => from === member)), disturbance, traffic)
        t.ok((effect.observed as { seen: number }).seen > 0, `${disturbance.kind} of ${traffic}: ${JSON.stringify(effect.observed)}`)
        const duringMs = await took(leader)
        if (traffic === 'gossip') t.ok(duringMs < 4 * beforeMs + 200, `${disturbance.kind} of gossip leaves Raft alone: ${beforeMs} ms, ${duringMs} ms`)
        else if (disturbance.kind !== 'duplicate') t.ok(duringMs > 1.2 * beforeMs, `${disturbance.kind} of ${traffic} is felt: ${beforeMs} ms, ${duringMs} ms`)
        t.match(await effect.heal(), { passed: Number })
        await until(environment, async () => await took(follower) < 3 * beforeMs + 100 ? true : null, `as quick as before ${disturbance.kind}`)
        await allAlive(environment)
      })
    }
  }
})

t.test('firewall rules: by port, protocol, direction and action', async (t) => {
  await withCluster({}, async (environment) => {
    const { leader, follower, other } = await roles(environment)
    await allAlive(environment)
    const apply = (...rules: Parameters<NonNullable<Environment['firewall']>['apply']>[0]) => environment.firewall!.apply(rules)
    const reject = await apply({ from: 'clients', to: follower, protocol: 'tcp', port: 8500, action: { kind: 'reject' } })
    t.equal(text(await get(environment, follower, 'k')), 'not-sent ECONNREFUSED')
    t.match(text(await get(environment, other, 'k')), /^404/)
    await reject.heal()
    t.match(text(await get(environment, follower, 'k')), /^404/)
    // Only datagrams: members reach each other over TCP, and say so.
    const udp = await apply({ from: 'any', to: follower, protocol: 'udp', port: null, action: { kind: 'drop' } }, { from: follower, to: 'any', protocol: 'udp', port: 8301, action: { kind: 'drop' } })
    await environment.clock.sleep(15_000)
    t.equal((await gossipView(environment, leader))[follower], 1, 'the fallback over TCP keeps it alive')
    await udp.heal()
    const reset = await apply({ from: leader, to: 'any', protocol: 'tcp', port: 8300, action: { kind: 'reset' } })
    await until(environment, () => leaderOf(environment, [follower, other]))
    await reset.heal()
    await writesAgain(environment, leader)
    const limit = await apply({ from: 'clients', to: 'any', protocol: 'any', port: 8500, action: { kind: 'limit', packetsPerS: 5 } })
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => put(environment, other, 'k', 'x', 900)))
    t.ok(outcomes.some(({ kind }) => kind !== 'response'), 'some do not get through')
    await limit.heal()
    const mtu = await apply({ from: 'clients', to: 'any', protocol: 'any', port: 8500, action: { kind: 'mtu', maxBytes: 500 } })
    t.match(text(await put(environment, other, 'k', 'x'.repeat(600), 900)), /^lost/)
    t.equal(text(await put(environment, other, 'k', 'x', 900)), '200 true')
    await mtu.heal()
    t.equal(text(await put(environment, other, 'k', 'x'.repeat(600), 900)), '200 true')
    await t.rejects(apply({ from: 'clients', to: 'any', protocol: 'udp', port: 8500, action: { kind: 'drop' } }), /No path matches/)
    await t.rejects(apply({ from: 'n9', to: 'any', protocol: 'udp', port: 8301, action: { kind: 'drop' } }), /no link/)
  })
})

t.test('clocks: jump, strobe and drift, of the wall clock or of all; healed they are right', async (t) => {
  await withCluster({}, async (environment) => {
    const { leader } = await roles(environment)
    const skew = environment.skewClock!
    const healed = async (effect: Effect) => t.match(await effect.heal(), { wallErrorMs: 0 })
    for (const clocks of skew.clocks) {
      const forward = await skew.skew(leader, { kind: 'jump', offsetMs: 60_000 }, clocks)
      t.match(forward.observed, { wallJumpedMs: 60_000, monotonicJumpedMs: clocks === 'all' ? 60_000 : 0 })
      const back = await skew.skew(leader, { kind: 'jump', offsetMs: -90_000 }, clocks)
      t.match(back.observed, { wallJumpedMs: -90_000, monotonicJumpedMs: 0 })
      await forward.heal()
      await healed(back)
      await healed(await skew.skew(leader, { kind: 'strobe', offsetMs: 500, periodMs: 200 }, clocks))
      const drift = await skew.skew(leader, { kind: 'drift', rate: 1.2 }, clocks)
      const { monotonicRate, wallRate } = drift.observed as { monotonicRate: number, wallRate: number }
      t.ok(Math.abs(wallRate - 1.2) < 1e-6 && Math.abs(monotonicRate - (clocks === 'all' ? 1.2 : 1)) < 1e-6, JSON.stringify(drift.observed))
      await environment.clock.sleep(10_000)
      await healed(drift)
      await writesAgain(environment, leader)
    }
  })
})

t.test('disk: full and read-only end a member, which is started again at the healing; slow is felt', async (t) => {
  for (const [seed, kind] of (['full', 'read-only'] as const).entries()) {
    await withCluster({ seed }, async (environment) => {
      const { follower, leader } = await roles(environment)
      const effect = await environment.troubleDisk!.trouble(follower, { kind })
      t.match(effect.observed, { error: kind === 'full' ? /ENOSPC/ : /EROFS/ })
      t.equal(text(await put(environment, leader, 'k', kind)), '200 true')
      await until(environment, async () => (await get(environment, follower, 'k', 500)).kind === 'not-sent' ? true : null, 'it does not serve on')
      // Nothing stops it from starting; it ends with the first write, or at once.
      await environment.kill!.restart(follower).catch((error: Error) => t.match(error.message, /crashed when it started/))
      await until(environment, async () => (await get(environment, follower, 'k', 500)).kind === 'not-sent' ? true : null, 'it does not serve on')
      t.match(await effect.heal(), { restarted: true, error: null })
      t.equal(text(await get(environment, follower, 'k')), `200 ${kind}`)
    })
  }
  await withCluster({}, async (environment) => {
    const { leader } = await roles(environment)
    const effect = await Promise.all(all.map((member) => environment.troubleDisk!.trouble(member, { kind: 'slow', syncMs: 100 })))
    const startNs = environment.clock.nowNs()
    t.equal(text(await put(environment, leader, 'k', 'slow')), '200 true')
    t.ok(environment.clock.nowNs() - startNs >= 100e6)
    for (const one of effect) t.match(await one.heal(), { tookMs: 0, restarted: false })
  })
})

t.test('damage to a dead member\'s log or snapshot is seen at its start; on an empty disk it comes back', async (t) => {
  await withCluster({ memberConfig: { raft_snapshot_threshold: 20, raft_trailing_logs: 5 } }, async (environment) => {
    const { follower, leader } = await roles(environment)
    await t.rejects(environment.damageFiles!.damage(follower, { kind: 'bit-flip', in: 'log' }, 0.5), /kill it before/)
    for (let n = 0; n < 60; n++) await put(environment, leader, `k${n % 7}`, `${n}`)
    const damages = [{ kind: 'bit-flip', in: 'log' }, { kind: 'bit-flip', in: 'snapshot' }, { kind: 'truncate', in: 'log', bytes: 40 }, { kind: 'truncate', in: 'snapshot', bytes: 40 }] as const
    for (const damage of damages) {
      await environment.kill!.kill(follower)
      const done = await environment.damageFiles!.damage(follower, damage, 0.6)
      t.match(done, damage.kind === 'bit-flip' ? { before: Number, after: Number } : { sizeBytesBefore: Number, sizeBytes: Number })
      const refused = await environment.kill!.restart(follower).then(() => null, (error: Error) => error.message)
      // Bytes missing at the end of a log are as after a crash: nothing shows at the start. Everything else must be seen.
      if (damage.in === 'log' && damage.kind === 'truncate') {
        t.equal(refused, null)
        await environment.kill!.kill(follower)
      } else {
        t.match(refused, /crashed when it started/)
      }
      await environment.kill!.restartEmpty!(follower)
      for (let n = 53; n < 60; n++) t.equal(text(await get(environment, follower, `k${n % 7}`)), `200 ${n}`)
    }
  })
})

t.test('too little CPU makes a member slow, too few descriptors make it turn clients away', async (t) => {
  await withCluster({}, async (environment) => {
    const { follower } = await roles(environment)
    const quick = async () => {
      const startNs = environment.clock.nowNs()
      await Promise.all(Array.from({ length: 60 }, (_, n) => environment.request(follower, { method: 'GET', target: `/v1/kv/k${n}?stale` }, 10_000)))
      return (environment.clock.nowNs() - startNs) / 1e6
    }
    const beforeMs = await quick()
    const cpu = await environment.limitResources!.limit(follower, { kind: 'cpu', share: 0.05 })
    t.ok((cpu.observed as { tookMs: number }).tookMs >= 600, JSON.stringify(cpu.observed))
    t.ok(await quick() > beforeMs + 100)
    t.match(await cpu.heal(), { tookMs: 0 })
    t.ok(await quick() < beforeMs + 5)
    const files = await environment.limitResources!.limit(follower, { kind: 'files', max: 26 })
    t.ok((files.observed as { connectionsTaken: number }).connectionsTaken < 10)
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, n) => environment.request(follower, { method: 'GET', target: `/v1/kv/k${n}?index=1000000&wait=1s` }, 5000)))
    t.ok(outcomes.some((outcome) => outcome.kind === 'lost' && /ECONNRESET/.test(outcome.error)))
    await files.heal()
    t.match(text(await get(environment, follower, 'k')), /^404/)
  })
})

t.test('too little memory ends a member when it holds much, and lets it run when it does not', async (t) => {
  await withCluster({}, async (environment) => {
    const { follower } = await roles(environment)
    const memory = await environment.limitResources!.limit(follower, { kind: 'memory', maxMiB: 110 })
    t.match(memory.observed, { maxMiB: 110 })
    t.ok((memory.observed as { usedMiB: number }).usedMiB < 110, JSON.stringify(memory.observed))
    t.match(text(await get(environment, follower, 'k')), /^404/, 'one request is little')
    const outcomes = await Promise.all(Array.from({ length: 60 }, () => environment.request(follower, { method: 'GET', target: '/v1/kv/k?index=1000000&wait=5s' }, 6000)))
    t.ok(outcomes.some((outcome) => outcome.kind === 'lost'), 'sixty are too many')
    t.match(text(await get(environment, follower, 'k')), /ECONNREFUSED/)
    t.match(await memory.heal(), { running: false })
    await environment.kill!.restart(follower)
    t.match(text(await get(environment, follower, 'k')), /^(404|500)/)
    const least = await environment.limitResources!.limit(follower, { kind: 'memory', maxMiB: 10 })
    await until(environment, async () => /ECONNREFUSED/.test(text(await get(environment, follower, 'k'))) ? true : null, 'it dies of its own size')
    await least.heal()
  })
})

t.test('spares join, serve, and are removed', async (t) => {
  await withCluster({ spareCount: 2 }, async (environment) => {
    const { leader } = await roles(environment)
    const { spares } = environment.spareMembers!
    t.same(spares, ['n4', 'n5'])
    t.match(text(await get(environment, 'n4', 'k')), /ECONNREFUSED/)
    t.equal(text(await put(environment, leader, 'k', 'x')), '200 true')
    for (const spare of spares) await environment.spareMembers!.start(spare)
    const voters = async () => (await json(environment, leader, '/v1/operator/raft/configuration')).Servers.filter((server: { Voter: boolean }) => server.Voter).length
    await until(environment, async () => await voters() === 5 ? true : null, 'five voters')
    t.equal(text(await get(environment, 'n5', 'k')), '200 x')
    const { Servers } = await json(environment, leader, '/v1/operator/raft/configuration')
    const { ID } = Servers.find((server: { Node: string }) => server.Node === 'n5')
    await environment.spareMembers!.remove('n5')
    t.equal((await environment.request(leader, { method: 'DELETE', target: `/v1/operator/raft/peer?id=${ID}` }, 5000)).kind, 'response')
    await until(environment, async () => await voters() === 4 ? true : null, 'four voters')
    await environment.spareMembers!.start('n5')
    await until(environment, async () => await voters() === 5 ? true : null, 'five voters again')
    await t.rejects(environment.spareMembers!.start('n1'), /no spare/)
  })
})
