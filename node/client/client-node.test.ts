/** Client agents with three servers, in virtual time. */
import t from 'tap'
import { detectionBoundMs } from '../gossip/bounds.ts'
import { lanProfile } from '../gossip/config.ts'
import { VirtualClients } from '../testing/virtual-clients.ts'
import { VirtualCluster } from '../testing/virtual-cluster.ts'

interface Check { readonly CheckID: string, readonly Status: string }

function begin(names: readonly string[] = ['c1']) {
  const cluster = new VirtualCluster(3, {}, { gossip: true })
  const leader = cluster.elect()
  const clients = new VirtualClients(cluster)
  for (const name of names) clients.start(name)
  const at = (name: string, target: string) => JSON.parse(String(cluster.ask(name, 'GET', target).body))
  const client = (method: string, target: string, body = '', name = 'c1', limitMs = 10_000) => {
    const { status, headers, body: answer } = clients.ask(name, method, target, body, limitMs)
    return { status, headers, body: Buffer.from(answer as Uint8Array).toString() }
  }
  const serfHealth = (node: string): string | undefined => (at(leader, `/v1/health/node/${node}`) as Check[]).find(({ CheckID }) => CheckID === 'serfHealth')?.Status
  const until = (what: string, reached: () => boolean, limitMs: number) => {
    if (!cluster.time.runUntil(reached, limitMs)) throw new Error(`${what} did not come about within ${limitMs} ms`)
  }
  until('the agents in the catalog', () => names.every((name) => serfHealth(name) === 'passing'), 20_000)
  return { cluster, clients, leader, at, client, serfHealth, until }
}

t.test('an agent is a member and a node, with its metadata; all requests are answered through it', async (t) => {
  const { cluster, clients, leader, at, client, until } = begin()
  t.same(at(leader, '/v1/agent/members').map(({ Name, Tags }: { Name: string, Tags: { role: string } }) => `${Name} ${Tags.role}`).sort(), ['c1 node', 'n1 consul', 'n2 consul', 'n3 consul'])
  clients.start('c2', { nodeMeta: { rack: '7' } })
  until('the metadata', () => at(leader, '/v1/catalog/node/c2')?.Node.Meta?.rack === '7', 10_000)
  t.match(at(leader, '/v1/catalog/node/c2'), { Node: { ID: 'id-c2', TaggedAddresses: { lan: 'c2' }, Meta: { rack: '7', 'consul-network-segment': '' } }, Services: {} })

  t.match(client('PUT', '/v1/kv/a', 'x'), { status: 200, body: 'true' })
  t.match(client('GET', '/v1/kv/a?raw'), { status: 200, body: 'x', headers: { 'X-Consul-Knownleader': 'true', 'X-Consul-Index': /^\d+$/ } })
  t.match(client('GET', '/v1/kv/a?raw&consistent'), { status: 200, body: 'x' })
  t.match(client('GET', '/v1/kv/a?raw&stale'), { status: 200, headers: { 'X-Consul-Lastcontact': /^\d+$/ } })
  t.match(client('POST', '/v1/kv/a'), { status: 405 })
  t.match(client('GET', '/v1/kv/none'), { status: 404, body: '' })
  t.equal(JSON.parse(client('GET', '/v1/status/leader').body), `${leader}:8300`)
  t.equal(JSON.parse(client('GET', '/v1/status/peers').body).length, 3)
  t.match(client('PUT', '/v1/txn', JSON.stringify([{ KV: { Verb: 'set', Key: 'b', Value: 'eA==' } }])), { status: 200 })
  const self = JSON.parse(client('GET', '/v1/agent/self').body)
  t.match(self, { Config: { NodeName: 'c1', Server: false }, Stats: { consul: { server: 'false', known_servers: '3' }, serf_lan: { members: '5', failed: '0', left: '0', health_score: '0', member_time: /^[1-9]/, event_time: /^[1-9]/ } }, Member: { Tags: { role: 'node' } } })
  t.notOk('raft' in self.Stats)
  t.match(client('GET', '/v1/agent/nonsense'), { status: 404 })
  t.equal(cluster.status(leader).role, 'leader')
})

t.test('a blocking query passes through, and wakes', async (t) => {
  const { cluster, clients, client } = begin()
  const index = client('GET', '/v1/kv/watched').headers['X-Consul-Index']
  const waiting = clients.request('c1', 'GET', `/v1/kv/watched?index=${index}&wait=60s&raw`)
  cluster.time.run(5000)
  t.equal(waiting.response, null)
  cluster.ask('n1', 'PUT', '/v1/kv/watched', 'now')
  t.ok(cluster.time.runUntil(() => waiting.response !== null, 1000))
  t.equal(Buffer.from(waiting.response!.body as Uint8Array).toString(), 'now')
})

t.test('a service of an agent is seen everywhere; its removal too; a restart keeps it; what others break is put right', async (t) => {
  const { cluster, clients, leader, at, client, until } = begin(['c1', 'c2'])
  t.equal(client('PUT', '/v1/agent/service/register', JSON.stringify({ Name: 'web', Port: 80, Tags: ['v1'], Check: { TTL: '1h' } })).status, 200)
  for (const server of ['n1', 'n2', 'n3']) until(`web at ${server}`, () => at(server, '/v1/health/service/web?stale').length === 1, 5000)
  t.match(JSON.parse(client('GET', '/v1/catalog/service/web', '', 'c2').body), [{ Node: 'c1', ServicePort: 80, ServiceTags: ['v1'] }])
  t.equal(client('PUT', '/v1/agent/check/pass/service:web').status, 200)
  until('web passes', () => at(leader, '/v1/health/service/web?passing').length === 1, 5000)

  cluster.ask(leader, 'PUT', '/v1/catalog/deregister', JSON.stringify({ Node: 'c1', ServiceID: 'web' }))
  t.equal(at(leader, '/v1/catalog/service/web').length, 0)
  until('web is back', () => at(leader, '/v1/catalog/service/web').length === 1, 70_000)

  clients.kill('c1')
  clients.start('c1')
  t.match(JSON.parse(client('GET', '/v1/agent/services').body), { web: { Port: 80 } })
  until('web passes again', () => at(leader, '/v1/health/service/web?passing').length === 1, 40_000)
  t.equal(client('PUT', '/v1/agent/service/deregister/web').status, 200)
  until('web is gone', () => at(leader, '/v1/catalog/service/web').length === 0, 5000)
})

t.test('an agent with nothing to say writes nothing', async (t) => {
  const { cluster, leader } = begin(['c1', 'c2'])
  cluster.time.run(120_000)
  const { lastIndex } = cluster.status(leader)
  cluster.time.run(600_000)
  t.equal(cluster.status(leader).lastIndex, lastIndex)
})

t.test('a killed agent is critical within the bound, and the lock of its session is free; it comes back', async (t) => {
  const { clients, leader, at, client, serfHealth, until } = begin()
  const { ID } = JSON.parse(client('PUT', '/v1/session/create', '{"LockDelay":"0s"}').body)
  t.match(at(leader, `/v1/session/info/${ID}`), [{ Node: 'c1', NodeChecks: ['serfHealth'] }])
  t.equal(client('PUT', `/v1/kv/lock?acquire=${ID}`, 'c1').body, 'true')
  clients.kill('c1')
  until('c1 critical', () => serfHealth('c1') === 'critical', detectionBoundMs(lanProfile, { members: 4, healthScoreMax: 0 }) + 1000)
  t.match(at(leader, '/v1/agent/self').Stats.serf_lan, { members: '4', failed: '1', left: '0' })
  t.same(at(leader, `/v1/session/info/${ID}`), [])
  t.notOk('Session' in at(leader, '/v1/kv/lock')[0])
  clients.start('c1')
  until('c1 passes', () => serfHealth('c1') === 'passing', 20_000)
})

t.test('an agent that leaves is deregistered with all that it has', async (t) => {
  const { clients, leader, at, client, until } = begin()
  client('PUT', '/v1/agent/service/register', '{"Name":"web"}')
  until('web', () => at(leader, '/v1/catalog/service/web').length === 1, 5000)
  t.equal(client('PUT', '/v1/agent/leave', '', 'c1', 20_000).status, 200)
  t.same(clients.left, ['c1'])
  until('c1 is out of the catalog', () => at(leader, '/v1/catalog/node/c1') === null, 10_000)
  t.equal(at(leader, '/v1/catalog/service/web').length, 0)
  t.match(at(leader, '/v1/agent/members').find(({ Name }: { Name: string }) => Name === 'c1'), { Status: 3 })
})

t.test('another server is asked where one cannot be reached; reads are repeated, writes that may have happened are not', async (t) => {
  const { cluster, clients, client } = begin()
  client('PUT', '/v1/kv/a', 'x')
  const first = () => clients.agents.get('c1')!.knownServers[0]!.split(':')[0]!
  const shunned = first()
  clients.passes = (_agent, server) => server !== shunned
  t.match(client('PUT', '/v1/kv/a', 'y'), { status: 200, body: 'true' })
  t.not(first(), shunned)

  const asked = first()
  clients.passes = () => true
  const reading = clients.request('c1', 'GET', '/v1/kv/a?raw')
  const writing = clients.request('c1', 'PUT', '/v1/kv/a', 'z')
  cluster.time.run(1)
  clients.passes = (_agent, server) => server !== asked
  t.ok(cluster.time.runUntil(() => reading.response !== null && writing.response !== null, 10_000))
  t.match(reading.response, { status: 200 })
  t.match(writing.response, { status: 500, body: 'rpc error making call: EOF' })
})

t.test('without servers: what is local works, the rest says so', async (t) => {
  const cluster = new VirtualCluster(1, {}, { gossip: true })
  const clients = new VirtualClients(cluster)
  clients.start('c1', { retryJoin: [] })
  t.match(clients.ask('c1', 'GET', '/v1/kv/a'), { status: 500, body: 'No known Consul servers' })
  t.match(clients.ask('c1', 'GET', '/v1/status/leader'), { status: 500, body: 'No known Consul servers' })
  t.equal(clients.ask('c1', 'PUT', '/v1/agent/service/register', '{"Name":"web"}').status, 200)
  t.match(JSON.parse(String(clients.ask('c1', 'GET', '/v1/agent/services').body)), { web: {} })
  cluster.elect()
  t.equal(clients.ask('c1', 'PUT', '/v1/agent/join/n1').status, 200)
  const found = () => JSON.parse(String(cluster.ask('n1', 'GET', '/v1/catalog/service/web').body)).length === 1
  t.ok(cluster.time.runUntil(found, 10_000), 'what was registered before is in the catalog now')
})

t.test('an alias check at an agent follows another node', async () => {
  const { cluster, leader, client, at, until } = begin()
  const node = (status: string) => cluster.ask(leader, 'PUT', '/v1/catalog/register', JSON.stringify({ Node: 'far', Address: '1.2.3.4', Check: { Name: 'health', Status: status } }))
  node('passing')
  client('PUT', '/v1/agent/check/register', JSON.stringify({ Name: 'follows', AliasNode: 'far' }))
  const status = () => (at(leader, '/v1/health/node/c1') as Check[]).find(({ CheckID }) => CheckID === 'follows')?.Status
  until('it passes', () => status() === 'passing', 30_000)
  node('critical')
  until('it is critical', () => status() === 'critical', 30_000)
})
