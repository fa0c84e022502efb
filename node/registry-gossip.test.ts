/** Members wired to gossip, in virtual time: what a server makes of it. */
import t from 'tap'
import { detectionBoundMs } from './gossip/bounds.ts'
import { lanProfile } from './gossip/config.ts'
import { VirtualCluster } from './testing/virtual-cluster.ts'

const statuses = (cluster: VirtualCluster, observer: string): Record<string, number> =>
  Object.fromEntries((JSON.parse(String(cluster.ask(observer, 'GET', '/v1/agent/members').body)) as { Name: string, Status: number }[]).map(({ Name, Status }) => [Name, Status]))

t.test('servers that know of each other by gossip alone form a cluster', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  cluster.elect()
  t.equal(cluster.ask('n2', 'PUT', '/v1/kv/a', 'x').body, 'true')
  for (const name of ['n1', 'n2', 'n3']) t.same(statuses(cluster, name), { n1: 1, n2: 1, n3: 1 })
  t.match(JSON.parse(String(cluster.ask('n3', 'GET', '/v1/agent/self').body)), { Member: { Name: 'n3', Addr: 'n3', Port: 8301, Status: 1, Tags: { port: '8300', expect: '3' } } })
})

t.test('a crashed server is failed to the others within the bound, and alive when it is back', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  cluster.elect()
  cluster.crash('n3')
  const boundMs = detectionBoundMs(lanProfile, { members: 3, healthScoreMax: 0 })
  t.ok(cluster.time.runUntil(() => statuses(cluster, 'n1').n3 === 4 && statuses(cluster, 'n2').n3 === 4, boundMs))
  t.match(cluster.ask('n1', 'PUT', '/v1/agent/join/n3'), { status: 500, body: /Failed to join n3: dial tcp n3:8301: connect: connection refused/ })
  cluster.start('n3')
  t.ok(cluster.time.runUntil(() => statuses(cluster, 'n1').n3 === 1 && statuses(cluster, 'n2').n3 === 1 && statuses(cluster, 'n3').n1 === 1, 10_000))
})

t.test('a server that cannot be reached is failed; force-leave makes it left; it comes back when it can', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  cluster.elect()
  cluster.gossip!.passes = (from, to) => (from === 'n2:8301') === (to === 'n2:8301')
  t.ok(cluster.time.runUntil(() => statuses(cluster, 'n1').n2 === 4, detectionBoundMs(lanProfile, { members: 3, healthScoreMax: 7 })))
  t.equal(cluster.ask('n1', 'PUT', '/v1/agent/force-leave/n2').status, 200)
  t.equal(statuses(cluster, 'n1').n2, 3)
  cluster.gossip!.passes = () => true
  t.equal(cluster.ask('n2', 'PUT', '/v1/agent/join/n1').status, 200)
  t.ok(cluster.time.runUntil(() => ['n1', 'n2', 'n3'].every((observer) => Object.values(statuses(cluster, observer)).every((status) => status === 1)), 60_000))
})

t.test('leaving is answered when the others know, and ends the process', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  cluster.elect()
  const startMs = cluster.time.nowMs()
  t.equal(cluster.ask('n3', 'PUT', '/v1/agent/leave').status, 200)
  t.same(cluster.left, ['n3'])
  t.ok(cluster.time.nowMs() - startMs < 12_000)
  t.same([statuses(cluster, 'n1').n3, statuses(cluster, 'n2').n3], [3, 3])
})

t.test('without gossip a server knows of itself', async (t) => {
  const cluster = new VirtualCluster(3)
  cluster.elect()
  t.same(statuses(cluster, 'n2'), { n2: 1 })
  t.equal(cluster.ask('n2', 'PUT', '/v1/agent/join/n1').status, 500)
})
