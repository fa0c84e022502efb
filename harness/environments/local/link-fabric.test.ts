import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import t from 'tap'
import { listenForBoth } from './both-protocols.ts'
import { Gate } from './gate.ts'
import { LinkFabric } from './link-fabric.ts'

type Tap = { teardown(handler: () => unknown): void }
const host = '127.0.0.1'

/** Members that answer whatever they hear with their name. */
async function fabricOf(t: Tap, names: readonly string[], probeDeadlineMs?: number) {
  const members = await Promise.all(names.map(async (name) => {
    const heard: string[] = []
    const server = createServer((socket) => {
      socket.on('error', () => {}).on('data', (data: Buffer) => { heard.push(String(data)); socket.write(name) })
      t.teardown(() => socket.destroy())
    })
    const datagrams = createSocket('udp4')
    const endpoint = { host, port: await listenForBoth(host, server, datagrams) }
    t.teardown(() => { server.close(); datagrams.close() })
    datagrams.on('message', (data) => heard.push(String(data)))
    return { name, heard, endpoint, services: [{ conversation: 'gossip' as const, endpoint, udp: true }] }
  }))
  const fabric = await LinkFabric.open(members, host, probeDeadlineMs)
  t.teardown(() => fabric.close())
  /** Whether `to` answers `from` within the time. */
  const answers = async (from: string, to: string, withinMs: number) => {
    const { endpoint } = members.find(({ name }) => name === to)!
    const [doorHost, doorPort] = fabric.dialMap(from)[`${endpoint.host}:${endpoint.port}`]!.split(':')
    const socket = connect({ host: doorHost!, port: Number(doorPort) })
    socket.on('error', () => {}).write(`from ${from}`)
    try {
      await once(socket, 'data', { signal: AbortSignal.timeout(withinMs) })
      return true
    } catch {
      return false
    } finally {
      socket.destroy()
    }
  }
  return { fabric, members, answers }
}

t.test('each member has a door to each other one', async (t) => {
  const { fabric, answers, members } = await fabricOf(t, ['n1', 'n2', 'n3'])
  t.equal(fabric.unusedLinks().length, 6)
  t.equal(Object.keys(fabric.dialMap('n1')).length, 2)
  t.ok(await answers('n1', 'n2', 5_000))
  t.same(members[1]!.heard, ['from n1'])
  t.equal(fabric.unusedLinks().length, 5)
  t.notOk(fabric.unusedLinks().some(({ from, to }) => from === 'n1' && to === 'n2'))
})

t.test('a cut is proven, holds its links only, and heals', async (t) => {
  const { fabric, answers, members } = await fabricOf(t, ['n1', 'n2', 'n3'])
  const cut = await fabric.cut([{ from: 'n1', to: 'n2' }])
  t.notOk(await answers('n1', 'n2', 60))
  // A busy machine may not have brought it there when nobody waits any more.
  for (let tries = 0; members[0]!.heard.length === 0 && tries < 100; tries++) t.notOk(await answers('n2', 'n1', 60 * 2 ** Math.min(tries, 5)), 'n1 hears n2, but its answer is lost')
  t.match(members[0]!.heard, ['from n2'])
  t.same(members[1]!.heard, [])
  t.ok(await answers('n1', 'n3', 5_000))
  await cut.heal()
  t.ok(await answers('n1', 'n2', 5_000))
  t.notOk(members.some(({ heard }) => heard.some((text) => !text.startsWith('from'))), 'no member hears a probe')
})

t.test('overlapping cuts: a link passes when the last one heals', async (t) => {
  const { fabric, answers } = await fabricOf(t, ['n1', 'n2', 'n3'])
  const both = (a: string, b: string) => [{ from: a, to: b }, { from: b, to: a }]
  const first = await fabric.cut([...both('n1', 'n2'), ...both('n1', 'n3')])
  const second = await fabric.cut([...both('n1', 'n2')])
  await first.heal()
  t.notOk(await answers('n1', 'n2', 60))
  t.ok(await answers('n1', 'n3', 5_000))
  await second.heal()
  t.ok(await answers('n1', 'n2', 5_000))
})

t.test('a cut or a healing that has no effect is noticed', async (t) => {
  const { fabric } = await fabricOf(t, ['n1', 'n2'])
  const { cut } = Gate.prototype
  t.teardown(() => Object.assign(Gate.prototype, { cut }))
  Gate.prototype.cut = () => {}
  await t.rejects(fabric.cut([{ from: 'n1', to: 'n2' }]), { message: /cut of n1→n2 has failed/ })
  Gate.prototype.cut = cut
  const other = await fabricOf(t, ['n1', 'n2'], 200)
  const done = await other.fabric.cut([{ from: 'n1', to: 'n2' }])
  await other.fabric.delayAll(10_000)
  await t.rejects(done.heal(), { message: /do not pass again after healing: .*n1→n2/ })
})

t.test('with delay, a cut is still proven', async (t) => {
  const { fabric, answers } = await fabricOf(t, ['n1', 'n2'])
  await fabric.delayAll(40)
  const startMs = performance.now()
  t.ok(await answers('n1', 'n2', 5_000))
  t.ok(performance.now() - startMs >= 79, 'there and back')
  const cut = await fabric.cut([{ from: 'n1', to: 'n2' }])
  await cut.heal()
  await t.rejects(fabric.delayAll(-1))
  await t.rejects(fabric.cut([{ from: 'n1', to: 'n7' }]), { message: /no link n1→n7/ })
})
