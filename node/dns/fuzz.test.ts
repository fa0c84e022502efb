/** DNS messages that no resolver sends: each is answered in the form of DNS or dropped, and the server goes on. */
import { createSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import * as packet from 'dns-packet'
import fc from 'fast-check'
import t from 'tap'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { CatalogTable } from '../state/catalog.ts'
import { registration, sampleCheck, sampleNode, sampleService } from '../state/testing/catalog-samples.ts'
import { fuzz } from '../testing/fuzz/property.ts'
import { mutate, mutations } from '../testing/fuzz/mutations.ts'
import { answerMessage, type DnsOptions } from './dns-message.ts'
import { startDnsServer } from './dns-server.ts'

const runs = 100_000
const random = seededRandom(1)

function zone(instances: number): DnsOptions {
  const catalog = new CatalogTable()
  for (let i = 0; i < instances; i++) {
    catalog.register(i + 1, registration(sampleNode(`node${i}`, { address: `10.0.${i >> 8}.${i & 255}`, meta: { rack: 'r1' } }), sampleService('web', { port: 80, tags: ['v1'] }), [sampleCheck('serfHealth')]))
  }
  return { zone: { catalog, datacenter: 'dc1', domain: 'consul', onlyPassing: false, ttl: 0 }, ready: () => true, udpAnswerLimit: 3, markTruncated: true }
}
const options = zone(3)

const opt = (udpPayloadSize: number): packet.OptAnswer => ({ type: 'OPT', name: '.', udpPayloadSize, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] })
const query = (name: string, type: string, additionals: packet.Answer[] = []): Buffer =>
  packet.encode({ id: 9, type: 'query', flags: packet.RECURSION_DESIRED, questions: [{ name, type: type as 'A' }], additionals })

const queries: readonly Buffer[] = [
  ...['A', 'AAAA', 'SRV', 'TXT', 'ANY', 'NS', 'SOA', 'PTR', 'MX', 'CAA', 'DS', 'AXFR', 'NAPTR'].map((type) => query('web.service.consul', type)),
  query('node1.node.dc1.consul', 'A', [opt(4096)]), query('_web._v1.service.consul', 'SRV', [opt(65_535)]),
  query('1.0.0.10.in-addr.arpa', 'PTR'), query('0a000001.addr.consul', 'A'), query('', 'A'), query('.', 'SOA'),
  query(`${'a'.repeat(63)}.`.repeat(3) + 'consul', 'A'),
  packet.encode({ id: 1, type: 'query', questions: [{ name: 'a.consul', type: 'A' }, { name: 'b.consul', type: 'A' }] }),
  packet.encode({ id: 2, type: 'response', questions: [{ name: 'a.consul', type: 'A' }], answers: [{ name: 'a.consul', type: 'A', data: '1.2.3.4' }] }),
]

/** What DNS allows to be said to `bytes`; throws what it does not. */
function answered(bytes: Uint8Array, over: 'udp' | 'tcp'): boolean {
  const reply = answerMessage(bytes, over, options, random, 1)
  if (reply === null) return false
  if (reply.length < 12 || reply.length > 65_535) throw new Error(`an answer of ${reply.length} bytes`)
  if (reply[0] !== bytes[0] || reply[1] !== bytes[1]) throw new Error('the answer has another id')
  if ((reply[2]! & 0x80) === 0) throw new Error('the answer is no response')
  if ((bytes[2]! & 0x80) !== 0) throw new Error('a response was answered')
  packet.decode(Buffer.from(reply))
  return true
}

t.test('a label with the end of a line before a dot', async (t) => {
  t.ok(answered(query(`${'a'.repeat(62)}\n.consul`, 'A'), 'udp'))
  t.ok(answered(Buffer.concat([query('x', 'A').subarray(0, 12), Buffer.from([2, 0x61, 0x0a]), Buffer.from('\u0006consul\u0000\u0000\u0001\u0000\u0001')]), 'udp'))
})

t.test('random messages', async (t) => {
  fuzz(t, runs, fc.property(fc.uint8Array({ maxLength: 96 }), fc.boolean(), (bytes, tcp) => { answered(bytes, tcp ? 'tcp' : 'udp') }))
})

t.test('queries of every type, changed', async (t) => {
  let replies = 0
  fuzz(t, runs, fc.property(fc.nat(queries.length - 1), fc.nat(queries.length - 1), mutations, fc.boolean(), (which, donor, changes, tcp) => {
    if (answered(mutate(queries[which]!, changes, queries[donor]!), tcp ? 'tcp' : 'udp')) replies++
  }))
  t.ok(replies > runs / 4, `${replies} of ${runs} were answered`)
})

t.test('names of labels, pointers and loops behind a header that asks one question', async (t) => {
  const label = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => [bytes.length, ...bytes]),
    fc.nat(80).map((offset) => [0xc0, offset]),
    fc.constantFrom([0], [0x40], [0x80], [0xff], [63], [0xc0]),
  )
  fuzz(t, runs, fc.property(fc.array(label, { maxLength: 6 }), fc.nat(0xffff), fc.nat(0xffff), (labels, type, klass) => {
    const header = [0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    answered(Uint8Array.from([...header, ...labels.flat(), type >> 8, type & 255, klass >> 8, klass & 255]), 'udp')
  }))
})

async function until(what: string, holds: () => boolean, timeoutMs = 60_000): Promise<void> {
  const endMs = performance.now() + timeoutMs
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

t.test('on sockets: damaged datagrams and streams, and lengths that lie; the server still answers', async (t) => {
  const server = await startDnsServer({ ...options, host: '127.0.0.1', port: 0, random: seededRandom(2), wallMs: () => 1, log: silentLog })
  t.teardown(() => server.close())
  const udp = createSocket('udp4')
  t.teardown(() => udp.close())
  let replies = 0
  udp.on('message', () => { replies++ })
  const inputs = fc.sample(fc.tuple(fc.nat(queries.length - 1), mutations, fc.nat(0xffff)), { numRuns: 3000, seed: 7 })
  for (const [i, [which, changes]] of inputs.entries()) {
    udp.send(mutate(queries[which]!, changes, queries[0]!), server.port, '127.0.0.1')
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const before = replies
  await until('an answer over UDP', () => {
    udp.send(queries[0]!, server.port, '127.0.0.1')
    return replies > before + 1
  })
  const open = new Set<Socket>()
  for (const [which, changes, length] of inputs.slice(0, 300)) {
    const bytes = mutate(queries[which]!, changes, queries[0]!)
    const socket = connect(server.port, '127.0.0.1')
    open.add(socket)
    socket.on('error', () => {}).on('data', () => {}).on('close', () => open.delete(socket))
    const head = Buffer.alloc(2)
    head.writeUInt16BE(which % 2 === 0 ? length : bytes.length % 65_536)
    socket.end(Buffer.concat([head, bytes]))
    await until('room', () => open.size < 50)
  }
  await until('all are closed', () => open.size === 0, 20_000)
  const last = connect(server.port, '127.0.0.1')
  let bytes = 0
  last.on('data', (chunk: Buffer) => { bytes += chunk.length })
  const head = Buffer.alloc(2)
  head.writeUInt16BE(queries[0]!.length)
  last.write(Buffer.concat([head, queries[0]!]))
  await until('an answer over TCP', () => bytes > 12)
  last.destroy()
})

t.test('who asks much over TCP and reads nothing is not answered ahead', async (t) => {
  const large = zone(1000)
  let made = 0
  const counted: DnsOptions = { ...large, ready: () => { made++; return true } }
  const server = await startDnsServer({ ...counted, host: '127.0.0.1', port: 0, random: seededRandom(2), wallMs: () => 1, log: silentLog })
  t.teardown(() => server.close())
  const one = query('web.service.consul', 'A')
  const framed = Buffer.concat([Buffer.of(0, one.length), one])
  const socket = connect(server.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.pause()
  socket.write(Buffer.concat(Array.from({ length: 1800 }, () => framed)))
  await until('the first answers', () => made > 0)
  let still = 0
  let before = -1
  await until('no more answers are made', () => {
    still = made === before ? still + 1 : 0
    before = made
    return still > 60
  }, 60_000)
  t.ok(made < 900, `${made} large answers made of 1800 asked for, and none read`)
  let bytes = 0
  socket.on('data', (chunk: Buffer) => { bytes += chunk.length })
  socket.resume()
  await until('the others follow as they are read', () => made === 1800, 300_000)
  t.ok(bytes > 0)
  socket.destroy()
})
