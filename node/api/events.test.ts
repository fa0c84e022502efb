/** User events over the API of members that gossip, in virtual time. */
import t from 'tap'
import { VirtualCluster } from '../testing/virtual-cluster.ts'
import type { ApiResponse } from './exchange.ts'

const json = ({ body }: ApiResponse) => JSON.parse(String(body)) as any
const names = ['n1', 'n2', 'n3']

function gossiping(): VirtualCluster {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  cluster.elect()
  const knowAll = () => names.every((name) => json(cluster.ask(name, 'GET', '/v1/agent/members')).length === 3)
  if (!cluster.time.runUntil(knowAll, 10_000)) throw new Error('the members do not know each other')
  // The election is told in the same way: events behind it have later times.
  cluster.time.run(3000)
  return cluster
}
const list = (cluster: VirtualCluster, name: string, query = '') => json(cluster.ask(name, 'GET', `/v1/event/list${query}`)) as { ID: string, Name: string, LTime: number }[]
const namesAt = (cluster: VirtualCluster, name: string) => list(cluster, name).map(({ Name }) => Name)

t.test('an event reaches every member once, with its payload, id and time', async (t) => {
  const cluster = gossiping()
  const fired = json(cluster.ask('n2', 'PUT', '/v1/event/fire/deploy', 'hello'))
  t.match(fired, { Name: 'deploy', Payload: Buffer.from('hello').toString('base64'), NodeFilter: '', Version: 1, LTime: 0 })
  t.ok(cluster.time.runUntil(() => names.every((name) => list(cluster, name).length === 1), 10_000))
  for (const name of names) t.match(list(cluster, name), [{ ID: fired.ID, Name: 'deploy', Payload: 'aGVsbG8=', LTime: list(cluster, 'n1')[0]!.LTime }])
  t.ok(list(cluster, 'n1')[0]!.LTime >= 2, 'the election was told before it')
  const before = list(cluster, 'n3')[0]!.LTime
  cluster.ask('n3', 'PUT', '/v1/event/fire/second')
  t.ok(cluster.time.runUntil(() => names.every((name) => list(cluster, name).length === 2), 10_000))
  t.ok(list(cluster, 'n1')[1]!.LTime > before, 'what is fired after an event was seen is later')
  t.same(list(cluster, 'n1', '?name=second').map(({ Name }) => Name), ['second'])
})

t.test('filters choose agents; the others pass the event on', async (t) => {
  const cluster = gossiping()
  cluster.ask('n1', 'PUT', '/v1/agent/service/register', JSON.stringify({ Name: 'web', Tags: ['v1'] }))
  cluster.ask('n3', 'PUT', '/v1/agent/service/register', JSON.stringify({ Name: 'web', Tags: ['v2'] }))
  cluster.ask('n2', 'PUT', '/v1/event/fire/by-node?node=n[12]')
  cluster.ask('n2', 'PUT', '/v1/event/fire/by-service?service=web')
  cluster.ask('n2', 'PUT', '/v1/event/fire/by-tag?service=web&tag=v2')
  cluster.ask('n2', 'PUT', '/v1/event/fire/last')
  t.ok(cluster.time.runUntil(() => names.every((name) => namesAt(cluster, name).includes('last')), 10_000))
  cluster.time.run(5000)
  t.same(namesAt(cluster, 'n1').sort(), ['by-node', 'by-service', 'last'])
  t.same(namesAt(cluster, 'n2').sort(), ['by-node', 'last'])
  t.same(namesAt(cluster, 'n3').sort(), ['by-service', 'by-tag', 'last'])
})

t.test('the index is made of the last id; who has seen it waits for another', async (t) => {
  const cluster = gossiping()
  t.equal(cluster.ask('n1', 'GET', '/v1/event/list').headers['X-Consul-Index'], '1')
  const { ID } = json(cluster.ask('n1', 'PUT', '/v1/event/fire/a')) as { ID: string }
  const hex = ID.replaceAll('-', '')
  const index = cluster.ask('n1', 'GET', '/v1/event/list').headers['X-Consul-Index']!
  t.equal(index, String(BigInt(`0x${hex.slice(0, 16)}`) ^ BigInt(`0x${hex.slice(16)}`)))
  const waiting = cluster.request('n1', 'GET', `/v1/event/list?index=${index}&wait=60s`)
  const named = cluster.request('n1', 'GET', `/v1/event/list?name=a&index=${index}&wait=20s`)
  cluster.time.run(10_000)
  t.equal(waiting.response, null)
  cluster.ask('n2', 'PUT', '/v1/event/fire/b')
  t.ok(cluster.time.runUntil(() => waiting.response !== null, 5000))
  t.same(json(waiting.response!).map(({ Name }: { Name: string }) => Name), ['a', 'b'])
  t.equal(named.response, null, 'of another name: nothing new')
  t.ok(cluster.time.runUntil(() => named.response !== null, 20_000))
  t.equal(named.response!.headers['X-Consul-Index'], index)
  t.equal(json(cluster.ask('n1', 'GET', '/v1/event/list?index=5&wait=60s')).length, 2, 'any other index does not wait')
})

t.test('what cannot be fired', async (t) => {
  const cluster = gossiping()
  t.match(cluster.ask('n1', 'PUT', `/v1/event/fire/x`, 'y'.repeat(600)), { status: 500, body: /user event exceeds configured limit of 512 bytes before encoding/ })
  t.match(cluster.ask('n1', 'PUT', `/v1/event/fire/x`, 'y'.repeat(430)), { status: 500, body: /encoded user event exceeds configured limit of 512 bytes after encoding/ })
  t.match(cluster.ask('n1', 'PUT', '/v1/event/fire/x?service=[a'), { status: 500, body: 'Invalid service filter: error parsing regexp: missing closing ]: `[a`' })
  cluster.time.run(1000)
  t.same(namesAt(cluster, 'n2'), [])
  const silent = new VirtualCluster(1)
  silent.elect()
  t.match(silent.ask('n1', 'PUT', '/v1/event/fire/x'), { status: 500, body: /without gossip/ })
})
