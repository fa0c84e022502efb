import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { testDirectory, type DirectoryTest } from '../../../node/testing/test-directory.ts'
import type { Environment, EnvironmentOptions } from '../environment.ts'
import { createLocalEnvironment } from './local-environment.ts'

process.env['TMPDIR'] = t.testdir({})

let runs = 0
async function cluster(t: DirectoryTest<never>, more: Partial<EnvironmentOptions> = {}): Promise<Environment> {
  const environment = await createLocalEnvironment({
    runId: `faults-${process.pid}-${++runs}`, memberCount: 3, random: seededRandom(1), workDirectory: testDirectory(t),
    edits: [], memberConfig: {}, latencyMs: 0, powerLoss: false, faults: ['all'], say: () => {}, ...more,
  })
  t.teardown(() => environment[Symbol.asyncDispose]())
  await environment.start()
  return environment
}

/** Writes through a member until it is acknowledged; members need a moment after a fault. */
async function writes(environment: Environment, member: string, key: string, value: string, deadlineMs = 90_000): Promise<void> {
  const endMs = performance.now() + deadlineMs
  for (;;) {
    const outcome = await environment.request(member, { method: 'PUT', target: `/v1/kv/${key}`, body: value }, 2_000)
    if (outcome.kind === 'response' && outcome.status === 200) return
    if (performance.now() > endMs) throw new Error(`${member} did not acknowledge a write within ${deadlineMs} ms: ${JSON.stringify(outcome)}\n${await whatTheySay(environment)}`)
    await environment.clock.sleep(20)
  }
}

/** Of the leader, of who votes and of each other: what a failure is understood by. */
async function whatTheySay(environment: Environment): Promise<string> {
  const lines = await Promise.all(environment.members.map(async (member) => {
    const said = await Promise.all(['/v1/status/leader', '/v1/operator/raft/configuration?stale', '/v1/agent/members'].map(async (target) => {
      const outcome = await environment.request(member, { method: 'GET', target }, 5_000)
      return outcome.kind === 'response' ? `${outcome.status} ${Buffer.from(outcome.body).toString()}` : outcome.kind
    }))
    return `${member}: ${said.join('; ')}`
  }))
  return lines.join('\n')
}

async function value(environment: Environment, member: string, key: string): Promise<string | null> {
  const outcome = await environment.request(member, { method: 'GET', target: `/v1/kv/${key}?raw&consistent` }, 5_000)
  return outcome.kind === 'response' && outcome.status === 200 ? Buffer.from(outcome.body).toString() : null
}

const staleValue = async (environment: Environment, member: string, key: string) => {
  const outcome = await environment.request(member, { method: 'GET', target: `/v1/kv/${key}?raw&stale` }, 5_000)
  return outcome.kind === 'response' && outcome.status === 200 ? Buffer.from(outcome.body).toString() : null
}

async function until(environment: Environment, what: string, condition: () => Promise<boolean>, deadlineMs = 90_000): Promise<void> {
  const endMs = performance.now() + deadlineMs
  while (!await condition()) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await environment.clock.sleep(50)
  }
}

/** What gossip at one member says of another. */
async function seenAs(environment: Environment, at: string, member: string, status: 'alive' | 'failed'): Promise<void> {
  await until(environment, `${at} has ${member} as ${status}`, async () => {
    const outcome = await environment.request(at, { method: 'GET', target: '/v1/agent/members' }, 5_000)
    if (outcome.kind !== 'response' || outcome.status !== 200) return false
    const members = JSON.parse(Buffer.from(outcome.body).toString()) as { Name: string, Status: number }[]
    return members.find(({ Name }) => Name === member)?.Status === (status === 'alive' ? 1 : 4)
  })
}

async function leaderOf(environment: Environment): Promise<string> {
  let leader: string | undefined
  await until(environment, 'a leader', async () => {
    const outcome = await environment.request('n1', { method: 'GET', target: '/v1/status/leader' }, 5_000)
    const host = outcome.kind === 'response' && outcome.status === 200 ? (JSON.parse(Buffer.from(outcome.body).toString()) as string).split(':')[0] : ''
    leader = environment.members.find((member) => new URL(environment.httpAddress!(member)).hostname === host)
    return leader !== undefined
  })
  return leader!
}

/** A member that needs more than it may have dies of it, and comes back when it may have it again. */
async function scarceMemory(t: { match: (found: unknown, pattern: object) => boolean }, environment: Environment): Promise<void> {
  const memory = await environment.limitResources!.limit('n3', { kind: 'memory', maxMiB: 96 })
  t.match(memory.observed, { 'Max data size': Number, before: String })
  await until(environment, 'n3 runs out of memory', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => environment.request('n3', { method: 'PUT', target: `/v1/kv/m${i}`, body: 'x'.repeat(400_000) }, 5_000)))
    return (await environment.request('n3', { method: 'GET', target: '/v1/agent/self' }, 2_000)).kind === 'not-sent'
  })
  await memory.heal()
  await environment.kill!.kill('n3').catch(() => {})
  await environment.kill!.restart('n3')
  await writes(environment, 'n3', 'a', 'with memory')
}

const near = (observed: unknown, field: string, expected: number, tolerance: number) =>
  Math.abs((observed as Record<string, number>)[field]! - expected) <= tolerance

t.test('faults of local members take effect, are proven, and end', async (t) => {
  // A failure of gossip alone is to show, and to end, within seconds.
  const environment = await cluster(t, { memberConfig: { gossip_lan: { probe_interval: '300ms', probe_timeout: '100ms', gossip_interval: '50ms', suspicion_mult: 2 } } })
  const { pause, kill, cutLinks, cutClients, firewall, skewClock, troubleDisk, limitResources, damageFiles, disturbLinks } = environment
  await writes(environment, 'n1', 'a', '1')

  await t.test('pause', async (t) => {
    const paused = await pause!.pause('n2')
    const again = await pause!.pause('n2')
    t.match(await environment.request('n2', { method: 'GET', target: '/v1/agent/self' }, 200), { kind: 'lost' })
    t.match(await again.heal(), { proven: /held by another/ })
    t.match(await paused.heal(), { proven: 'n2 answered' })
    await writes(environment, 'n2', 'a', '2')
  })

  await t.test('clients cut off', async (t) => {
    const cut = await cutClients!.cutClients(['n1'])
    t.match(await environment.request('n1', { method: 'GET', target: '/v1/agent/self' }, 200), { kind: 'not-sent' })
    await writes(environment, 'n2', 'a', '3')
    t.same(await cut.heal(), { answered: ['n1'] })
    t.equal(await value(environment, 'n1', 'a'), '3', 'members reached each other meanwhile')
  })

  await t.test('one protocol alone', async (t) => {
    const others = (member: string) => environment.members.filter((other) => other !== member)
    const around = (member: string) => others(member).flatMap((other) => [{ from: member, to: other }, { from: other, to: member }])
    // Whom clients ask; the struck one follows.
    const leader = await leaderOf(environment)
    const struck = others(leader)[0]!
    const gossip = await cutLinks!.cut(around(struck), 'gossip')
    await seenAs(environment, leader, struck, 'failed')
    await writes(environment, struck, 'p', 'through Raft')
    await gossip.heal()
    await seenAs(environment, leader, struck, 'alive')

    const raft = await cutLinks!.cut(around(struck), 'raft')
    await writes(environment, leader, 'p', 'past it')
    t.equal(await staleValue(environment, struck, 'p'), 'through Raft')
    await seenAs(environment, leader, struck, 'alive')
    await raft.heal()
    await until(environment, 'it catches up', async () => await staleValue(environment, struck, 'p') === 'past it')
    await t.rejects(disturbLinks!.disturb(around(struck), { kind: 'duplicate', probability: 0.5 }, 'raft'), { message: /no effect on streams/ })
    for (const disturbance of [
      { kind: 'duplicate', probability: 0.5 }, { kind: 'reorder', probability: 0.3, gapMs: 40 }, { kind: 'corrupt', probability: 0.3 },
      { kind: 'loss', probability: 0.3, burstLength: 1 }, { kind: 'delay', delayMs: 40, jitterMs: 5, distribution: 'uniform' },
    ] as const) {
      const effect = await disturbLinks!.disturb(around(struck), disturbance, 'gossip')
      t.match(effect.observed, { datagrams: { sent: Number } }, disturbance.kind)
      await effect.heal()
    }
    await seenAs(environment, leader, struck, 'alive')
  })

  await t.test('what clients ask', async (t) => {
    const slow = await disturbLinks!.disturbClients!(['n1'], { kind: 'delay', delayMs: 150, jitterMs: 0, distribution: 'uniform' })
    const again = await disturbLinks!.disturbClients!(['n1'], { kind: 'loss', probability: 0.2, burstLength: 1 })
    await again.heal()
    const startMs = performance.now()
    t.match(await environment.request('n1', { method: 'GET', target: '/v1/agent/self' }, 5_000), { kind: 'response' })
    t.ok(performance.now() - startMs >= 299, 'there and back')
    await slow.heal()
    await t.rejects(disturbLinks!.disturbClients!(['n1'], { kind: 'duplicate', probability: 0.5 }), { message: /no effect on streams/ })
    await writes(environment, 'n1', 'p', 'in time')
  })

  await t.test('firewall', async (t) => {
    const silent = await firewall!.apply([{ from: 'any', to: 'n2', protocol: 'udp', port: 8301, action: { kind: 'drop' } }])
    await writes(environment, 'n2', 'f', 'Raft passes')
    await silent.heal()
    const refused = await firewall!.apply([{ from: 'clients', to: 'n2', protocol: 'tcp', port: 8500, action: { kind: 'reset' } }])
    t.match(await environment.request('n2', { method: 'GET', target: '/v1/agent/self' }, 5_000), { kind: 'not-sent', error: /ECONNREFUSED/ })
    await writes(environment, 'n1', 'f', 'other members are reached')
    await refused.heal()
    t.match(await environment.request('n2', { method: 'GET', target: '/v1/agent/self' }, 5_000), { kind: 'response' })
    const narrow = await firewall!.apply([{ from: 'clients', to: 'n1', protocol: 'any', port: null, action: { kind: 'mtu', maxBytes: 800 } }])
    t.match(await environment.request('n1', { method: 'PUT', target: '/v1/kv/large', body: 'x'.repeat(2_000) }, 500), { kind: 'lost' })
    await narrow.heal()
    await writes(environment, 'n1', 'large', 'x'.repeat(2_000))
    const reset = await firewall!.apply([{ from: 'n1', to: 'n2', protocol: 'any', port: 8300, action: { kind: 'reset' } }])
    t.match(reset.observed, [{ saw: { reset: 1, refused: 1 } }])
    await reset.heal()
    await writes(environment, 'n2', 'f', 'after all')
  })

  await t.test('links', async () => {
    const effect = await disturbLinks!.disturb([{ from: 'n1', to: 'n2' }, { from: 'n2', to: 'n3' }], { kind: 'delay', delayMs: 30, jitterMs: 5, distribution: 'normal' }, 'all')
    await writes(environment, 'n1', 'a', '4')
    await effect.heal()
  })

  for (const clocks of skewClock!.clocks) {
    await t.test(`clock: ${clocks}`, async (t) => {
      const jump = await skewClock!.skew('n1', { kind: 'jump', offsetMs: 3_600_000 }, clocks)
      t.ok(near(jump.observed, 'movedMs', 3_600_000, 250))
      await writes(environment, 'n1', 'a', '5')
      t.ok(near(await jump.heal(), 'offMs', 0, 250))
      const strobe = await skewClock!.skew('n1', { kind: 'strobe', offsetMs: -2_000, periodMs: 50 }, clocks)
      await strobe.heal()
      const drift = await skewClock!.skew('n2', { kind: 'drift', rate: 0.8 }, clocks)
      await kill!.kill('n2')
      await kill!.restart('n2')
      const slower = await skewClock!.skew('n2', { kind: 'jump', offsetMs: -10_000 }, clocks)
      await slower.heal()
      t.ok(near(await drift.heal(), 'offMs', 0, 250), 'over a restart')
    })
  }

  await t.test('slow disk', async (t) => {
    const slow = await troubleDisk!.trouble('n3', { kind: 'slow', syncMs: 300 })
    t.ok((slow.observed as { syncMs: number }).syncMs >= 300)
    t.match(await slow.heal(), { error: null })
  })

  await t.test('full and read-only disk: no write is acknowledged that is not kept', async (t) => {
    for (const kind of ['full', 'read-only'] as const) {
      const trouble = await troubleDisk!.trouble('n3', { kind })
      t.match(trouble.observed, { error: kind === 'full' ? /ENOSPC/ : /EROFS/ })
      await writes(environment, 'n1', 'a', kind)
      await trouble.heal()
      // It may have ended itself: it cannot keep a promise any more.
      await kill!.kill('n3')
      await kill!.restart('n3')
      await writes(environment, 'n3', 'b', kind)
      t.equal(await value(environment, 'n3', 'a'), kind)
    }
  })

  await t.test('scarcity', async (t) => {
    t.ok(limitResources !== undefined || process.platform !== 'linux')
    if (limitResources === undefined) return
    const cpu = await limitResources.limit('n1', { kind: 'cpu', share: 0.3 })
    t.ok(near(cpu.observed, 'stoodStill', 0.7, 0.26))
    await cpu.heal()
    if (!limitResources.kinds.includes('files')) return
    const files = await limitResources.limit('n1', { kind: 'files', max: 64 })
    t.match(files.observed, { 'Max open files': 64 })
    await files.heal()
    await scarceMemory(t, environment)
    await writes(environment, 'n1', 'a', '6')
  })

  await t.test('SIGTERM, damaged files, and an empty disk', async (t) => {
    await kill!.terminate!('n2', 10_000)
    t.match(await environment.request('n2', { method: 'GET', target: '/v1/agent/self' }, 500), { kind: 'not-sent' })
    t.match(await damageFiles!.damage('n2', { kind: 'bit-flip', in: 'log' }, 0.5), { file: /wal-/ })
    t.equal(await damageFiles!.damage('n2', { kind: 'bit-flip', in: 'snapshot' }, 0.5), null)
    await kill!.restart('n2').catch((error: Error) => t.match(error.message, /checksum|corrupt|damaged/i, 'a damaged log is refused'))
    await kill!.kill('n2').catch(() => {})
    await kill!.restartEmpty!('n2')
    await writes(environment, 'n2', 'a', '7')
    await t.rejects(damageFiles!.damage('n2', { kind: 'bit-flip', in: 'log' }, 0.5), /runs/)
  })
})

t.test('a power cut loses what was not synced, and may tear the last write', async (t) => {
  const environment = await cluster(t, { memberCount: 1, powerLoss: true, faults: ['power'] })
  await writes(environment, 'n1', 'a', '1')
  for (const torn of [false, true]) {
    const slow = await environment.troubleDisk!.trouble('n1', { kind: 'slow', syncMs: 3_000 })
    const unsynced = environment.request('n1', { method: 'PUT', target: '/v1/kv/a', body: 'unsynced' }, 1_000)
    t.match(await unsynced, { kind: 'lost' })
    await environment.kill!.cutPower!('n1', { torn })
    await slow.heal()
    await environment.kill!.restart('n1')
    await writes(environment, 'n1', 'b', '1')
    t.equal(await value(environment, 'n1', 'a'), '1', `torn: ${torn}`)
  }
})

t.test('without a fault that needs it nothing is loaded into members', async (t) => {
  const environment = await cluster(t, { memberCount: 1, faults: [] })
  t.equal(environment.skewClock, undefined)
  t.equal(environment.troubleDisk, undefined)
  t.ok(environment.pause !== undefined)
})

t.test('a spare joins by gossip, votes, serves, and goes; another time it comes empty', async (t) => {
  const environment = await cluster(t, { faults: ['membership'], spareCount: 1 })
  const { spareMembers } = environment
  t.same(spareMembers!.spares, ['n4'])
  t.same(environment.members, ['n1', 'n2', 'n3'])
  await writes(environment, 'n1', 'a', '1')
  const votes = async () => {
    const outcome = await environment.request('n1', { method: 'GET', target: '/v1/operator/raft/configuration' }, 5_000)
    if (outcome.kind !== 'response' || outcome.status !== 200) return false
    const { Servers } = JSON.parse(Buffer.from(outcome.body).toString()) as { Servers: { Node: string, Voter: boolean }[] }
    return Servers.some(({ Node, Voter }) => Node === 'n4' && Voter)
  }
  for (const round of [1, 2]) {
    await spareMembers!.start('n4')
    await until(environment, `it votes, round ${round}`, votes)
    t.equal(await value(environment, 'n4', 'a'), '1')
    const cut = await environment.cutLinks!.cut(['n1', 'n2', 'n3'].flatMap((other) => [{ from: 'n4', to: other }, { from: other, to: 'n4' }]))
    await writes(environment, 'n1', 'a', '1')
    await cut.heal()
    const left = await environment.request('n4', { method: 'PUT', target: '/v1/agent/leave' }, 20_000)
    t.not(left.kind, 'not-sent')
    await until(environment, 'it is out', async () => !await votes())
    await spareMembers!.remove('n4')
    t.match(await environment.request('n4', { method: 'GET', target: '/v1/agent/self' }, 5_000), { kind: 'not-sent' })
  }
  await t.rejects(spareMembers!.start('n1'), { message: /no spare n1/ })
  await t.rejects(spareMembers!.remove('n1'), { message: /n1 is no spare/ })
})
