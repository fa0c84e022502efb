/** DNS: what is answered, and how it fits the wire. Over real sockets at the end. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Resolver } from 'node:dns/promises'
import * as packet from 'dns-packet'
import type { Answer, DecodedPacket } from 'dns-packet'
import fc from 'fast-check'
import t from 'tap'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { CatalogTable } from '../state/catalog.ts'
import type { CatalogRegister } from '../state/catalog-commands.ts'
import { registration, sampleCheck, sampleNode, sampleService } from '../state/testing/catalog-samples.ts'
import { answerMessage, type DnsOptions } from './dns-message.ts'
import { canonicalIPv6, hexOfIPv6, parseDnsName } from './dns-name.ts'
import { startDnsServer } from './dns-server.ts'

const wallMs = 1_700_000_000_000

function optionsOf(commands: readonly CatalogRegister[], parts: Partial<DnsOptions> = {}, onlyPassing = false): DnsOptions {
  const catalog = new CatalogTable()
  for (const [i, command] of commands.entries()) assert.equal(catalog.register(i + 1, command).kind, 'changed')
  return { zone: { catalog, datacenter: 'dc1', domain: 'consul', onlyPassing, ttl: 0 }, ready: () => true, udpAnswerLimit: 3, markTruncated: false, ...parts }
}

const alive = sampleCheck('serfHealth')
const zone = [
  registration(sampleNode('node1', { address: '10.0.0.1', meta: { rack: 'r1', 'rfc1035-x': 'raw' } }), sampleService('consul', { port: 8300 }), [alive]),
  registration(sampleNode('node1', { address: '10.0.0.1', meta: { rack: 'r1', 'rfc1035-x': 'raw' } }), sampleService('redis', { port: 6379, tags: ['master', 'v1.2'], weights: { passing: 5, warning: 2 } }), [sampleCheck('r', { serviceId: 'redis' })]),
  registration(sampleNode('node2', { address: '10.0.0.2' }), sampleService('redis', { port: 6380, address: '10.0.0.33', weights: { passing: 9, warning: 2 } }), [alive, sampleCheck('r', { serviceId: 'redis', status: 'warning' })]),
  registration(sampleNode('node3', { address: '10.0.0.3' }), sampleService('redis', { port: 6381 }), [sampleCheck('serfHealth', { status: 'critical' })]),
  registration(sampleNode('node4', { address: 'fd00::4' }), sampleService('six'), []),
  registration(sampleNode('node5', { address: '10.0.0.5', meta: { a: 'b' } }), sampleService('named', { address: 'db.example.com' }), []),
  registration(sampleNode('node6', { address: 'host.example.com' }), sampleService('onnamed'), []),
]

function ask(name: string, type: string, options = optionsOf(zone), over: 'udp' | 'tcp' = 'tcp', udpPayloadSize: number | null = null, seed = 1): DecodedPacket {
  const query = packet.encode({
    id: 77, type: 'query', flags: packet.RECURSION_DESIRED, questions: [{ name, type: type as 'A' }],
    additionals: udpPayloadSize === null ? [] : [{ type: 'OPT', name: '.', udpPayloadSize, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }],
  })
  const reply = answerMessage(query, over, options, seededRandom(seed), wallMs)
  assert.ok(reply !== null)
  if (over === 'udp') assert.ok(reply.length <= Math.max(512, udpPayloadSize ?? 0), `${reply.length} bytes`)
  return packet.decode(Buffer.from(reply))
}

const shown = (records: readonly Answer[] | undefined) => (records ?? []).filter(({ type }) => type !== 'OPT').map((one: any) => {
  const data = one.type === 'SRV' ? `${one.data.priority} ${one.data.weight} ${one.data.port} ${one.data.target}` : one.type === 'TXT' ? one.data.join('') : one.data
  return `${one.name} ${one.type} ${data}`
}).sort()

t.test('what Consul answers', async (t) => {
  const table: [name: string, type: string, code: string, answers: string[], additionals?: string[]][] = [
    ['node1.node.consul', 'A', 'NOERROR', ['node1.node.consul A 10.0.0.1'], ['node1.node.consul TXT rack=r1', 'node1.node.consul TXT raw']],
    ['NODE1.Node.DC1.consul', 'A', 'NOERROR', ['NODE1.Node.DC1.consul A 10.0.0.1'], ['NODE1.Node.DC1.consul TXT rack=r1', 'NODE1.Node.DC1.consul TXT raw']],
    ['node1.node.consul', 'AAAA', 'NOERROR', [], ['node1.node.consul TXT rack=r1', 'node1.node.consul TXT raw']],
    ['node1.node.consul', 'SRV', 'NOERROR', []], ['no.node.consul', 'SRV', 'NOERROR', []], ['no.node.consul', 'TXT', 'NXDOMAIN', []], ['node1.node.consul', 'AXFR', 'NOTIMP', []],
    ['no.node.consul', 'NS', 'NOERROR', ['consul NS node1.node.dc1.consul'], ['node1.node.dc1.consul A 10.0.0.1']],
    ['node1.node.consul', 'TXT', 'NOERROR', ['node1.node.consul TXT rack=r1', 'node1.node.consul TXT raw']],
    ['node3.node.consul', 'A', 'NOERROR', ['node3.node.consul A 10.0.0.3']],
    ['node4.node.consul', 'AAAA', 'NOERROR', ['node4.node.consul AAAA fd00::4']],
    ['redis.service.consul', 'A', 'NOERROR', ['redis.service.consul A 10.0.0.1', 'redis.service.consul A 10.0.0.33']],
    ['redis.service.consul', 'AAAA', 'NOERROR', []],
    ['redis.service.dc1.consul', 'SRV', 'NOERROR', ['redis.service.dc1.consul SRV 1 2 6380 0a000021.addr.dc1.consul', 'redis.service.dc1.consul SRV 1 5 6379 node1.node.dc1.consul'],
      ['0a000021.addr.dc1.consul A 10.0.0.33', 'node1.node.dc1.consul A 10.0.0.1', 'node1.node.dc1.consul TXT rack=r1', 'node1.node.dc1.consul TXT raw']],
    ['master.redis.service.consul', 'A', 'NOERROR', ['master.redis.service.consul A 10.0.0.1']],
    ['v1.2.redis.service.consul', 'A', 'NOERROR', ['v1.2.redis.service.consul A 10.0.0.1']],
    ['_redis._tcp.service.consul', 'A', 'NOERROR', ['_redis._tcp.service.consul A 10.0.0.1', '_redis._tcp.service.consul A 10.0.0.33']],
    ['_redis._master.service.consul', 'SRV', 'NOERROR', ['_redis._master.service.consul SRV 1 5 6379 node1.node.dc1.consul'], ['node1.node.dc1.consul A 10.0.0.1', 'node1.node.dc1.consul TXT rack=r1', 'node1.node.dc1.consul TXT raw']],
    ['_redis._udp.service.consul', 'SRV', 'NXDOMAIN', []],
    ['six.service.consul', 'AAAA', 'NOERROR', ['six.service.consul AAAA fd00::4']],
    ['named.service.consul', 'A', 'NOERROR', ['named.service.consul CNAME db.example.com']],
    ['named.service.consul', 'SRV', 'NOERROR', ['named.service.consul SRV 1 1 80 db.example.com'], ['node5.node.dc1.consul TXT a=b']],
    ['onnamed.service.consul', 'SRV', 'NOERROR', ['onnamed.service.consul SRV 1 1 80 host.example.com']],
    ['0a000001.addr.consul', 'A', 'NOERROR', ['0a000001.addr.consul A 10.0.0.1']],
    ['fd000000000000000000000000000004.addr.consul', 'AAAA', 'NOERROR', ['fd000000000000000000000000000004.addr.consul AAAA fd00::4']],
    ['0a000001.addr.consul', 'SRV', 'NOERROR', [], ['0a000001.addr.consul A 10.0.0.1']],
    ['zz.addr.consul', 'A', 'NOERROR', []],
    ['1.0.0.10.in-addr.arpa', 'PTR', 'NOERROR', ['1.0.0.10.in-addr.arpa PTR node1.node.dc1.consul']],
    ['33.0.0.10.in-addr.arpa', 'PTR', 'NOERROR', ['33.0.0.10.in-addr.arpa PTR redis.service.dc1.consul']],
    [`4${'.0'.repeat(29)}.d.f.ip6.arpa`, 'PTR', 'NOERROR', [`4${'.0'.repeat(29)}.d.f.ip6.arpa PTR node4.node.dc1.consul`]],
    ['9.9.9.9.in-addr.arpa', 'PTR', 'SERVFAIL', []],
    ['consul', 'NS', 'NOERROR', ['consul NS node1.node.dc1.consul'], ['node1.node.dc1.consul A 10.0.0.1']],
    ['example.com', 'A', 'REFUSED', []],
    ['consul', 'A', 'NXDOMAIN', []], ['service.consul', 'A', 'NXDOMAIN', []], ['no.service.consul', 'A', 'NXDOMAIN', []], ['no.node.consul', 'A', 'NXDOMAIN', []],
    ['no.redis.service.consul', 'A', 'NXDOMAIN', []], ['redis.service.dc9.consul', 'A', 'NXDOMAIN', []], ['redis.query.consul', 'A', 'NXDOMAIN', []],
  ]
  for (const [name, type, code, answers, additionals = []] of table) {
    const reply = ask(name, type) as DecodedPacket & { rcode: string }
    t.equal(reply.rcode, code, `${name} ${type}`)
    t.strictSame(shown(reply.answers), answers, `${name} ${type}`)
    t.strictSame(shown(reply.additionals), additionals, `${name} ${type}: additionals`)
    t.equal(reply.flag_aa, code === 'NOERROR' || code === 'NXDOMAIN')
    t.equal(reply.flag_cd, false)
    t.equal(reply.flag_ra, false)
    t.equal(reply.id, 77)
    t.strictSame(reply.questions?.map((question) => question.name), [name])
    t.equal(reply.authorities?.length, code === 'NXDOMAIN' || (code === 'NOERROR' && answers.length === 0 && name.includes('.service.')) ? 1 : 0, `${name} ${type}: SOA`)
  }
  const soa = ask('anything.node.consul', 'SOA')
  t.match(soa.answers, [{ type: 'SOA', name: 'consul', ttl: 0, data: { mname: 'ns.consul', rname: 'hostmaster.consul', serial: 1_700_000_000, refresh: 3600, retry: 600, expire: 86_400, minimum: 0 } }])
  t.strictSame(shown(soa.authorities), ['consul NS node1.node.dc1.consul'])
})

t.test('with only_passing a warning is enough to be left out', async (t) => {
  t.strictSame(shown(ask('redis.service.consul', 'A', optionsOf(zone, {}, true)).answers), ['redis.service.consul A 10.0.0.1'])
})

const many = (count: number) => Array.from({ length: count }, (_, i) => registration(sampleNode(`host-${i}`, { address: `10.1.0.${i}` }), sampleService('web', { port: 1000 + i }), [alive]))

t.test('as many answers as there is room for', async (t) => {
  const options = optionsOf(many(200))
  const count = (over: 'udp' | 'tcp', size: number | null, type = 'SRV', from = options) => ask('web.service.consul', type, from, over, size).answers!.length
  t.equal(count('tcp', null), 200)
  t.equal(count('udp', null), 3, 'without EDNS')
  t.equal(count('udp', 512), 3)
  const fitting = count('udp', 1232)
  t.ok(fitting > 5 && fitting < 200, `${fitting} in 1232 bytes`)
  t.ok(count('udp', 4096) > fitting)
  const reply = ask('web.service.consul', 'SRV', options, 'udp', 1232)
  const targets = reply.answers!.map((one: any) => one.data.target).sort()
  t.strictSame(reply.additionals!.filter(({ type }) => type === 'A').map(({ name }) => name).sort(), targets, 'addresses of those, and of no others')
  t.match(reply.additionals!.find(({ type }) => type === 'OPT'), { udpPayloadSize: 1232 })
  t.equal(ask('web.service.consul', 'A', options).additionals!.some(({ type }) => type === 'OPT'), false, 'no EDNS to who did not ask')
  t.equal(reply.flag_tc, false)
  t.equal(ask('web.service.consul', 'SRV', optionsOf(many(200), { markTruncated: true }), 'udp', 1232).flag_tc, true)
  t.equal(ask('web.service.consul', 'SRV', optionsOf(many(2), { markTruncated: true }), 'udp', 1232).flag_tc, false)
})

t.test('shuffled: every instance comes first sometimes; the same chance gives the same order', async (t) => {
  const options = optionsOf(many(5))
  const first = (seed: number) => (ask('web.service.consul', 'A', options, 'udp', null, seed).answers![0] as any).data
  t.equal(new Set(Array.from({ length: 100 }, (_, seed) => first(seed))).size, 5)
  t.equal(first(7), first(7))
})

t.test('what is no question: refused by its header, or left alone; no bytes make it throw', async (t) => {
  const options = optionsOf(zone)
  const reply = (bytes: Uint8Array) => answerMessage(bytes, 'udp', options, seededRandom(1), wallMs)
  const code = (bytes: Uint8Array) => reply(bytes)![3]! & 0xf
  const query = packet.encode({ id: 1, type: 'query', questions: [{ name: 'redis.service.consul', type: 'A' }] })
  const status = Buffer.from(query)
  status[2]! |= 2 << 3
  t.equal(code(status), 4)
  t.equal(code(packet.encode({ id: 1, type: 'query', questions: [] })), 1)
  t.equal(reply(packet.encode({ id: 1, type: 'response', questions: [{ name: 'a.node.consul', type: 'A' }] })), null)
  t.equal(reply(Buffer.from('short')), null)
  const unready = answerMessage(query, 'udp', optionsOf(zone, { ready: () => false }), seededRandom(1), wallMs)
  t.equal(unready![3]! & 0xf, 2, 'a member that has met no leader says so')
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.tuple(fc.nat(query.length - 1), fc.nat(255)).map(([at, byte]) => {
    const broken = Buffer.from(query)
    broken[at] = byte
    return broken
  })), (bytes) => { reply(bytes) }), { numRuns: 2000 })
})

t.test('names of addresses go there and back', async (t) => {
  fc.assert(fc.property(fc.ipV6().filter((address) => !address.includes('.')), (address) => {
    const hex = hexOfIPv6(address)
    assert.match(hex, /^[0-9a-f]{32}$/)
    assert.deepEqual(parseDnsName(`${hex}.addr.consul`, 'consul', 'dc1'), { kind: 'address', address: canonicalIPv6(address) })
    assert.deepEqual(parseDnsName(`${[...hex].reverse().join('.')}.ip6.arpa`, 'consul', 'dc1'), { kind: 'reverse', address: canonicalIPv6(address) })
  }))
  t.pass()
})

t.test('over loopback: UDP, TCP, and the resolver of Node', async (t) => {
  const server = await startDnsServer({ ...optionsOf([...zone, ...many(50)]), host: '127.0.0.1', port: 0, random: seededRandom(1), wallMs: () => wallMs, log: silentLog })
  t.teardown(() => server.close())
  const resolver = new Resolver()
  resolver.setServers([`127.0.0.1:${server.port}`])
  t.strictSame((await resolver.resolve4('redis.service.consul')).sort(), ['10.0.0.1', '10.0.0.33'])
  t.match(await resolver.resolveSrv('_redis._master.service.consul'), [{ name: 'node1.node.dc1.consul', port: 6379, priority: 1, weight: 5 }])
  t.strictSame(await resolver.reverse('10.0.0.1'), ['node1.node.dc1.consul'])
  await t.rejects(resolver.resolve4('no.service.consul'), { code: 'ENOTFOUND' })

  const question = { type: 'query' as const, questions: [{ name: 'web.service.consul', type: 'SRV' as const }] }
  const udp = createSocket('udp4')
  t.teardown(() => udp.close())
  udp.send(packet.encode({ id: 1, ...question }), server.port, '127.0.0.1')
  const [bytes] = await once(udp, 'message') as [Buffer]
  t.equal(packet.decode(bytes).answers!.length, 3)

  const socket = connect(server.port, '127.0.0.1')
  const framed = Buffer.concat([packet.streamEncode({ id: 2, ...question }), packet.streamEncode({ id: 3, ...question })])
  // In two pieces that end nowhere in particular.
  socket.write(framed.subarray(0, 5))
  socket.write(framed.subarray(5))
  let received = Buffer.alloc(0)
  const replies: DecodedPacket[] = []
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer])
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      replies.push(packet.streamDecode(received) as DecodedPacket)
      received = received.subarray(2 + received.readUInt16BE(0))
    }
    if (replies.length === 2) break
  }
  t.strictSame(replies.map(({ id, answers }) => [id, answers!.length]), [[2, 50], [3, 50]])
})
