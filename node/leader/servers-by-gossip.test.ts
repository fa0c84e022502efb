/** Clusters that grow and shrink by gossip, in virtual time. */
import t from 'tap'
import { detectionBoundMs } from '../gossip/bounds.ts'
import { lanProfile } from '../gossip/config.ts'
import { put } from '../testing/cluster-state.ts'
import { VirtualCluster } from '../testing/virtual-cluster.ts'

const json = (cluster: VirtualCluster, name: string, target: string) => JSON.parse(String(cluster.ask(name, 'GET', target).body))
const servers = (cluster: VirtualCluster, name: string): string[] => json(cluster, name, '/v1/operator/raft/configuration?stale').Servers
  .map(({ Node, Voter }: { Node: string, Voter: boolean }) => Voter ? Node : `(${Node})`).sort()
const serfHealth = (cluster: VirtualCluster, name: string, node: string): string | undefined =>
  json(cluster, name, `/v1/health/node/${node}?stale`).find(({ CheckID }: { CheckID: string }) => CheckID === 'serfHealth')?.Status
const others = (cluster: VirtualCluster, name: string) => [...cluster.nodes.keys()].filter((other) => other !== name)

t.test('a fourth server comes in by gossip, votes, and is in the catalog as Consul enters it', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  const leader = cluster.elect()
  cluster.start('n4', 0)
  t.ok(cluster.time.runUntil(() => servers(cluster, leader).includes('n4'), 60_000), servers(cluster, leader).join())
  t.match(json(cluster, 'n4', '/v1/catalog/service/consul'), ['n1', 'n2', 'n3', 'n4'].map((Node) => ({
    Node, ServicePort: 8300, ServiceMeta: {
      non_voter: 'false', raft_version: '3', serf_protocol_current: '2', serf_protocol_max: '5', serf_protocol_min: '1', version: '1.0.0',
    },
  })))
  t.equal(serfHealth(cluster, 'n4', 'n4'), 'passing')
})

t.test('a follower that leaves is taken out of Raft and out of the catalog', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  const leader = cluster.elect()
  const leaver = others(cluster, leader)[0]!
  t.equal(cluster.ask(leaver, 'PUT', '/v1/agent/leave', '', 20_000).status, 200)
  t.same(servers(cluster, leader), ['n1', 'n2', 'n3'].filter((name) => name !== leaver), 'before the answer to the leaver')
  t.equal(json(cluster, leader, `/v1/catalog/node/${leaver}`), null)
  cluster.crash(leaver)
  put(cluster, leader, 'a', 'x')
})

t.test('a leader that leaves hands over first, and does not come back by gossip', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  const leader = cluster.elect()
  t.equal(cluster.ask(leader, 'PUT', '/v1/agent/leave', '', 30_000).status, 200)
  const [one, other] = others(cluster, leader) as [string, string]
  cluster.crash(leader)
  t.ok(cluster.time.runUntil(() => cluster.status(one).leader !== null, 10_000))
  cluster.time.run(70_000)
  for (const name of [one, other]) t.same(servers(cluster, name), [one, other].sort())
  t.equal(json(cluster, one, `/v1/catalog/node/${leader}`), null)
  put(cluster, one, 'a', 'x')
})

t.test('a server that lost its disk takes the place of its old self, once gossip knows it by its new id', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  const leader = cluster.elect()
  const lost = others(cluster, leader)[0]!
  cluster.crash(lost)
  cluster.disks.delete(lost)
  cluster.start(lost, 3, 'another-id')
  t.ok(cluster.time.runUntil(() => cluster.status(lost).configuration.voters.some(({ id }) => id === 'another-id'), 120_000))
  t.equal(servers(cluster, leader).length, 3)
  t.ok(cluster.time.runUntil(() => json(cluster, leader, `/v1/catalog/node/${lost}`)?.Node.ID === 'another-id', 120_000))
})

t.test('a failed server is critical within the bound; nothing is written while all is right', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  const leader = cluster.elect()
  const [victim] = others(cluster, leader) as [string]
  cluster.time.run(120_000)
  const lastIndex = cluster.status(leader).lastIndex
  cluster.time.run(10 * 60_000)
  t.equal(cluster.status(leader).lastIndex, lastIndex, 'ten rounds of reconciliation write nothing')
  cluster.crash(victim)
  t.ok(cluster.time.runUntil(() => serfHealth(cluster, leader, victim) === 'critical', detectionBoundMs(lanProfile, { members: 3, healthScoreMax: 0 }) + 1000))
  cluster.start(victim)
  t.ok(cluster.time.runUntil(() => serfHealth(cluster, leader, victim) === 'passing', 60_000))
})
