import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import t from 'tap'
import type { Disturbance } from '../capabilities.ts'
import { listenForBoth } from './both-protocols.ts'
import { contradiction, type ProbeSamples } from './disturbance-evidence.ts'
import { LinkFabric } from './link-fabric.ts'

const host = '127.0.0.1'
const links = [{ from: 'n1', to: 'n2' }, { from: 'n2', to: 'n1' }]

async function fabricOfTwo(t: { teardown(handler: () => unknown): void }, udp = true) {
  const members = await Promise.all(['n1', 'n2'].map(async (name) => {
    const server = createServer((socket) => socket.on('error', () => {}))
    const datagrams = createSocket('udp4')
    const endpoint = { host, port: await listenForBoth(host, server, datagrams) }
    t.teardown(() => { server.close(); datagrams.close() })
    return { name, services: [{ conversation: udp ? 'gossip' as const : 'raft' as const, endpoint, udp }] }
  }))
  const fabric = await LinkFabric.open(members, host)
  t.teardown(() => fabric.close())
  return fabric
}

const disturbances: readonly Disturbance[] = [
  { kind: 'loss', probability: 0.3, burstLength: 1 },
  { kind: 'loss', probability: 0.3, burstLength: 4 },
  { kind: 'delay', delayMs: 50, jitterMs: 10, distribution: 'uniform' },
  { kind: 'delay', delayMs: 30, jitterMs: 20, distribution: 'pareto' },
  { kind: 'duplicate', probability: 0.5 },
  { kind: 'reorder', probability: 0.3, gapMs: 40 },
  { kind: 'corrupt', probability: 0.3 },
  { kind: 'bandwidth', kbitPerS: 256 },
  { kind: 'mtu', maxBytes: 500 },
]

for (const disturbance of disturbances) {
  t.test(`${JSON.stringify(disturbance)} takes effect on links, is measured, and ends`, async (t) => {
    const fabric = await fabricOfTwo(t)
    const effect = await fabric.disturber.disturb(links, disturbance, 'all')
    t.match(effect.observed, { probes: Number })
    t.match(await effect.heal(), { arrived: Number, links: 2 })
    await effect.heal()
  })
}

t.test('two disturbances of one link end each for itself', async (t) => {
  const fabric = await fabricOfTwo(t)
  const slow = await fabric.disturber.disturb(links, { kind: 'delay', delayMs: 60, jitterMs: 0, distribution: 'uniform' }, 'all')
  const narrow = await fabric.disturber.disturb(links, { kind: 'mtu', maxBytes: 500 }, 'all')
  await narrow.heal()
  t.match(await slow.heal(), { links: 2 })
})

t.test('a disturbance is seen through another one, and not behind a cut', async (t) => {
  const fabric = await fabricOfTwo(t)
  const corrupt = await fabric.disturber.disturb(links, { kind: 'corrupt', probability: 0.4 }, 'all')
  const loss = await fabric.disturber.disturb(links, { kind: 'loss', probability: 0.4, burstLength: 1 }, 'all')
  await corrupt.heal()
  await loss.heal()
  const cut = await fabric.cut(links)
  await t.rejects(fabric.disturber.disturb(links, { kind: 'loss', probability: 0.4, burstLength: 1 }, 'all'), /is cut/)
  await cut.heal()
})

t.test('what streams cannot show is not offered without datagrams', async (t) => {
  const { disturber } = await fabricOfTwo(t, false)
  t.notOk(disturber.kinds.includes('duplicate'))
  await t.rejects(disturber.disturb(links, { kind: 'reorder', probability: 0.5, gapMs: 10 }, 'all'), /no effect on streams/)
  await t.rejects(disturber.disturb(links, { kind: 'loss', probability: 0.5, burstLength: 1 }, 'gossip'), /cannot be disturbed alone/)
})

t.test('probes that met nothing contradict each disturbance', async (t) => {
  const count = 100
  const times = Array.from({ length: count }, () => 1)
  const undisturbed = (bytes: number): ProbeSamples => ({
    streams: times.map((afterMs) => ({ bytes, afterMs, stalledMs: 0 })),
    datagrams: { bytes, links: 2, spanMs: 1, sent: count, arrived: count, copies: 0, overtaken: 0, spoiled: 0, afterMs: times },
  })
  for (const disturbance of disturbances) t.type(contradiction(disturbance, undisturbed(10_000)), 'string', disturbance.kind)
  t.match(contradiction({ kind: 'duplicate', probability: 0.5 }, { ...undisturbed(64), datagrams: null }), /no datagrams/)
})

t.test('probes that met too much contradict it too', async (t) => {
  const none: ProbeSamples = { streams: Array.from({ length: 100 }, () => ({ bytes: 64, afterMs: null, stalledMs: 0 })), datagrams: null }
  for (const disturbance of disturbances) {
    if (disturbance.kind !== 'duplicate' && disturbance.kind !== 'reorder') t.type(contradiction(disturbance, none), 'string', disturbance.kind)
  }
})
