import * as packet from 'dns-packet'
import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { startDnsServer } from '../../../node/dns/dns-server.ts'
import type { CatalogReader } from '../../../node/state/catalog.ts'
import { queryDns } from '../../environments/dns.ts'
import { ConsulDnsClient, decodeLocations } from './dns.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** A catalog with one name, whose two instances are on n1. */
const instance = (id: string, port: number, status: string) => ({
  node: { name: 'n1', id: '', address: '10.0.0.1', taggedAddresses: null, meta: null },
  service: { id, name: 'api', tags: [], address: '', port, weights: { passing: 1, warning: 1 } }, checks: [{ status }],
})
const catalog = { serviceHealth: (name: string) => ({ value: name === 'api' ? [instance('s1', 81, 'passing'), instance('s2', 82, 'critical'), instance('s3', 83, 'warning')] : [] }) } as unknown as CatalogReader

t.test('a member\'s DNS over TCP: all healthy instances, none of a name that is not there', async (t) => {
  const server = await startDnsServer({
    host: '127.0.0.1', port: 0, random: seededRandom(1), wallMs: () => 0, log: silent, ready: () => true, udpAnswerLimit: 3, markTruncated: false,
    zone: { catalog, datacenter: 'dc1', domain: 'consul', onlyPassing: false, ttl: 0 },
  })
  t.teardown(() => server.close())
  const client = new ConsulDnsClient((message, timeoutMs) => queryDns('127.0.0.1', server.port, message, timeoutMs), 20_000)
  const found = await client.locations('api')
  t.equal(found.type, 'ok')
  t.same(found.type === 'ok' ? [...found.locations].sort((a, b) => a.port - b.port) : null, [{ node: 'n1', port: 81 }, { node: 'n1', port: 83 }])
  t.same(await client.locations('web'), { type: 'ok', locations: [] })
})

t.test('nobody there: a failed read', async (t) => {
  const server = await startDnsServer({
    host: '127.0.0.1', port: 0, random: seededRandom(1), wallMs: () => 0, log: silent, ready: () => false, udpAnswerLimit: 3, markTruncated: false,
    zone: { catalog, datacenter: 'dc1', domain: 'consul', onlyPassing: false, ttl: 0 },
  })
  const client = new ConsulDnsClient((message, timeoutMs) => queryDns('127.0.0.1', server.port, message, timeoutMs), 20_000)
  t.match(await client.locations('api'), { type: 'fail', error: /code 2/ }, 'not ready: SERVFAIL')
  await server.close()
  t.match(await client.locations('api'), { type: 'fail' })
})

t.test('what is no answer to the question', async (t) => {
  const name = 'api.service.consul'
  const encode = (more: object) => packet.encode({ type: 'response', id: 7, questions: [{ type: 'SRV', name }], ...more } as packet.Packet)
  const srv = { type: 'SRV' as const, name, data: { port: 81, target: '0a000001.addr.dc1.consul' } }
  t.same(decodeLocations(encode({ answers: [srv] }), 7, name), { type: 'ok', locations: [{ node: '0a000001.addr.dc1.consul', port: 81 }] })
  t.match(decodeLocations(encode({}), 8, name), { type: 'fail', error: /another question/ })
  t.match(decodeLocations(encode({ flags: packet.TRUNCATED_RESPONSE }), 7, name), { type: 'fail', error: /cut off/ })
  t.match(decodeLocations(encode({ answers: [{ ...srv, name: 'web.service.consul' }] }), 7, name), { type: 'fail', error: /not asked for/ })
  t.match(decodeLocations(new Uint8Array(3), 7, name), { type: 'fail', error: /malformed/ })
  t.match(decodeLocations(encode({ flags: 5 }), 7, name), { type: 'fail', error: /code 5/ })
})
