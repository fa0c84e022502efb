/** Catalog and health over the API of members in virtual time. */
import t from 'tap'
import { VirtualCluster } from '../testing/virtual-cluster.ts'
import type { ApiResponse } from './exchange.ts'

const text = (response: ApiResponse) => Buffer.from(response.body as Uint8Array).toString()
const json = (response: ApiResponse) => JSON.parse(text(response)) as any

function single(): VirtualCluster {
  const cluster = new VirtualCluster(1)
  cluster.elect()
  cluster.time.run(100)
  return cluster
}

function register(cluster: VirtualCluster, body: object, at = 'n1'): string {
  return text(cluster.ask(at, 'PUT', '/v1/catalog/register', JSON.stringify(body)))
}

const web = { ID: 'web1', Service: 'web', Tags: ['v1', 'primary'], Port: 80 }

t.test('the leader enters every server: a node with the service consul and a passing serfHealth', async (t) => {
  const cluster = new VirtualCluster(3)
  cluster.elect()
  cluster.time.run(500)
  for (const asked of ['n1', 'n2', 'n3']) {
    t.same(json(cluster.ask(asked, 'GET', '/v1/catalog/nodes')).map((node: any) => node.Node), ['n1', 'n2', 'n3'])
    t.match(json(cluster.ask(asked, 'GET', '/v1/health/service/consul?passing')), ['n1', 'n2', 'n3'].map((name) => ({
      Node: { ID: `id-${name}`, Node: name, Address: name, Datacenter: 'dc1', TaggedAddresses: { lan: name, wan: name }, Meta: { 'consul-network-segment': '' } },
      Service: { ID: 'consul', Service: 'consul', Tags: [], Port: 8300 },
      Checks: [{ Node: name, CheckID: 'serfHealth', Name: 'Serf Health Status', Status: 'passing', Output: 'Agent alive and reachable', Definition: {} }],
    })))
  }
})

t.test('a server that was deregistered comes back within a minute; what is known is not written again', async (t) => {
  const cluster = single()
  const index = () => cluster.ask('n1', 'GET', '/v1/catalog/nodes').headers['X-Consul-Index']
  const before = index()
  cluster.time.run(200_000)
  t.equal(index(), before)
  t.equal(text(cluster.ask('n1', 'PUT', '/v1/catalog/deregister', '{"Node":"n1"}')), 'true')
  t.same(json(cluster.ask('n1', 'GET', '/v1/catalog/nodes')), [])
  cluster.time.run(61_000)
  t.equal(json(cluster.ask('n1', 'GET', '/v1/catalog/nodes')).length, 1)
})

t.test('registered at a follower, read everywhere, with every field', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  cluster.time.run(500)
  const follower = ['n1', 'n2', 'n3'].find((name) => name !== leader)!
  t.equal(register(cluster, {
    Node: 'ext', Address: '10.0.0.9', NodeMeta: { rack: 'r1' }, Service: { ...web, Meta: { v: '1' }, Address: '10.0.0.10', TaggedAddresses: { lan: { Address: '10.0.0.10', Port: 80 } } },
    Check: { CheckID: 'service:web1', Name: 'web', Status: 'passing', ServiceID: 'web1', Type: 'http', Definition: { HTTP: 'http://x', Interval: '10s', Timeout: 5e9, DeregisterCriticalServiceAfter: '90s' } },
  }, follower), 'true')
  const [service] = json(cluster.ask(leader, 'GET', '/v1/catalog/service/web'))
  const { CreateIndex, ModifyIndex, ...rest } = service
  t.ok(CreateIndex > 0 && ModifyIndex === CreateIndex)
  t.strictSame(rest, {
    ID: '', Node: 'ext', Address: '10.0.0.9', Datacenter: 'dc1', TaggedAddresses: null, NodeMeta: { rack: 'r1' },
    ServiceKind: '', ServiceID: 'web1', ServiceName: 'web', ServiceTags: ['v1', 'primary'], ServiceAddress: '10.0.0.10',
    ServiceTaggedAddresses: { lan: { Address: '10.0.0.10', Port: 80 } }, ServiceWeights: { Passing: 1, Warning: 1 }, ServiceMeta: { v: '1' }, ServicePort: 80,
    ServiceEnableTagOverride: false, ServiceProxy: { MeshGateway: {}, Expose: {} }, ServiceConnect: {},
  })
  t.match(json(cluster.ask(leader, 'GET', '/v1/health/checks/web')), [{
    Node: 'ext', CheckID: 'service:web1', ServiceID: 'web1', ServiceName: 'web', ServiceTags: ['v1', 'primary'], Type: 'http',
    Definition: { HTTP: 'http://x', Interval: '10s', Timeout: '5s', DeregisterCriticalServiceAfter: '1m30s' },
  }])
  const read = cluster.ask(follower, 'GET', '/v1/catalog/services')
  t.strictSame(json(read), { consul: [], web: ['v1', 'primary'] })
  t.match(read.headers, { 'X-Consul-Index': String(CreateIndex), 'X-Consul-Knownleader': 'true', 'X-Consul-Effective-Consistency': 'leader' })
  t.match(json(cluster.ask(leader, 'GET', '/v1/catalog/node/ext')), { Node: { Node: 'ext' }, Services: { web1: { ID: 'web1', Service: 'web', Meta: { v: '1' } } } })
  t.match(json(cluster.ask(leader, 'GET', '/v1/catalog/node-services/ext')), { Services: [{ ID: 'web1' }] })
})

t.test('filters by tag, node metadata, and health', async (t) => {
  const cluster = single()
  register(cluster, { Node: 'a', Address: '10.0.0.1', NodeMeta: { rack: 'r1', env: 'x' }, Service: web, Check: { Name: 'alive', Status: 'passing' } })
  register(cluster, { Node: 'b', Address: '10.0.0.2', NodeMeta: { rack: 'r2' }, Service: { ...web, Tags: ['v2'] }, Check: { Name: 'alive', Status: 'warning' } })
  const nodesOf = (query: string) => json(cluster.ask('n1', 'GET', `/v1/health/service/web${query}`)).map((instance: any) => instance.Node.Node)
  const table: [string, string[]][] = [
    ['', ['a', 'b']], ['?near=_agent', ['a', 'b']], ['?tag=v1', ['a']], ['?tag=v1&tag=PRIMARY', ['a']], ['?tag=v1&tag=v2', []], ['?passing', ['a']], ['?passing=1', ['a']],
    ['?passing=false', ['a', 'b']], ['?node-meta=rack:r2', ['b']], ['?node-meta=rack:r1&node-meta=env:x', ['a']], ['?node-meta=rack:r1&node-meta=env:y', []],
  ]
  for (const [query, wanted] of table) t.strictSame(nodesOf(query), wanted, query)
  t.strictSame(json(cluster.ask('n1', 'GET', '/v1/catalog/services?node-meta=rack:r2')), { web: ['v2'] })
  t.strictSame(json(cluster.ask('n1', 'GET', '/v1/catalog/nodes?node-meta=rack:r2')).length, 1)
  const inState = (state: string) => json(cluster.ask('n1', 'GET', `/v1/health/state/${state}`)).map((check: any) => check.Node)
  t.strictSame([inState('any'), inState('passing'), inState('warning'), inState('critical'), inState('zz')], [['a', 'b', 'n1'], ['a', 'n1'], ['b'], [], []])
  t.strictSame(json(cluster.ask('n1', 'GET', '/v1/health/node/b')).map((check: any) => check.CheckID), ['alive'])
  for (const target of ['/v1/health/service/no', '/v1/health/node/no', '/v1/health/checks/no', '/v1/catalog/service/no']) t.equal(text(cluster.ask('n1', 'GET', target)), '[]', target)
  t.equal(text(cluster.ask('n1', 'GET', '/v1/catalog/node/no')), 'null')
  t.equal(text(cluster.ask('n1', 'GET', '/v1/catalog/node-services/no')), '{"Node":null,"Services":null}')
  t.equal(text(cluster.ask('n1', 'GET', '/v1/catalog/datacenters')), '["dc1"]')
})

t.test('?filter= on every list', async (t) => {
  const cluster = single()
  register(cluster, { Node: 'a', Address: '10.0.0.1', NodeMeta: { rack: 'r1' }, Service: web, Check: { Name: 'alive', Status: 'passing' } })
  register(cluster, { Node: 'b', Address: '10.0.0.2', NodeMeta: { rack: 'r2' }, Service: { ...web, Port: 81 }, Check: { Name: 'alive', Status: 'warning' } })
  const table: [target: string, filter: string, wanted: number][] = [
    ['catalog/nodes', 'Meta.rack == r1', 1], ['catalog/service/web', 'ServicePort == 81', 1], ['catalog/service/web', 'NodeMeta.rack matches "^r"', 2],
    ['health/service/web', 'Service.Port != 80 and Node.Meta.rack == "r2"', 1], ['health/service/web', 'Checks.Status == passing', 1], ['health/state/any', 'b in Node or Name == alive', 2],
    ['health/node/a', 'Status == critical', 0],
  ]
  for (const [target, filter, wanted] of table) t.equal(json(cluster.ask('n1', 'GET', `/v1/${target}?filter=${encodeURIComponent(filter)}`)).length, wanted, `${target} ${filter}`)
  t.strictSame(json(cluster.ask('n1', 'GET', '/v1/catalog/node/a?filter=Port==99')).Services, {})
  const refused = cluster.ask('n1', 'GET', `/v1/health/service/web?filter=${encodeURIComponent('Service.Prt == 1')}`)
  t.equal(refused.status, 500)
  t.equal(text(refused), 'Failed to create boolean expression evaluator: Selector "Service.Prt" is not valid')
  cluster.ask('n1', 'PUT', '/v1/agent/service/register', '{"Name":"x","Port":1}')
  t.strictSame(Object.keys(json(cluster.ask('n1', 'GET', '/v1/agent/services?filter=Port==1'))), ['x'])
  t.strictSame(json(cluster.ask('n1', 'GET', '/v1/agent/services?filter=Port==2')), {})
  t.equal(cluster.ask('n1', 'GET', '/v1/agent/checks?filter=zz').status, 500)
})

t.test('what is refused, in Consul\'s words', async (t) => {
  const cluster = single()
  const table: [method: string, target: string, body: string, status: number, answer: string][] = [
    ['PUT', 'catalog/register', '{}', 500, 'Must provide node'],
    ['PUT', 'catalog/register', '{"Node":"x"}', 500, 'Must provide address if SkipNodeUpdate is not set'],
    ['PUT', 'catalog/register', '{"Node":"x","Address":"1.1.1.1","ID":"zz"}', 500, 'Bad node ID: uuid string is wrong length'],
    ['PUT', 'catalog/register', '{"Node":"x","Address":"1.1.1.1","Service":{"ID":"a"}}', 500, 'Must provide service name with ID'],
    ['PUT', 'catalog/register', '{"Node":"ext2","Address":"1.1.1.1","Check":{"Name":"c","ServiceID":"no"}}', 500, 'failed inserting check: Missing service registration on node "ext2"'],
    ['PUT', 'catalog/register', '{"Node":"x","Address":"1.1.1.1","Service":{"Service":"a","Port":"x"}}', 400, 'Request decode failed: json: cannot unmarshal string into Go struct field NodeService.Service.Port of type int'],
    ['PUT', 'catalog/register', '{bad', 400, 'Request decode failed: invalid character \'b\' looking for beginning of object key string'],
    ['PUT', 'catalog/register', '{"Node":"x","Address":"1.1.1.1","Datacenter":"dc9"}', 500, 'No path to datacenter'],
    ['PUT', 'catalog/deregister', '{}', 500, 'Must provide node'],
    ['PUT', 'catalog/deregister', '{"Node":"unknown"}', 200, 'true'],
    ['GET', 'catalog/service/', '', 400, 'Missing service name'],
    ['GET', 'health/service/', '', 400, 'Missing service name'],
    ['GET', 'health/node/', '', 400, 'Missing node name'],
    ['GET', 'health/state/', '', 400, 'Missing check state'],
    ['GET', 'health/service/web?passing=zz', '', 400, 'Invalid value for ?passing'],
    ['GET', 'catalog/nodes?index=x', '', 400, 'Invalid index'],
    ['GET', 'catalog/nodes?dc=dc9', '', 500, 'No path to datacenter'],
    ['POST', 'catalog/register', '{}', 405, 'method POST not allowed'],
  ]
  for (const [method, target, body, status, answer] of table) {
    const response = cluster.ask('n1', method, `/v1/${target}`, body)
    t.equal(response.status, status, target)
    t.equal(text(response), answer, `${target} ${body}`)
  }
  t.match(cluster.ask('n1', 'GET', '/v1/catalog/nodes?dc=dc9').headers, { 'X-Consul-Index': '1', 'X-Consul-Knownleader': 'false' })
})

t.test('indexes: registering what is there wakes nobody, an unrelated service neither', async (t) => {
  const cluster = single()
  const index = (target: string) => Number(cluster.ask('n1', 'GET', target).headers['X-Consul-Index'])
  const all = () => ['/v1/catalog/nodes', '/v1/catalog/services', '/v1/catalog/service/web', '/v1/health/service/web', '/v1/health/state/any'].map(index)
  const ext = { Node: 'ext', Address: '10.0.0.1', Service: web }
  register(cluster, ext)
  const before = all()
  register(cluster, ext)
  t.strictSame(all(), before)
  register(cluster, { Node: 'ext', Address: '10.0.0.1', Check: { Name: 'c', Status: 'passing' } })
  const after = all()
  t.strictSame(after.map((value, i) => value > before[i]!), [false, false, false, true, true])
  register(cluster, { ...ext, Service: { Service: 'db' } })
  t.strictSame(all().map((value, i) => value > after[i]!), [false, true, false, false, false])
})

t.test('without a leader: 500, with the headers of a read', async (t) => {
  const cluster = new VirtualCluster(3)
  cluster.passes = () => false
  const response = cluster.ask('n1', 'GET', '/v1/health/service/web', '', 7100)
  t.equal(response.status, 500)
  t.equal(text(response), 'No cluster leader')
  t.match(response.headers, { 'X-Consul-Index': '1', 'X-Consul-Knownleader': 'false' })
})
