import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { processScheduler } from '../agent/process-scheduler.ts'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { udpTcpNetwork, type UdpTcpNetwork } from '../transport/gossip-network.ts'
import { localProfile, resolveGossipConfig } from './config.ts'
import { GossipDriver, withPort, type GossipDriverOptions, type JoinOutcome } from './gossip-driver.ts'
import type { GossipEvent } from './ready.ts'

/** Ten times as fast as on one machine, with the same relations. */
const config = resolveGossipConfig({
  probeIntervalMs: 200, probeTimeoutMs: 80, gossipIntervalMs: 20, pushPullIntervalMs: 1000, reconnectIntervalMs: 500,
  leavePropagateDelayMs: 100, suspicionMaxTimeoutMult: 2,
}, localProfile)

interface Running {
  readonly driver: GossipDriver
  readonly network: UdpTcpNetwork
  readonly events: GossipEvent[]
  stop(): Promise<void>
}

let seed = 0

async function start(t: Test, name: string, options: Partial<GossipDriverOptions> & { port?: number } = {}): Promise<Running> {
  const network = await udpTcpNetwork({ bindHost: '127.0.0.1', bindPort: options.port ?? 0, log: silentLog })
  const events: GossipEvent[] = []
  const driver = new GossipDriver({
    name, tags: {}, label: 'test', config, network, scheduler: processScheduler, random: seededRandom(seed++), log: silentLog,
    retryJoinIntervalMs: 100, onEvent: (event) => events.push(event), ...options,
  })
  const stop = async () => {
    driver.stop()
    await network.close()
  }
  t.teardown(stop)
  driver.start()
  return { driver, network, events, stop }
}

async function until(what: () => string | null, timeoutMs = 60_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  for (let pending = what(); pending !== null; pending = what()) {
    if (performance.now() > deadlineMs) throw new Error(`after ${timeoutMs} ms still pending: ${pending}`)
    await delay(10)
  }
}

const statuses = (member: Running) => Object.fromEntries(member.driver.members().map(({ name, status }) => [name, status]))

/** Null when all see the same: these statuses. */
function pendingView(members: readonly Running[], expected: Record<string, string>): string | null {
  for (const member of members) {
    const seen = statuses(member)
    const same = Object.keys(seen).length === Object.keys(expected).length && Object.entries(expected).every(([name, status]) => seen[name] === status)
    if (!same) return `${member.driver.self.name} sees ${JSON.stringify(seen)}, not ${JSON.stringify(expected)}`
  }
  return null
}

t.test('five members over loopback: join, crash, come back, leave', async (t) => {
  const first = await start(t, 'a')
  const others = await Promise.all(['b', 'c', 'd', 'e'].map((name) => start(t, name, { retryJoin: [first.network.address] })))
  const all = [first, ...others]
  const alive = { a: 'alive', b: 'alive', c: 'alive', d: 'alive', e: 'alive' }
  await until(() => pendingView(all, alive))

  const victim = others[1]!
  await victim.stop()
  const rest = all.filter((member) => member !== victim)
  await until(() => pendingView(rest, { ...alive, c: 'failed' }))

  const back = await start(t, 'c', { port: Number(victim.network.address.split(':')[1]), retryJoin: [others[3]!.network.address], tags: { life: '2' } })
  await until(() => pendingView([...rest, back], alive))
  await until(() => first.driver.members().find(({ name }) => name === 'c')?.tags.life === '2' ? null : 'the tags of the second life')
  t.ok(back.driver.self.incarnation > 1)

  const leaver = others[0]!
  await new Promise<void>((resolve) => leaver.driver.leave(resolve))
  await leaver.stop()
  const staying = [first, back, others[2]!, others[3]!]
  await until(() => pendingView(staying, { ...alive, b: 'left' }))
  for (const { events } of staying) t.notOk(events.some((event) => event.kind === 'member-failed' && event.member.name === 'b'), 'leaving is not failing')

  t.ok(first.driver.userEvent('deploy', Buffer.from('v2')).ok)
  await until(() => staying.every(({ events }) => events.some((event) => event.kind === 'user-event' && event.name === 'deploy')) ? null : 'the event')
  t.ok(staying.every(({ driver }) => driver.counters.packetsRefused === 0))
})

t.test('joining waits for the first address that answers; wrong addresses are told', async (t) => {
  const probe = await udpTcpNetwork({ bindHost: '127.0.0.1', bindPort: 0, log: silentLog })
  const { address } = probe
  await probe.close()
  const waiting = await start(t, 'waiting', { retryJoin: [address] })
  const outcome = await new Promise<JoinOutcome>((resolve) => waiting.driver.join([address, 'nonsense:0'], resolve))
  t.same(outcome.contacted, [])
  t.match(outcome.failed.map(({ reason }) => reason).join(), /ECONNREFUSED/)
  t.match(outcome.failed.map(({ reason }) => reason).join(), /not host:port/)
  const late = await start(t, 'late', { port: Number(address.split(':')[1]) })
  await until(() => pendingView([waiting, late], { waiting: 'alive', late: 'alive' }))
})

t.test('clusters of different labels do not mix', async (t) => {
  const one = await start(t, 'one', { label: 'dc1' })
  const two = await start(t, 'two', { label: 'dc2' })
  const outcome = await new Promise<JoinOutcome>((resolve) => two.driver.join([one.network.address], resolve))
  t.equal(outcome.contacted.length, 0)
  t.equal(one.driver.members().length, 1)
  t.ok(one.driver.counters.streamsRefused > 0)
})

t.test('alone, leaving takes no time to speak of', async (t) => {
  const alone = await start(t, 'alone')
  const startMs = performance.now()
  await new Promise<void>((resolve) => alone.driver.leave(resolve))
  t.ok(performance.now() - startMs < 2000)
  await new Promise<void>((resolve) => alone.driver.leave(resolve))
})

t.test('addresses without a port', async (t) => {
  t.equal(withPort('host'), 'host:8301')
  t.equal(withPort('host:99'), 'host:99')
  t.equal(withPort('10.0.0.1'), '10.0.0.1:8301')
  t.equal(withPort('::1'), '[::1]:8301')
  t.equal(withPort('[::1]'), '[::1]:8301')
  t.equal(withPort('[::1]:5'), '[::1]:5')
})
