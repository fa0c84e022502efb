import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import t from 'tap'
import type { FirewallRule } from '../capabilities.ts'
import { listenForBoth } from './both-protocols.ts'
import { LocalFirewall } from './firewall.ts'
import { LinkFabric } from './link-fabric.ts'
import type { Conversation } from './lanes.ts'

type Tap = { teardown(handler: () => unknown): void }

const host = '127.0.0.1'

async function listener(t: Tap, name: string, udp: boolean, heard: string[]): Promise<{ host: string, port: number }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('data', (data: Buffer) => { heard.push(String(data)); socket.write(name) })
  })
  t.teardown(() => { server.close(); for (const socket of sockets) socket.destroy() })
  if (udp) {
    const datagrams = createSocket('udp4').on('message', (data, from) => { heard.push(String(data)); datagrams.send(name, from.port, from.address) })
    t.teardown(() => datagrams.close())
    return { host, port: await listenForBoth(host, server, datagrams) }
  }
  server.listen(0, host)
  await once(server, 'listening')
  return { host, port: (server.address() as AddressInfo).port }
}

/** Members that hear and answer at each of their ports, and clients whose routes are written down. */
async function cluster(t: Tap) {
  const heard: string[] = []
  const members = await Promise.all(['n1', 'n2', 'n3'].map(async (name) => ({
    name, services: await Promise.all((['raft', 'gossip', 'client'] as const).map(async (conversation) =>
      ({ conversation, udp: conversation === 'gossip', endpoint: await listener(t, name, conversation === 'gossip', heard) }))),
  })))
  const fabric = await LinkFabric.open(members, host)
  t.teardown(() => fabric.close())
  const clients: string[] = []
  const firewall = new LocalFirewall(fabric, members.map(({ name }) => name), {
    cut: async (cut) => {
      clients.push(`cut ${cut.join()}`)
      return { observed: 'cut', heal: async () => { clients.push('mended') } }
    },
    reset: (member) => { clients.push(`reset ${member}`) },
  })
  const endpoint = (from: string, to: string, conversation: Conversation) =>
    fabric.doors.find((door) => door.link.from === from && door.link.to === to && door.conversation === conversation)!.proxy.endpoint
  return {
    firewall, fabric, clients, heard,
    /** A connection over this link that has been answered. */
    async talk(from: string, to: string, conversation: Conversation = 'raft') {
      const socket = connect(endpoint(from, to, conversation))
      t.teardown(() => socket.destroy())
      const ended = new Promise<string>((resolve) => socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? '')).on('close', () => resolve('closed')))
      socket.write('hello')
      await once(socket, 'data')
      return { socket, ended }
    },
    /** What a new connection with a question gets. */
    async ask(from: string, to: string, conversation: Conversation = 'raft', withinMs = 100): Promise<string> {
      const socket = connect(endpoint(from, to, conversation))
      try {
        socket.write('question')
        const [answer] = await once(socket, 'data', { signal: AbortSignal.timeout(withinMs) })
        return String(answer)
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? 'silence'
      } finally {
        socket.destroy()
      }
    },
    /** How many of these datagrams were answered. */
    async datagrams(from: string, to: string, count: number, bytes = 10): Promise<number> {
      const { port } = endpoint(from, to, 'gossip')
      const socket = createSocket('udp4')
      let answers = 0
      socket.on('message', () => { answers++ })
      for (let i = 0; i < count; i++) socket.send(Buffer.alloc(bytes, 'x'), port, host)
      const endMs = performance.now() + 150
      while (answers < count && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5))
      socket.close()
      return answers
    },
  }
}

const patientMs = 10_000
const rule = (from: string, to: string, action: FirewallRule['action'], protocol: FirewallRule['protocol'] = 'any', port: number | null = null): FirewallRule =>
  ({ from, to, protocol, port, action })

async function until(condition: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + patientMs
  while (!await condition()) if (performance.now() > endMs) throw new Error(`not within ${patientMs} ms`)
}

t.test('drop: by protocol, port and direction, and nothing else', async (t) => {
  const { firewall, ask, datagrams } = await cluster(t)
  const gossip = await firewall.apply([rule('n1', 'n2', { kind: 'drop' }, 'udp', 8301)])
  t.equal(await datagrams('n1', 'n2', 3), 0)
  t.equal(await datagrams('n2', 'n1', 3), 0, 'the answer is dropped')
  t.equal(await ask('n1', 'n2', 'gossip', patientMs), 'n2', 'TCP at the same port')
  t.equal(await ask('n1', 'n2', 'raft', patientMs), 'n2')
  await until(async () => await datagrams('n1', 'n3', 1) === 1)
  await gossip.heal()
  await until(async () => await datagrams('n1', 'n2', 1) === 1)

  const raft = await firewall.apply([rule('n1', 'n2', { kind: 'drop' }, 'tcp', 8300)])
  t.equal(await ask('n1', 'n2'), 'ABORT_ERR')
  t.equal(await ask('n2', 'n1', 'raft', patientMs), 'n1', 'what n1 answers goes to another port')
  await raft.heal()
  const everything = await firewall.apply([rule('n1', 'n2', { kind: 'drop' })])
  t.equal(await ask('n2', 'n1'), 'ABORT_ERR', 'without a port, answers too')
  await everything.heal()
  await everything.heal()
  t.equal(await ask('n2', 'n1', 'raft', patientMs), 'n1')
})

t.test('reject: who dials is refused, and what stands is silent', async (t) => {
  const { firewall, ask, talk, datagrams } = await cluster(t)
  const { socket, ended } = await talk('n1', 'n2')
  const rejected = await firewall.apply([rule('n1', 'n2', { kind: 'reject' })])
  t.equal(await ask('n1', 'n2'), 'ECONNREFUSED')
  t.equal(await ask('n1', 'n2', 'gossip'), 'ECONNREFUSED')
  t.equal(await ask('n1', 'n3', 'raft', patientMs), 'n3')
  t.equal(await datagrams('n1', 'n2', 2), 0)
  socket.write('still here')
  t.equal(await Promise.race([ended, once(socket, 'data').then(() => 'answered'), new Promise((resolve) => setTimeout(resolve, 100, 'silence'))]), 'silence')
  const again = await firewall.apply([rule('n1', 'n2', { kind: 'reject' }, 'tcp', 8300)])
  await rejected.heal()
  t.equal(await ask('n1', 'n2'), 'ECONNREFUSED', 'the other rule still holds')
  await again.heal()
  t.equal(await ask('n1', 'n2', 'raft', patientMs), 'n2')
})

t.test('reset: established connections end with a reset, new ones are refused', async (t) => {
  const { firewall, ask, talk, datagrams } = await cluster(t)
  const struck = await talk('n1', 'n2')
  const other = await talk('n1', 'n3')
  const effect = await firewall.apply([rule('n1', 'n2', { kind: 'reset' }, 'any', 8300)])
  t.match(effect.observed, [{ saw: { reset: 1, refused: 1 } }])
  t.equal(await struck.ended, 'ECONNRESET')
  t.equal(await ask('n1', 'n2'), 'ECONNREFUSED')
  t.equal(await ask('n1', 'n2', 'gossip', patientMs), 'n2', 'another port')
  await until(async () => await datagrams('n1', 'n2', 1) === 1)
  other.socket.write('still here')
  t.equal(String((await once(other.socket, 'data'))[0]), 'n3')
  await effect.heal()
  t.equal(await ask('n1', 'n2', 'raft', patientMs), 'n2')
})

t.test('limit: so many datagrams pass, and streams slow down', async (t) => {
  const { firewall, ask, datagrams } = await cluster(t)
  const slow = await firewall.apply([rule('n1', 'n2', { kind: 'limit', packetsPerS: 5 }, 'udp', 8301)])
  t.match(slow.observed, [{ saw: { datagrams: { arrived: Number } } }])
  const startMs = performance.now()
  const passed = await datagrams('n1', 'n2', 40)
  t.ok(passed <= 6 + 5 * (performance.now() - startMs) / 1000, `${passed} of 40`)
  t.equal(await ask('n1', 'n2', 'gossip', patientMs), 'n2')
  await slow.heal()
  await until(async () => await datagrams('n1', 'n2', 40) === 40)
  const streams = await firewall.apply([rule('n1', 'n2', { kind: 'limit', packetsPerS: 20 }, 'tcp')])
  t.ok((streams.observed as [{ saw: { slowestMs: number } }])[0].saw.slowestMs >= 0.8 * 3 / 20 * 1000)
  await streams.heal()
})

t.test('mtu: what is larger is lost without a word', async (t) => {
  const { firewall, ask, datagrams, talk } = await cluster(t)
  const { socket } = await talk('n1', 'n2')
  const effect = await firewall.apply([rule('n1', 'n2', { kind: 'mtu', maxBytes: 500 })])
  await until(async () => await datagrams('n1', 'n2', 1, 400) === 1)
  t.equal(await datagrams('n1', 'n2', 3, 600), 0)
  t.equal(await ask('n1', 'n2', 'raft', patientMs), 'n2')
  const answered = once(socket, 'data').then(() => 'answered')
  socket.write(Buffer.alloc(600))
  t.equal(await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, 100, 'silence'))]), 'silence')
  await effect.heal()
  t.equal(await answered, 'answered', 'sent again when it may pass')
})

t.test('rules about clients: dropped at their side, all else through a door', async (t) => {
  const { firewall, fabric, clients, ask } = await cluster(t)
  const dropped = await firewall.apply([rule('clients', 'n2', { kind: 'drop' }, 'tcp', 8500)])
  await dropped.heal()
  t.same(clients.splice(0), ['cut n2', 'mended'])
  const reset = await firewall.apply([rule('any', 'n2', { kind: 'reset' }, 'tcp', 8500)])
  t.ok(fabric.routes.isRouted('n2'))
  t.notOk(fabric.routes.isRouted('n1'))
  t.equal(await ask('clients', 'n2', 'client'), 'ECONNREFUSED')
  t.equal(await ask('n1', 'n2', 'raft', patientMs), 'n2')
  await reset.heal()
  t.same(clients.splice(0), ['reset n2'])
  t.notOk(fabric.routes.isRouted('n2'))
  t.equal(await ask('clients', 'n2', 'client', patientMs), 'n2')
})

t.test('what is refused is said in a sentence, and leaves nothing behind', async (t) => {
  const { firewall, ask, fabric } = await cluster(t)
  for (const [bad, sentence] of [
    [rule('n1', 'n9', { kind: 'drop' }), /no member n9/],
    [rule('n1', 'n2', { kind: 'drop' }, 'tcp', 9999), /ports are 8300/],
    [rule('n1', 'n2', { kind: 'drop' }, 'udp', 8300), /ports are 8300/],
    [rule('n1', 'n2', { kind: 'reset' }, 'udp'), /Only TCP/],
    [rule('n1', 'clients', { kind: 'drop' }), /stands at a receiver/],
    [rule('n1', 'n2', { kind: 'limit', packetsPerS: 0.1 }), /packets per second/],
  ] as const) await t.rejects(firewall.apply([bad]), { message: sentence })
  // A refusal that has no effect is noticed.
  const door = fabric.doors.find(({ link, conversation }) => link.from === 'n1' && link.to === 'n2' && conversation === 'raft')!
  door.proxy.tcp.refuse = () => {}
  await t.rejects(firewall.apply([rule('n1', 'n2', { kind: 'limit', packetsPerS: 50 }, 'udp'), rule('n1', 'n2', { kind: 'reject' }, 'tcp', 8300)]), { message: /still taken/ })
  t.equal(await ask('n1', 'n2', 'raft', patientMs), 'n2')
  t.ok(fabric.everyLane.every(({ gate }) => gate.open && gate.disturbances === 0))
})
