import fc from 'fast-check'
import t from 'tap'
import { dockerRequirement } from '../../testing/requirements.ts'
import type { Environment } from '../environment.ts'
import { runLabel } from '../owner.ts'
import { connectEngine } from './engine.ts'
import { createDockerEnvironment } from './index.ts'
import { clockProblem, healedSlot, MemberClocks, monotonicLead, skewedSlot, slotBytes, trueClock, type ClockSlot } from './member-clocks.ts'
import { listLabelled } from './reap.ts'
import { ask, askUntil, testOptions } from './testing/docker-options.ts'

t.setTimeout(600_000)
const skip = await dockerRequirement()

t.test('a monotonic clock never goes back, over any skews and healings', async (t) => {
  const secondNs = 1_000_000_000n
  /** As docker/skewed-clock.c computes it. */
  const leadAt = (slot: ClockSlot, nowNs: bigint) => nowNs <= slot.sinceNs ? slot.monotonicNs : monotonicLead({ ...slot, untilNs: nowNs < slot.untilNs ? nowNs : slot.untilNs })
  fc.assert(fc.property(fc.array(fc.tuple(fc.oneof(
    fc.record({ kind: fc.constant('jump' as const), offsetMs: fc.integer({ min: -60_000, max: 60_000 }) }),
    fc.record({ kind: fc.constant('drift' as const), rate: fc.double({ min: 0.1, max: 3, noNaN: true }) }),
    fc.record({ kind: fc.constant('strobe' as const), offsetMs: fc.integer({ min: -5000, max: 5000 }), periodMs: fc.integer({ min: 10, max: 1000 }) }),
  ), fc.bigInt({ min: secondNs, max: 100n * secondNs })), { maxLength: 6 }), (skews) => {
    let [slot, nowNs] = [trueClock, 1000n * secondNs]
    let latest = nowNs
    const look = () => {
      const seen = nowNs + leadAt(slot, nowNs)
      if (seen < latest) throw new Error(`${seen} after ${latest}`)
      latest = seen
    }
    for (const [skew, passNs] of skews) {
      look()
      slot = skewedSlot(slot, skew, 'all', nowNs)
      look()
      nowNs += passNs
      look()
      slot = healedSlot(slot, nowNs)
      look()
      nowNs += secondNs
      look()
    }
  }))
  t.equal(slotBytes(trueClock).length, 9 * 8)
  t.equal(slotBytes(skewedSlot(trueClock, { kind: 'jump', offsetMs: -20_000 }, 'wall', 5n)).readBigInt64LE(8), -20_000_000_000n)
})

t.test('what counts as a clock that lies', async (t) => {
  const at = (wallMs: number, monotonicMs = 0, atMs = 0) => ({ wallMs, monotonicMs, atMs })
  const jump = { kind: 'jump', offsetMs: 20_000 } as const
  t.equal(clockProblem(jump, 'wall', [at(20_003)], 19_100, 0), null)
  t.ok(clockProblem(jump, 'wall', [at(20_003, 20_001)], 19_100, 0), 'the monotonic clock was not to lie')
  t.ok(clockProblem(jump, 'all', [at(20_003)], 19_100, 20_000), 'the monotonic clock was to lie')
  t.ok(clockProblem(jump, 'wall', [at(20_003)], -800, 0), 'the member itself says something else')
  t.ok(clockProblem(null, 'all', [at(20_003)], -800, 0))
  t.equal(clockProblem(null, 'all', [at(4)], -800, 0), null)
  const drift = { kind: 'drift', rate: 1.2 } as const
  t.equal(clockProblem(drift, 'wall', [at(10, 0, 0), at(410, 3, 2000)], null, 0), null)
  t.ok(clockProblem(drift, 'wall', [at(10, 0, 0), at(20, 0, 2000)], null, 0))
  t.ok(clockProblem({ kind: 'strobe', offsetMs: 2000, periodMs: 200 }, 'wall', [at(2000), at(1998)], null, 0))
  t.equal(clockProblem({ kind: 'strobe', offsetMs: 2000, periodMs: 200 }, 'wall', [at(2000), at(3)], null, 0), null)
})

t.test('a clock is proven by what the member itself says, where it is slow to say it; one that hangs is not waited for long', async (t) => {
  const clocksOf = (answers: readonly (number | null)[]) => {
    let asked = 0
    const clocks = new MemberClocks({
      run: async () => `${process.hrtime.bigint()} 0`,
      within: async () => `${-30_000 * 1e6} 0`,
      reported: async () => answers[Math.min(asked++, answers.length - 1)]!,
    })
    return clocks.prepare('n1').then(() => clocks)
  }
  const jump = { kind: 'jump', offsetMs: -30_000 } as const
  t.match((await (await clocksOf([null, null, -30_700])).skew('n1', jump, 'wall')).observed, { wallMs: -30_000, reportedWallMs: -30_700 })
  t.match((await (await clocksOf([null])).skew('n1', jump, 'wall')).observed, { wallMs: -30_000, reportedWallMs: null })
})

/** Names and states in gossip, as one member sees them. */
async function gossipStates(environment: Environment, member: string): Promise<Record<string, number>> {
  const text = (await ask(environment, member, 'GET', '/v1/agent/members')).replace(/^200 /, '')
  return Object.fromEntries((JSON.parse(text) as { Name: string, Status: number }[]).map(({ Name, Status }) => [Name, Status]))
}

t.test('a cluster with disks, clocks and a spare', { skip }, async (t) => {
  const chosen = testOptions((line) => t.comment(line), { faults: ['power', 'disk', 'clock'], spareCount: 1 })
  const environment = await createDockerEnvironment(chosen)
  t.teardown(() => environment[Symbol.asyncDispose]())
  const beganMs = performance.now()
  await environment.start()
  t.comment(`started in ${Math.round(performance.now() - beganMs)} ms`)
  const { cutClients, cutLinks, damageFiles, kill, limitResources, pause, skewClock, spareMembers, troubleDisk } = environment
  t.same(environment.members, ['n1', 'n2', 'n3'])
  t.same(spareMembers!.spares, ['n4'])
  for (const member of environment.members) await askUntil(environment, '200 true', member, 'PUT', `/v1/kv/from-${member}`, member)

  await t.test('a member that stands still is silent, and answers when it is resumed', async (t) => {
    const effect = await pause!.pause('n2')
    t.match(effect.observed, { frozen: true })
    t.match(await ask(environment, 'n2', 'GET', '/v1/agent/self'), /^lost/)
    t.match(await effect.heal(), { frozen: false, status: 200 })
    t.equal(await effect.heal(), null)
    await t.rejects(pause!.pause('n4'), { message: /n4 has not been started/ })
    const again = await pause!.pause('n2')
    await kill!.kill('n2')
    t.match(await again.heal(), { running: false }, 'one that was killed has nothing to resume')
    await kill!.restart('n2')
  })

  await t.test('a gossip-only partition makes members think each other dead, and Raft goes on', async () => {
    await askUntil(environment, /^200/, 'n1', 'GET', '/v1/agent/members')
    const links = ['n1', 'n2'].flatMap((other) => [{ from: 'n3', to: other }, { from: other, to: 'n3' }])
    const cut = await cutLinks!.cut(links, 'gossip')
    const { pollUntil } = await import('./deadline.ts')
    let states = {}
    await pollUntil(async () => ((states = await gossipStates(environment, 'n1'))['n3' as keyof object] === 4 ? true : null), 100, 40_000, () => `n1 sees ${JSON.stringify(states)}`)
    await askUntil(environment, '200 true', 'n3', 'PUT', '/v1/kv/over-raft', 'x')
    await cut.heal()
    await pollUntil(async () => ((states = await gossipStates(environment, 'n1'))['n3' as keyof object] === 1 ? true : null), 100, 60_000, () => `n1 sees ${JSON.stringify(states)}`)
  })

  await t.test('SIGTERM ends a member in its own way', async (t) => {
    await kill!.terminate!('n3', 20_000)
    t.match(await ask(environment, 'n3', 'GET', '/v1/agent/self'), /^not-sent/)
    await kill!.restart('n3')
    await t.rejects(kill!.terminate!('n3', 1), { message: /n3 could not be ended with SIGTERM: .*within 0.001 s/ })
    t.match(await ask(environment, 'n3', 'GET', '/v1/agent/self'), /^not-sent/, 'then it was killed')
    await kill!.restart('n3')
  })

  await t.test('a member that clients are cut off from can be started', async (t) => {
    await kill!.kill('n3')
    const effect = await cutClients!.cutClients(['n3'])
    await kill!.restart('n3')
    t.match(await ask(environment, 'n3', 'GET', '/v1/agent/self'), /timeout|lost|not-sent/)
    await effect.heal()
    await askUntil(environment, /^200/, 'n3', 'GET', '/v1/agent/self')
  })

  for (const clocks of ['wall', 'all'] as const) {
    for (const skew of [
      { kind: 'jump', offsetMs: 20_000 }, { kind: 'jump', offsetMs: -20_000 }, { kind: 'drift', rate: 1.2 }, { kind: 'strobe', offsetMs: 2000, periodMs: 200 },
      // The slowest that is drawn takes longest to be seen.
      ...clocks === 'wall' ? [{ kind: 'drift', rate: 1.01 }] as const : [],
    ] as const) {
      await t.test(`clock: ${JSON.stringify(skew)} of ${clocks}`, async (t) => {
        const effect = await skewClock!.skew('n2', skew, clocks)
        t.comment(JSON.stringify(effect.observed))
        const healed = await effect.heal() as { wallMs: number }
        t.ok(Math.abs(healed.wallMs) <= 100)
      })
    }
  }

  await t.test('resources: little CPU, little memory, few files', async (t) => {
    const cpu = await limitResources!.limit('n2', { kind: 'cpu', share: 0.2 })
    t.ok((cpu.observed as { cpuShare: number }).cpuShare < 0.45, JSON.stringify(cpu.observed))
    t.comment(JSON.stringify(await cpu.heal()))
    const memory = await limitResources!.limit('n2', { kind: 'memory', maxMiB: 400 })
    t.match(memory.observed, { memoryMaxBytes: 400 * 1024 ** 2 })
    await t.rejects(limitResources!.limit('n2', { kind: 'memory', maxMiB: 300 }), { message: /already/ })
    t.notMatch(await memory.heal(), { memoryMaxBytes: 400 * 1024 ** 2 })
    const files = await limitResources!.limit('n2', { kind: 'files', max: 40 })
    t.match(files.observed, { filesMax: 40 })
    t.ok((await files.heal() as { filesMax: number }).filesMax > 1000)
  })

  await t.test('disk: full, read-only, slow', async (t) => {
    const full = await troubleDisk!.trouble('n3', { kind: 'full' })
    t.match(full.observed, { write: 'ENOSPC' })
    await t.rejects(troubleDisk!.trouble('n3', { kind: 'slow', syncMs: 100 }), { message: /full already/ })
    t.ok((await full.heal() as { syncMs: number }).syncMs >= 0)
    const readOnly = await troubleDisk!.trouble('n3', { kind: 'read-only' })
    t.match(readOnly.observed, { write: 'EPERM' })
    await readOnly.heal()
    const slow = await troubleDisk!.trouble('n2', { kind: 'slow', syncMs: 200 })
    t.ok((slow.observed as { syncMs: number }).syncMs >= 100, JSON.stringify(slow.observed))
    t.ok((await slow.heal() as { syncMs: number }).syncMs < 200)
    // What a full or read-only disk did to the member is the member's affair; it must be able to come back.
    await kill!.kill('n3')
    await kill!.restart('n3')
  })

  await t.test('a power cut loses nothing that was acknowledged, torn or not', async (t) => {
    for (const torn of [false, true]) {
      await askUntil(environment, '200 true', 'n2', 'PUT', '/v1/kv/kept', `kept-${torn}`)
      await Promise.all(environment.members.map((member) => kill!.cutPower!(member, { torn })))
      t.match(await ask(environment, 'n2', 'GET', '/v1/kv/kept'), /^not-sent/)
      await Promise.all(environment.members.map((member) => kill!.restart(member)))
      await askUntil(environment, `200 kept-${torn}`, 'n2', 'GET', '/v1/kv/kept?raw&consistent')
    }
  })

  await t.test('files of a dead member are damaged, and an empty disk helps', async (t) => {
    await t.rejects(damageFiles!.damage('n1', { kind: 'bit-flip', in: 'log' }, 0.5), { message: /n1 runs/ })
    await kill!.kill('n1')
    const flipped = await damageFiles!.damage('n1', { kind: 'bit-flip', in: 'log' }, 0.1) as { file: string, usedBytesBefore: number, atByte: number, sizeBytesAfter: number }
    t.match(flipped.file, /wal-\d+\.log$/)
    t.ok(flipped.atByte < flipped.usedBytesBefore && flipped.usedBytesBefore <= flipped.sizeBytesAfter, JSON.stringify(flipped))
    const cut = await damageFiles!.damage('n1', { kind: 'truncate', in: 'log', bytes: 10 }, 0) as typeof flipped
    t.equal(cut.sizeBytesAfter, cut.usedBytesBefore - 10)
    t.equal(await damageFiles!.damage('n1', { kind: 'bit-flip', in: 'snapshot' }, 0.5), null, 'there is no snapshot yet')
    await kill!.restartEmpty!('n1')
    await askUntil(environment, /^200/, 'n1', 'GET', '/v1/agent/self')
  })

  await t.test('a spare is started, reachable, cut and removed', async (t) => {
    await spareMembers!.start('n4')
    await askUntil(environment, /^200/, 'n4', 'GET', '/v1/agent/self')
    const cut = await cutLinks!.cut([{ from: 'n4', to: 'n1' }])
    await cut.heal()
    await t.rejects(spareMembers!.start('n4'), { message: /n4 runs already/ })
    await spareMembers!.remove('n4')
    t.match(await ask(environment, 'n4', 'GET', '/v1/agent/self'), /^not-sent/)
    await spareMembers!.start('n4')
  })

  await t.test('nothing is left', async (t) => {
    await environment[Symbol.asyncDispose]()
    t.same((await listLabelled(await connectEngine(), `${runLabel}=${chosen.runId}`)).map(({ kind, id }) => `${kind} ${id}`), [])
  })
})
