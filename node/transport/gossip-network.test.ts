import { createSocket } from 'node:dgram'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { silentLog } from '../base/log.ts'
import type { RequestOutcome } from '../gossip/network.ts'
import { encodeStream, labelSeed } from '../gossip/wire.ts'
import { freePort } from '../testing/free-port.ts'
import { udpTcpNetwork, type GossipNetworkOptions, type UdpTcpNetwork } from './gossip-network.ts'

const message = encodeStream({ kind: 'stream-ping', target: 'x' }, labelSeed(''))

async function open(t: Test, options: Partial<GossipNetworkOptions> = {}): Promise<UdpTcpNetwork> {
  const network = await udpTcpNetwork({ bindHost: '127.0.0.1', bindPort: 0, log: silentLog, ...options })
  t.teardown(() => network.close())
  return network
}

async function until(what: string, condition: () => boolean, timeoutMs = 60_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`)
    await delay(5)
  }
}

const portOf = (network: UdpTcpNetwork) => Number(network.address.split(':')[1])

function ask(network: UdpTcpNetwork, address: string, timeoutMs = 5000, bytes: Uint8Array = message): Promise<RequestOutcome> {
  return new Promise((resolve) => network.request(address, bytes, timeoutMs, resolve))
}

/** A raw connection, and whether the other side has closed it. */
function raw(t: Test, port: number): { socket: Socket, closed: () => boolean } {
  const socket = connect(port, '127.0.0.1')
  let closed = false
  socket.on('error', () => {})
  socket.on('close', () => { closed = true })
  socket.resume()
  t.teardown(() => socket.destroy())
  return { socket, closed: () => closed }
}

t.test('datagrams and requests go to the same address', async (t) => {
  const [a, b] = [await open(t), await open(t)]
  const received: string[] = []
  b.onPacket((from, bytes) => received.push(`${from} ${Buffer.from(bytes).toString()}`))
  a.sendPacket(b.address, Buffer.from('hello'))
  await until('the datagram', () => received.length > 0)
  t.same(received, [`${a.address} hello`])

  const large = encodeStream({
    kind: 'push-pull', join: true, intentClock: 1, eventClock: 1, events: [],
    members: Array.from({ length: 5000 }, (_, i) => ({ name: `member-${i}`, address: 'host:1', incarnation: 1, state: 'alive' as const, tags: { role: 'consul' }, leaving: false, intentTime: 1 })),
  }, 0)
  b.onRequest((bytes) => bytes.length === large.length ? message : null)
  const outcome = await ask(a, b.address, 5000, large)
  t.ok(outcome.ok && Buffer.compare(outcome.bytes, message) === 0)
  t.same(await ask(a, b.address), { ok: false, reason: 'closed without an answer' })
})

t.test('what has another address in the dial map is reached there, by datagrams and requests; who sent a datagram is answered where it came from', async (t) => {
  const b = await open(t)
  const advertised = '192.0.2.1:8301'
  const a = await open(t, { dialMap: { [advertised]: b.address } })
  const heard: string[] = []
  b.onPacket((from, bytes) => {
    heard.push(Buffer.from(bytes).toString())
    b.sendPacket(from, Buffer.from('back'))
  })
  a.onPacket((_from, bytes) => heard.push(Buffer.from(bytes).toString()))
  a.sendPacket(advertised, Buffer.from('there'))
  await until('the answer', () => heard.length === 2)
  t.same(heard, ['there', 'back'])
  b.onRequest(() => message)
  t.ok((await ask(a, advertised)).ok)
})

t.test('requests fail with the reason, in time', async (t) => {
  const network = await open(t, { outgoingMax: 2, streamBytesMax: 1000 })
  const silent = createServer((socket) => socket.on('error', () => {}).resume())
  const talkative = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const ports = await Promise.all([silent, talkative].map((server) => new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))))
  t.teardown(() => { silent.close(); talkative.close() })
  t.match(await ask(network, `127.0.0.1:${ports[1]}`), { ok: false, reason: 'what came is no gossip' })
  t.match(await ask(network, 'nonsense'), { ok: false, reason: /not host:port/ })
  t.match(await ask(network, '127.0.0.1:0'), { ok: false, reason: /not host:port/ })
  t.match(await ask(network, '127.0.0.1:9', 5000, new Uint8Array(1001)), { ok: false, reason: /1001 bytes/ })
  const outcomes = await Promise.all([1, 2, 3].map(() => ask(network, `127.0.0.1:${ports[0]}`, 100)))
  t.same(outcomes.map((outcome) => !outcome.ok && outcome.reason).sort(), ['2 requests are under way already', 'no answer within 100 ms', 'no answer within 100 ms'])
})

t.test('strangers are turned away: noise, too much, too slow, too many', async (t) => {
  const network = await open(t, { streamBytesMax: 1000, incomingTimeoutMs: 150, incomingMax: 3 })
  network.onRequest(() => message)
  const port = portOf(network)
  const noise = raw(t, port)
  noise.socket.write('GET / HTTP/1.1\r\n')
  await until('noise is turned away', noise.closed)
  const large = raw(t, port)
  const header = Buffer.from(message.subarray(0, 10))
  header.writeUInt32LE(1_000_000, 6)
  large.socket.write(header)
  await until('a large request is turned away', large.closed)
  const slow = [raw(t, port), raw(t, port), raw(t, port)]
  for (const { socket } of slow) socket.write(message.subarray(0, 5))
  await until('they are accepted', () => network.stats.connectionsAccepted === 5)
  const fourth = raw(t, port)
  await until('one too many is turned away', fourth.closed)
  await until('slow ones are turned away', () => slow.every(({ closed }) => closed()))
  t.equal(network.stats.connectionsRefused, 6)
  const other = await open(t)
  t.ok((await ask(other, network.address)).ok, 'it still serves')
})

t.test('large datagrams are dropped unread, unsendable ones do not throw', async (t) => {
  const network = await open(t, { packetBytesMax: 100 })
  let received = 0
  network.onPacket(() => received++)
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  socket.send(new Uint8Array(101), portOf(network), '127.0.0.1')
  socket.send(new Uint8Array(100), portOf(network), '127.0.0.1')
  await until('both came', () => network.stats.packetsReceived === 2)
  t.equal(received, 1)
  for (const address of ['nonsense', '127.0.0.1:0', ':::', '']) network.sendPacket(address, new Uint8Array(1))
  network.sendPacket(network.address, new Uint8Array(70_000))
  await until('they are counted', () => network.stats.packetsDropped === 6)
})

t.test('after closing the port is free, and nothing is called any more', async (t) => {
  const port = await freePort()
  const network = await open(t, { bindPort: port })
  const hanging = createServer((socket) => socket.on('error', () => {}).resume())
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
  t.teardown(() => hanging.close())
  network.request(`127.0.0.1:${(hanging.address() as AddressInfo).port}`, message, 5000, () => t.fail('an outcome after closing'))
  await network.close()
  network.sendPacket(network.address, message)
  const again = await open(t, { bindPort: port })
  t.equal(portOf(again), port)
  await t.rejects(udpTcpNetwork({ bindHost: '127.0.0.1', bindPort: port, log: silentLog }), { code: 'EADDRINUSE' })
})
