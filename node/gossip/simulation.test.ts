import t from 'tap'
import { detectionBoundMs, disseminationBoundMs, firstSuspicionMeanMs, suspicionTimeoutMsMin } from './bounds.ts'
import { lanProfile, resolveGossipConfig } from './config.ts'
import { SimulatedGossip } from './testing/simulated-gossip.ts'

/** A cluster in which everybody knows everybody. */
function converged(count: number, options: ConstructorParameters<typeof SimulatedGossip>[0]): SimulatedGossip {
  const simulation = new SimulatedGossip(options)
  simulation.startCluster(count)
  simulation.runUntil(() => simulation.pendingView(), disseminationBoundMs(simulation.config, count))
  return simulation
}

for (const count of [2, 3, 5, 20, 50]) {
  t.test(`${count} members: all join, nobody fails, a crash is detected by all within the bound`, async (t) => {
    for (const seed of [1, 2, 3]) {
      const simulation = converged(count, { seed })
      simulation.run(20_000)
      t.same(simulation.eventsOf('member-suspect'), [], 'no suspicion without a fault')
      const victim = simulation.members[count >> 1]!
      const crashMs = simulation.nowMs
      simulation.crash(victim)
      const boundMs = detectionBoundMs(simulation.config, { members: count, healthScoreMax: count === 2 ? 1 : 0 })
      const tookMs = simulation.runUntil(() => simulation.pendingView({ [victim.name]: 'failed' }), boundMs)
      t.ok(tookMs >= suspicionTimeoutMsMin(simulation.config, count), `${tookMs.toFixed(0)} of ${boundMs} ms`)
      const failures = simulation.eventsOf('member-failed')
      t.equal(failures.length, count - 1, 'told once to each')
      t.ok(failures.every(({ event, atMs }) => event.member.name === victim.name && atMs > crashMs), 'and only of who crashed')
      if (count > 2) t.ok(simulation.members.every(({ core, up }) => !up || core.healthScore === 0), 'nacks keep the others confident')
      t.ok(simulation.packetBytesMaxSeen <= 1400)
    }
  })
}

t.test('the same seed gives the same course of events, another seed another', async (t) => {
  const course = (seed: number) => {
    const simulation = new SimulatedGossip({ seed, lossProbability: 0.2 })
    simulation.startCluster(8)
    simulation.run(20_000)
    simulation.crash(simulation.members[3]!)
    simulation.run(40_000)
    return simulation.trace
  }
  t.same(course(7), course(7))
  t.notSame(course(7), course(8))
  t.ok(course(7).length > 50)
})

t.test('the first suspicion comes after the mean time that SWIM predicts', async (t) => {
  for (const count of [2, 5, 10]) {
    let sumMs = 0
    const runs = 40
    for (let seed = 1; seed <= runs; seed++) {
      const simulation = converged(count, { seed })
      simulation.run(seed * 173)
      const crashMs = simulation.nowMs
      simulation.crash(simulation.members[1]!)
      simulation.runUntil(() => simulation.eventsOf('member-suspect').length > 0 ? null : 'a suspicion', 30_000)
      sumMs += simulation.nowMs - crashMs
    }
    const predictedMs = firstSuspicionMeanMs(lanProfile, count)
    t.ok(Math.abs(sumMs / runs - predictedMs) < 0.25 * predictedMs, `${count} members: ${(sumMs / runs).toFixed(0)} ms, predicted ${predictedMs.toFixed(0)} ms`)
  }
})

t.test('several crash at once: all are detected', async (t) => {
  const simulation = converged(20, { seed: 4 })
  const victims = simulation.members.slice(5, 12)
  for (const victim of victims) simulation.crash(victim)
  const expected = Object.fromEntries(victims.map((victim) => [victim.name, 'failed' as const]))
  // Relays are dead too: those who ask them doubt themselves.
  simulation.runUntil(() => simulation.pendingView(expected), detectionBoundMs(simulation.config, { members: 20, healthScoreMax: 7 }))
  t.ok(simulation.eventsOf('member-failed').every(({ event }) => victims.some((victim) => victim.name === event.member.name)))
})

t.test('loss alone fails nobody: indirect pings, streams and refutation hold', async (t) => {
  let suspicions = 0
  let refuted = 0
  for (const seed of [1, 2, 3, 4, 5]) {
    const simulation = converged(10, { seed, lossProbability: 0.1 })
    // Streams would save every probe.
    simulation.streamsPass = () => false
    simulation.run(120_000)
    simulation.streamsPass = () => true
    suspicions += simulation.eventsOf('member-suspect').length
    refuted += simulation.eventsOf('refuted').length
    t.same(simulation.eventsOf('member-failed'), [], `seed ${seed}`)
    simulation.lossProbability = 0
    simulation.runUntil(() => simulation.pendingView(), 60_000)
  }
  t.comment(`${suspicions} suspicions, ${refuted} refuted`)
})

t.test('who loses half of its datagrams is suspected, refutes, and is trusted again', async (t) => {
  const simulation = converged(6, { seed: 11 })
  const [victim] = simulation.members
  simulation.streamsPass = () => false
  let drop = false
  simulation.packetsPass = (from, to) => {
    drop = !drop
    return !(drop && (from === victim || to === victim))
  }
  simulation.runUntil(() => simulation.eventsOf('refuted').length > 2 ? null : 'no refutation', 120_000)
  simulation.heal()
  simulation.runUntil(() => simulation.pendingView(), 60_000)
  simulation.runUntil(() => simulation.members.every(({ core }) => core.members().every((view) => view.state === 'alive')) ? null : 'somebody is still suspected', 60_000)
  t.ok(victim!.core.self.incarnation > 1, `incarnation ${victim!.core.self.incarnation}`)
  t.ok(simulation.eventsOf('member-trust').length > 0)
})

t.test('a member that only streams reach is kept, and reported', async (t) => {
  const simulation = converged(4, { seed: 12 })
  const [victim] = simulation.members
  simulation.packetsPass = (_from, to) => to !== victim
  simulation.run(60_000)
  const failed = simulation.eventsOf('member-failed').filter(({ event }) => event.member.name === victim!.name)
  t.same(failed, [])
  t.ok(simulation.eventsOf('packets-blocked').some(({ event }) => event.name === victim!.name))
})

t.test('a partition: each side gives the other up within the bound; after it heals all are alive to all', async (t) => {
  for (const seed of [1, 2, 3]) {
    const simulation = converged(9, { seed })
    const left = simulation.members.slice(0, 4)
    const right = simulation.members.slice(4)
    simulation.partition(left, right)
    const boundMs = detectionBoundMs(simulation.config, { members: 9, healthScoreMax: 7 })
    simulation.runUntil(() => {
      for (const [side, other] of [[left, right], [right, left]] as const) {
        for (const { core, name } of side) {
          const pending = core.members().find((view) => other.some((member) => member.name === view.name) && view.status !== 'failed')
          if (pending !== undefined) return `${name} sees ${pending.name} ${pending.status}`
        }
      }
      return null
    }, boundMs)
    // Longer than failed members are gossiped to: only reconnecting can help.
    simulation.run(60_000)
    simulation.heal()
    const tookMs = simulation.runUntil(() => simulation.pendingView(), 10 * simulation.config.reconnectIntervalMs)
    t.pass(`healed after ${tookMs.toFixed(0)} ms`)
    simulation.run(60_000)
    t.equal(simulation.pendingView(), null, 'and it stays')
  }
})

t.test('one direction cut: nobody is even suspected while others can relay', async (t) => {
  const simulation = converged(6, { seed: 5 })
  const [a, b] = simulation.members
  simulation.packetsPass = (from, to) => !(from === a && to === b)
  simulation.streamsPass = () => false
  simulation.run(180_000)
  t.same(simulation.eventsOf('member-suspect'), [])
})

t.test('a graceful leave is no failure', async (t) => {
  const simulation = converged(6, { seed: 6 })
  const leaver = simulation.members[2]!
  simulation.command(leaver, (core, nowMs) => core.leave(nowMs))
  const tookMs = simulation.runUntil(() => leaver.events.some(({ event }) => event.kind === 'leave-complete') ? null : 'leave-complete', 15_000)
  t.ok(tookMs < 8000, `${tookMs} ms`)
  simulation.crash(leaver)
  simulation.runUntil(() => simulation.pendingView({ [leaver.name]: 'left' }), 10_000)
  simulation.run(120_000)
  t.equal(simulation.pendingView({ [leaver.name]: 'left' }), null)
  t.same(simulation.eventsOf('member-failed'), [])
  t.equal(simulation.eventsOf('member-leave').length, 5)
})

t.test('a crashed member comes back with a higher incarnation, before and after it was given up', async (t) => {
  for (const downMs of [500, 60_000]) {
    const simulation = converged(5, { seed: 7 })
    const victim = simulation.members[1]!
    const before = victim.core.self.incarnation
    simulation.crash(victim)
    simulation.run(downMs)
    simulation.restart(victim, { version: '2' })
    simulation.join(victim, simulation.members[3]!)
    simulation.runUntil(() => simulation.pendingView() ?? (simulation.members.every(({ core }) =>
      core.members().find((view) => view.name === victim.name)?.tags.version === '2') ? null : 'the new tags'), 30_000)
    t.ok(victim.core.self.incarnation > before, `${before} to ${victim.core.self.incarnation}`)
    simulation.run(120_000)
    t.equal(simulation.pendingView(), null, 'and it stays')
  }
})

t.test('a member that left comes back', async (t) => {
  const simulation = converged(5, { seed: 8 })
  const leaver = simulation.members[4]!
  simulation.command(leaver, (core, nowMs) => core.leave(nowMs))
  simulation.run(15_000)
  simulation.crash(leaver)
  simulation.restart(leaver)
  simulation.join(leaver, simulation.members[0]!)
  simulation.runUntil(() => simulation.pendingView(), 30_000)
  const newcomer = simulation.start('newcomer')
  simulation.join(newcomer, simulation.members[1]!)
  simulation.run(90_000)
  t.equal(simulation.pendingView(), null, 'alive to all, also to who never saw it leave')
})

t.test('failed and left members are forgotten after their times', async (t) => {
  const config = resolveGossipConfig({ failedReclaimMs: 120_000, leftReclaimMs: 60_000 }, lanProfile)
  const simulation = converged(5, { seed: 9, config })
  const [, failed, leaver] = simulation.members
  simulation.crash(failed!)
  simulation.command(leaver!, (core, nowMs) => core.leave(nowMs))
  simulation.run(20_000)
  simulation.crash(leaver!)
  simulation.runUntil(() => simulation.pendingView({ m1: 'failed', m2: 'left' }), 60_000)
  simulation.runUntil(() => simulation.pendingView({ m1: 'failed', m2: 'unknown' }), 90_000)
  simulation.runUntil(() => simulation.pendingView({ m1: 'unknown', m2: 'unknown' }), 200_000)
  t.equal(simulation.eventsOf('member-reap').length, 6)
})

t.test('force-leave makes a failed member left at once and everywhere; one that lives says so', async (t) => {
  const simulation = converged(5, { seed: 10 })
  const [first, victim, alive] = simulation.members
  simulation.crash(victim!)
  simulation.runUntil(() => simulation.pendingView({ m1: 'failed' }), 60_000)
  t.same(simulation.command(first!, (core, nowMs) => core.forceLeave(nowMs, 'nobody', false)), { ok: false, error: 'no member is named "nobody"' })
  simulation.command(first!, (core, nowMs) => core.forceLeave(nowMs, victim!.name, false))
  simulation.runUntil(() => simulation.pendingView({ m1: 'left' }), 10_000)
  simulation.command(first!, (core, nowMs) => core.forceLeave(nowMs, alive!.name, false))
  t.equal(first!.core.members().find((view) => view.name === alive!.name)?.status, 'leaving')
  simulation.runUntil(() => simulation.pendingView({ m1: 'left' }), 10_000)
  simulation.command(first!, (core, nowMs) => core.forceLeave(nowMs, victim!.name, true))
  simulation.runUntil(() => simulation.pendingView({ m1: 'unknown' }), 10_000)
  simulation.run(60_000)
  t.equal(simulation.pendingView({ m1: 'unknown' }), null, 'pruned for good')
})

t.test('a second member of a name is reported and not let in', async (t) => {
  const simulation = converged(4, { seed: 13 })
  const twin = simulation.start('m1', { address: 'elsewhere:8301' })
  simulation.join(twin, simulation.members[0]!)
  simulation.run(120_000)
  for (const observer of simulation.members.slice(0, 4)) {
    t.equal(observer.core.members().find((view) => view.name === 'm1')?.address, 'm1:8301')
    t.equal(observer.core.members().find((view) => view.name === 'm1')?.status, 'alive')
  }
  t.ok(simulation.eventsOf('name-conflict').some(({ event }) => event.otherAddress === 'elsewhere:8301'))
  t.same(simulation.eventsOf('member-failed'), [])
})

t.test('a user event reaches everybody once, also with loss; a newcomer is not told', async (t) => {
  const simulation = converged(12, { seed: 14, lossProbability: 0.2 })
  const fire = (i: number, name: string) => simulation.command(simulation.members[i]!, (core, nowMs) => core.userEvent(nowMs, name, Buffer.from('payload')))
  t.ok(fire(0, 'deploy').ok)
  t.ok(fire(5, 'deploy').ok)
  t.match(simulation.command(simulation.members[1]!, (core, nowMs) => core.userEvent(nowMs, 'large', Buffer.alloc(512))), { ok: false, error: /517 bytes/ })
  const counts = () => simulation.members.map(({ events }) => events.filter(({ event }) => event.kind === 'user-event').length)
  simulation.runUntil(() => counts().every((count) => count === 2) ? null : `told ${counts().join(' ')}`, disseminationBoundMs(simulation.config, 12))
  const newcomer = simulation.start('newcomer')
  simulation.join(newcomer, simulation.members[3]!)
  simulation.run(120_000)
  t.same(counts(), [...Array<number>(12).fill(2), 0])
  const times = simulation.eventsOf('user-event').map(({ event }) => event.time)
  t.ok(fire(7, 'later').ok)
  simulation.run(30_000)
  t.ok(simulation.eventsOf('user-event').filter(({ event }) => event.name === 'later').every(({ event }) => event.time > Math.max(...times)))
})

t.test('changed tags reach everybody', async (t) => {
  const simulation = converged(5, { seed: 15 })
  simulation.command(simulation.members[2]!, (core, nowMs) => core.setTags(nowMs, { role: 'server' }))
  simulation.runUntil(() => simulation.members.every(({ core }) => core.members().find((view) => view.name === 'm2')?.tags.role === 'server') ? null : 'the tags', 10_000)
  t.equal(simulation.eventsOf('member-update').length, 4)
})

t.test('a member that was stopped for a while fails nobody when it goes on, and refutes what was said of it', async (t) => {
  for (const pauseMs of [700, 3000, 10_000, 90_000]) {
    for (const seed of [1, 2, 3, 4]) {
      const simulation = converged(5, { seed })
      const [, victim] = simulation.members
      simulation.run(seed * 217)
      simulation.pause(victim!)
      simulation.run(pauseMs)
      simulation.resume(victim!)
      simulation.runUntil(() => simulation.pendingView(), 60_000)
      t.same(victim!.events.filter(({ event }) => event.kind === 'member-failed'), [], `stopped for ${pauseMs} ms`)
    }
  }
})

t.test('the news stops: a quiet cluster has nothing queued', async (t) => {
  const simulation = converged(20, { seed: 16 })
  simulation.runUntil(() => simulation.members.every(({ core }) => core.broadcastsQueued === 0) ? null : 'queued broadcasts', 60_000)
  t.pass()
})
