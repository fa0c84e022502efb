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
  t.ok([one, other].some((name) => cluster.status(name).role === 'leader'), 'another leads when the leaver is answered')
  t.notOk(servers(cluster, one).includes(leader), 'and has removed it')
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
  // The others join by n1's address.
  const victim = others(cluster, leader).find((name) => name !== 'n1')!
  cluster.time.run(120_000)
  const lastIndex = cluster.status(leader).lastIndex
  cluster.time.run(10 * 60_000)
  t.equal(cluster.status(leader).lastIndex, lastIndex, 'ten rounds of reconciliation write nothing')
  cluster.crash(victim)
  t.ok(cluster.time.runUntil(() => serfHealth(cluster, leader, victim) === 'critical', detectionBoundMs(lanProfile, { members: 3, healthScoreMax: 0 }) + 1000))
  cluster.start(victim)
  t.ok(cluster.time.runUntil(() => serfHealth(cluster, leader, victim) === 'passing', 60_000))
})

const failed = (cluster: VirtualCluster, observer: string, name: string) =>
  json(cluster, observer, '/v1/agent/members').some((member: { Name: string, Status: number }) => member.Name === name && member.Status === 4)
const health = (cluster: VirtualCluster, leader: string) => {
  const { status, body } = cluster.ask(leader, 'GET', '/v1/operator/autopilot/health')
  return { status, ...JSON.parse(String(body)) as { Healthy: boolean, FailureTolerance: number, Servers: { Name: string, Healthy: boolean, SerfStatus: string, Voter: boolean, Leader: boolean }[] | null } }
}

t.test('autopilot tells who is healthy', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  const leader = cluster.elect()
  t.ok(cluster.time.runUntil(() => health(cluster, leader).status === 200, 20_000))
  t.match(health(cluster, leader), { Healthy: true, FailureTolerance: 1, Servers: ['n1', 'n2', 'n3'].map((Name) => ({
    Name, ID: `id-${Name}`, Address: `${Name}:8300`, SerfStatus: 'alive', Version: '1.0.0', Leader: Name === leader, Healthy: true, Voter: true,
    LastContact: Name === leader ? '0s' : /^\d+(\.\d+)?ms$/, LastTerm: 2, StableSince: /^1970-01-01T00:\d\d:\d\dZ$/,
  })) })
  const [victim, third] = others(cluster, leader) as [string, string]
  cluster.crash(victim)
  t.ok(cluster.time.runUntil(() => health(cluster, leader).status === 429, 10_000))
  t.match(health(cluster, leader), { Healthy: false, FailureTolerance: 0 })
  t.match(cluster.ask(third, 'GET', '/v1/operator/autopilot/health'), { status: 500, body: `This server is not the leader: ask the one at ${leader}:8300` })
})

t.test('autopilot removes one dead server of three; when it comes back it votes after the stabilization time', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  const leader = cluster.elect()
  const victim = others(cluster, leader).find((name) => name !== 'n1')!
  cluster.crash(victim)
  t.ok(cluster.time.runUntil(() => servers(cluster, leader).length === 2, 60_000), 'it is removed')
  t.equal(json(cluster, leader, `/v1/catalog/node/${victim}`), null)
  cluster.start(victim)
  t.ok(cluster.time.runUntil(() => servers(cluster, leader).includes(`(${victim})`), 30_000), 'it comes back without a vote')
  const sinceMs = cluster.time.nowMs()
  t.ok(cluster.time.runUntil(() => servers(cluster, leader).includes(victim), 30_000), 'it votes')
  t.ok(cluster.time.nowMs() - sinceMs >= 10_000, 'and not before')
})

t.test('autopilot removes nobody while a majority is dead, and nobody where cleanup is off', async (t) => {
  const five = new VirtualCluster(5, {}, { gossip: true })
  const leader = five.elect()
  const victims = others(five, leader).slice(0, 3)
  // Raft goes on: only gossip loses sight of them, and a leader must not cut its own quorum off.
  five.gossip!.passes = (from, to) => [from, to].every((end) => victims.some((name) => end === `${name}:8301`)) || [from, to].every((end) => !victims.some((name) => end === `${name}:8301`))
  t.ok(five.time.runUntil(() => victims.every((name) => failed(five, leader, name)), 120_000))
  five.time.run(60_000)
  t.equal(servers(five, leader).length, 5)

  const three = new VirtualCluster(3, {}, { gossip: true })
  const other = three.elect()
  t.match(three.ask(other, 'PUT', '/v1/operator/autopilot/configuration', '{"CleanupDeadServers":false,"LastContactThreshold":"1s","MaxTrailingLogs":9,"ServerStabilizationTime":"3s"}'), { status: 200, body: 'true' })
  const victim = others(three, other)[0]!
  three.crash(victim)
  t.ok(three.time.runUntil(() => failed(three, other, victim), 60_000))
  three.time.run(60_000)
  t.equal(servers(three, other).length, 3)
})

t.test('the configuration of autopilot: answers, cas, and what is refused, as Consul does', async (t) => {
  const cluster = new VirtualCluster(3, { snapshotEntries: 10, trailingEntries: 2 }, { gossip: true })
  const leader = cluster.elect()
  const [follower] = others(cluster, leader) as [string]
  const put = (query: string, body: string) => cluster.ask(follower, 'PUT', `/v1/operator/autopilot/configuration${query}`, body)
  const get = (name: string) => json(cluster, name, '/v1/operator/autopilot/configuration')
  t.same(get(follower), {
    CleanupDeadServers: true, LastContactThreshold: '200ms', MaxTrailingLogs: 250, MinQuorum: 0, ServerStabilizationTime: '10s',
    RedundancyZoneTag: '', DisableUpgradeMigration: false, UpgradeVersionTag: '', CreateIndex: 0, ModifyIndex: 0,
  })
  t.match(put('', '{"cleanupdeadservers":true,"LastContactThreshold":"1s"}'), { status: 200, body: 'true' })
  t.match(get(leader), { CleanupDeadServers: true, LastContactThreshold: '1s', MaxTrailingLogs: 0, ServerStabilizationTime: '0s' })
  const { ModifyIndex } = get(leader)
  t.match(put('?cas=1', '{}'), { status: 200, body: 'false' })
  t.match(put(`?cas=${ModifyIndex}`, '{"MaxTrailingLogs":77}'), { status: 200, body: 'true' })
  t.match(put('?cas=abc', '{}'), { status: 400, body: 'Bad request: Error parsing cas value: strconv.ParseUint: parsing "abc": invalid syntax' })
  t.match(put('', '{"Nope":1}'), { status: 400, body: 'Bad request: Error parsing autopilot config: json: unknown field "Nope"' })
  t.match(put('', '{"MaxTrailingLogs":"x"}'), { status: 400, body: 'Bad request: Error parsing autopilot config: json: cannot unmarshal string into Go struct field AutopilotConfiguration.MaxTrailingLogs of type uint64' })
  t.match(put('', '{"LastContactThreshold":"x"}'), { status: 400, body: 'Bad request: Error parsing autopilot config: time: invalid duration "x"' })
  // It is part of the snapshot.
  for (let i = 0; i < 40; i++) cluster.ask(leader, 'PUT', `/v1/kv/k${i}`, 'x')
  for (const name of ['n1', 'n2', 'n3']) cluster.crash(name)
  for (const name of ['n1', 'n2', 'n3']) cluster.start(name)
  t.ok(cluster.time.runUntil(() => cluster.leader !== null, 20_000))
  t.match(get(cluster.leader!), { MaxTrailingLogs: 77, CreateIndex: ModifyIndex })
})

t.test('five servers that expect three become one cluster of five', async (t) => {
  const cluster = new VirtualCluster(5, {}, { gossip: true })
  for (const name of ['n1', 'n2', 'n3', 'n4', 'n5']) {
    cluster.crash(name)
    cluster.disks.delete(name)
  }
  for (const name of ['n1', 'n2', 'n3', 'n4', 'n5']) cluster.start(name, 3)
  t.ok(cluster.time.runUntil(() => cluster.leader !== null && servers(cluster, cluster.leader).join() === 'n1,n2,n3,n4,n5', 60_000))
  put(cluster, cluster.leader!, 'a', 'x')
})

t.test('a server that was cut off and removed comes back when the cut is healed, without being told', async (t) => {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  const leader = cluster.elect()
  const victim = others(cluster, leader)[0]!
  const sameSide = (from: string, to: string) => (from.split(':')[0] === victim) === (to.split(':')[0] === victim)
  cluster.passes = cluster.gossip!.passes = sameSide
  t.ok(cluster.time.runUntil(() => servers(cluster, leader).length === 2, 120_000), 'autopilot removes it')
  put(cluster, leader, 'meanwhile', 'x')
  cluster.passes = cluster.gossip!.passes = () => true
  t.ok(cluster.time.runUntil(() => servers(cluster, leader).includes(victim), 600_000), 'it votes again')
  t.ok(cluster.time.runUntil(() => serfHealth(cluster, leader, victim) === 'passing', 10_000))
  t.equal(Buffer.from(cluster.ask(victim, 'GET', '/v1/kv/meanwhile?raw&stale').body as Uint8Array).toString(), 'x')
})

t.test('two clusters of one that meet by gossip stay two', async (t) => {
  const cluster = new VirtualCluster(1, {}, { gossip: true })
  cluster.elect()
  put(cluster, 'n1', 'a', 'x')
  cluster.start('n2', 1)
  cluster.time.run(60_000)
  t.same([servers(cluster, 'n1'), servers(cluster, 'n2')], [['n1'], ['n2']])
  t.match(json(cluster, 'n1', '/v1/agent/members'), [{ Name: 'n1', Tags: { bootstrap: '1' } }, { Name: 'n2', Tags: { bootstrap: '1' } }])
})
