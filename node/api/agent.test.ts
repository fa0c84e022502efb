/** Services and checks of a member's own agent, over the API, in virtual time. */
import t from 'tap'
import type { CheckResult } from '../local/definitions.ts'
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

const put = (cluster: VirtualCluster, target: string, body: object | string = '', at = 'n1') =>
  cluster.ask(at, 'PUT', `/v1/agent/${target}`, typeof body === 'string' ? body : JSON.stringify(body))
const get = (cluster: VirtualCluster, target: string, at = 'n1') => json(cluster.ask(at, 'GET', `/v1/${target}`))
const inCatalog = (cluster: VirtualCluster, at = 'n1') => get(cluster, 'health/service/web', at)
  .map(({ Node, Service, Checks }: any) => [Node.Node, Service.ID, ...Checks.map((check: any) => `${check.CheckID}=${check.Status}`)])

t.test('a service registered at a follower is in everybody\'s catalog at once, with its checks', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  cluster.time.run(500)
  const follower = ['n1', 'n2', 'n3'].find((name) => name !== leader)!
  const response = put(cluster, 'service/register', { name: 'web', tags: ['v1'], port: 80, address: '10.0.0.9', check: { ttl: '10s', status: 'passing' } }, follower)
  t.equal(response.status, 200)
  t.equal(text(response), '')
  t.equal(response.headers['Content-Type'], undefined)
  cluster.time.run(300)
  for (const name of ['n1', 'n2', 'n3']) t.strictSame(inCatalog(cluster, name), [[follower, 'web', 'serfHealth=passing', 'service:web=passing']])
  t.strictSame(get(cluster, 'agent/services', follower), {
    web: {
      ID: 'web', Service: 'web', Tags: ['v1'], Meta: {}, Port: 80, Address: '10.0.0.9',
      TaggedAddresses: { lan_ipv4: { Address: '10.0.0.9', Port: 80 }, wan_ipv4: { Address: '10.0.0.9', Port: 80 } },
      Weights: { Passing: 1, Warning: 1 }, EnableTagOverride: false,
    },
  })
  t.match(get(cluster, 'agent/checks', follower), { 'service:web': {
    Node: follower, Name: 'Service \'web\' check', Status: 'passing', ServiceID: 'web', ServiceName: 'web', ServiceTags: ['v1'], Type: 'ttl', Definition: {}, CreateIndex: 0,
  } })
  t.match(get(cluster, 'agent/service/web', follower).ContentHash, /^[0-9a-f]{16}$/)
  put(cluster, 'service/deregister/web', '', follower)
  cluster.time.run(300)
  t.strictSame(inCatalog(cluster), [])
})

t.test('a TTL check: told of, silent for too long, told of again', async (t) => {
  const cluster = single()
  put(cluster, 'service/register', { Name: 'web', Check: { TTL: '10s' } })
  const now = () => {
    cluster.time.run(100)
    const [check] = get(cluster, 'health/checks/web')
    return [check.Status, check.Output]
  }
  t.strictSame(now(), ['critical', ''])
  t.equal(put(cluster, 'check/pass/service:web?note=fine').status, 200)
  t.strictSame(now(), ['passing', 'fine'])
  cluster.time.run(9000)
  put(cluster, 'check/pass/service:web?note=fine')
  cluster.time.run(9000)
  t.strictSame(now(), ['passing', 'fine'], 'its time began anew')
  cluster.time.run(1000)
  t.strictSame(now(), ['critical', 'TTL expired (last output before timeout follows): fine'])
  put(cluster, 'check/warn/service:web?note=hm')
  t.strictSame(now(), ['warning', 'hm'])
  put(cluster, 'check/fail/service:web')
  t.strictSame(now(), ['critical', ''])
  put(cluster, 'check/update/service:web', { Status: 'passing', Output: 'x'.repeat(5000) })
  t.strictSame(now(), ['passing', 'x'.repeat(4096)])
})

t.test('checks that look for themselves: at their interval, and only so many results in a row count', async (t) => {
  const cluster = single()
  let result: CheckResult = { status: 'passing', output: 'up' }
  const asked: { readonly kind: string, readonly atMs: number }[] = []
  cluster.probes = { probe: ({ kind }, _bytes, done) => {
    asked.push({ kind, atMs: cluster.time.nowMs() })
    return cluster.time.after(10, () => done(result))
  } }
  put(cluster, 'service/register', { Name: 'web', Checks: [
    { HTTP: 'http://localhost/x', Interval: '10s', Timeout: '1s', SuccessBeforePassing: 1, FailuresBeforeCritical: 2 }, { CheckID: 'port', TCP: 'localhost:80', Interval: '5s' },
  ] })
  const statuses = () => Object.fromEntries(get(cluster, 'health/checks/web').map((check: any) => [check.CheckID, check.Status]))
  cluster.time.run(10_100)
  t.strictSame(statuses(), { 'service:web:1': 'critical', port: 'passing' }, 'one success is not enough')
  cluster.time.run(10_000)
  t.strictSame(statuses(), { 'service:web:1': 'passing', port: 'passing' })
  result = { status: 'critical', output: 'down' }
  cluster.time.run(20_000)
  t.strictSame(statuses(), { 'service:web:1': 'passing', port: 'critical' }, 'two failures are not enough')
  cluster.time.run(10_500)
  t.strictSame(statuses(), { 'service:web:1': 'critical', port: 'critical' })
  const http = asked.filter(({ kind }) => kind === 'http').map(({ atMs }) => atMs)
  t.ok(http.slice(1).every((atMs, i) => atMs - http[i]! >= 10_000 && atMs - http[i]! < 10_100), 'every ten seconds')
  put(cluster, 'service/deregister/web')
  const count = asked.length
  cluster.time.run(30_000)
  t.equal(asked.length, count, 'a check that is gone asks no more')
})

t.test('an alias is as healthy as what it stands for', async (t) => {
  const cluster = single()
  put(cluster, 'service/register', { Name: 'db', Check: { CheckID: 'db', TTL: '10m', Status: 'passing' } })
  put(cluster, 'service/register', { Name: 'web', Check: { AliasService: 'db' } })
  const alias = () => {
    cluster.time.run(1500)
    const [check] = get(cluster, 'health/checks/web')
    return [check.Type, check.Status]
  }
  t.strictSame(alias(), ['alias', 'passing'])
  put(cluster, 'check/warn/db')
  t.strictSame(alias(), ['alias', 'warning'])
  put(cluster, 'service/deregister/db')
  t.strictSame(alias(), ['alias', 'critical'])
})

t.test('a service that is critical for too long is removed, not before a minute', async (t) => {
  const cluster = single()
  put(cluster, 'service/register', { Name: 'web', Check: { TTL: '10s', Status: 'passing', DeregisterCriticalServiceAfter: '10s' } })
  cluster.time.run(10_000 + 59_000)
  t.equal(inCatalog(cluster).length, 1)
  cluster.time.run(32_000)
  t.strictSame(inCatalog(cluster), [])
  t.strictSame(get(cluster, 'agent/services'), {})
})

t.test('the catalog is repaired within a minute: what was taken away, changed, or added behind the agent\'s back', async (t) => {
  const cluster = single()
  put(cluster, 'service/register', { Name: 'web', Port: 80, Check: { TTL: '10m', Status: 'passing' } })
  cluster.time.run(100)
  const registered = (body: object) => cluster.ask('n1', 'PUT', '/v1/catalog/register', JSON.stringify({ Node: 'n1', SkipNodeUpdate: true, ...body }))
  registered({ Service: { ID: 'web', Service: 'web', Port: 81 }, Checks: [{ CheckID: 'service:web', Name: 'x', Status: 'critical', ServiceID: 'web' }] })
  registered({ Service: { ID: 'stray', Service: 'stray' } })
  registered({ Check: { CheckID: 'stray', Name: 'stray', Status: 'critical' } })
  t.equal(get(cluster, 'catalog/service/web')[0].ServicePort, 81)
  cluster.time.run(64_000)
  t.equal(get(cluster, 'catalog/service/web')[0].ServicePort, 80)
  t.strictSame(inCatalog(cluster), [['n1', 'web', 'serfHealth=passing', 'service:web=passing']])
  t.strictSame(get(cluster, 'catalog/service/stray'), [])
  t.equal(get(cluster, 'catalog/service/consul').length, 1, 'the leader\'s own entry is not the agent\'s to remove')
  cluster.ask('n1', 'PUT', '/v1/catalog/deregister', '{"Node":"n1","ServiceID":"web"}')
  t.strictSame(inCatalog(cluster), [])
  cluster.time.run(64_000)
  t.equal(inCatalog(cluster).length, 1)
})

t.test('tags that others override are taken over, not written back', async (t) => {
  const cluster = single()
  put(cluster, 'service/register', { Name: 'web', Tags: ['mine'], EnableTagOverride: true })
  cluster.time.run(100)
  cluster.ask('n1', 'PUT', '/v1/catalog/register', JSON.stringify({ Node: 'n1', SkipNodeUpdate: true, Service: { Service: 'web', Tags: ['theirs'], EnableTagOverride: true, Meta: {} } }))
  cluster.time.run(64_000)
  t.strictSame(get(cluster, 'catalog/service/web')[0].ServiceTags, ['theirs'])
  t.strictSame(get(cluster, 'agent/services').web.Tags, ['theirs'])
})

t.test('other words of a check wait for five minutes, another status does not', async (t) => {
  const cluster = single()
  put(cluster, 'service/register', { Name: 'web', Check: { TTL: '1h', Status: 'passing' } })
  cluster.time.run(100)
  put(cluster, 'check/pass/service:web?note=new')
  const output = () => get(cluster, 'health/checks/web')[0].Output
  cluster.time.run(240_000)
  t.equal(output(), '')
  cluster.time.run(130_000)
  t.equal(output(), 'new')
})

t.test('services and checks survive a crash of the member; a TTL check goes on, others are made anew', async (t) => {
  const cluster = single()
  put(cluster, 'service/register', { Name: 'web', Checks: [{ CheckID: 'ttl', TTL: '10s' }, { CheckID: 'tcp', TCP: 'x:1', Interval: '1h', Status: 'passing' }] })
  put(cluster, 'check/pass/ttl?note=fine')
  put(cluster, 'service/register', { Name: 'gone' })
  put(cluster, 'service/deregister/gone')
  put(cluster, 'maintenance?enable=true&reason=why')
  cluster.time.run(100)
  cluster.crash('n1')
  cluster.start('n1')
  const kept = get(cluster, 'agent/checks')
  t.match(kept, { ttl: { Status: 'passing', Output: 'fine' }, tcp: { Status: 'passing' }, _node_maintenance: { Status: 'critical', Notes: 'why' } })
  t.strictSame(Object.keys(get(cluster, 'agent/services')), ['web'])
  cluster.elect()
  cluster.time.run(11_000)
  t.match(get(cluster, 'health/checks/web'), [{ CheckID: 'tcp' }, { CheckID: 'ttl', Status: 'critical' }])
})

t.test('a crash in the middle of a registration leaves no service without its checks', async (t) => {
  const cluster = single()
  const disk = cluster.localDisks.get('n1')!
  const { replace } = disk
  let writes = 0
  disk.replace = (name, data) => {
    if (++writes === 2) throw Object.assign(new Error('power is gone'), { code: 'EIO', syscall: 'write' })
    replace(name, data)
  }
  t.equal(put(cluster, 'service/register', { Name: 'web', Check: { TTL: '10s' } }).status, 500)
  disk.replace = replace
  cluster.crash('n1')
  cluster.start('n1')
  t.strictSame(get(cluster, 'agent/services'), {})
  t.strictSame(get(cluster, 'agent/checks'), {})
  t.strictSame(disk.list(), [], 'and nothing that a later service of that name would inherit')
})

t.test('registered without a leader, in the catalog once there is one', async (t) => {
  const cluster = new VirtualCluster(3)
  cluster.passes = () => false
  t.equal(put(cluster, 'service/register', { Name: 'web' }).status, 200)
  cluster.time.run(10_000)
  cluster.passes = () => true
  cluster.elect()
  t.ok(cluster.time.runUntil(() => inCatalog(cluster, 'n2').length === 1, 40_000))
})

t.test('re-registration keeps a check\'s status, and the other checks unless they are to be replaced', async (t) => {
  const cluster = single()
  put(cluster, 'service/register', { Name: 'web', Checks: [{ CheckID: 'a', TTL: '1h' }, { CheckID: 'b', TTL: '1h' }] })
  put(cluster, 'check/pass/a')
  put(cluster, 'service/register', { Name: 'web', Check: { CheckID: 'a', TTL: '2h' } })
  t.match(get(cluster, 'agent/checks'), { a: { Status: 'passing' }, b: { Status: 'critical' } })
  put(cluster, 'service/register?replace-existing-checks=true', { Name: 'web', Check: { CheckID: 'a', TTL: '2h' } })
  t.strictSame(Object.keys(get(cluster, 'agent/checks')), ['a'])
})

t.test('maintenance, and the health that load balancers ask for', async (t) => {
  const cluster = single()
  put(cluster, 'service/register', { Name: 'web', Check: { CheckID: 'c', TTL: '1h', Status: 'passing' } })
  const health = (target = 'id/web') => {
    const response = cluster.ask('n1', 'GET', `/v1/agent/health/service/${target}`)
    return [response.status, response.headers['X-Consul-Reason']]
  }
  t.strictSame(health(), [200, 'passing'])
  put(cluster, 'check/warn/c')
  t.strictSame(health(), [429, 'warning'])
  put(cluster, 'check/fail/c')
  t.strictSame(health(), [503, 'critical'])
  t.strictSame(health('name/web'), [503, 'critical'])
  t.equal(text(cluster.ask('n1', 'GET', '/v1/agent/health/service/name/web?format=text')), 'critical')
  t.equal(health('id/no')[0], 404)
  put(cluster, 'check/pass/c')
  put(cluster, 'service/maintenance/web?enable=true&reason=repairs')
  t.strictSame(health(), [503, 'maintenance'])
  t.match(get(cluster, 'agent/checks')['_service_maintenance:web'], { Name: 'Service Maintenance Mode', Status: 'critical', Notes: 'repairs', ServiceID: 'web', Type: 'maintenance' })
  put(cluster, 'service/maintenance/web?enable=false')
  t.strictSame(health(), [200, 'passing'])
  put(cluster, 'maintenance?enable=true')
  t.match(get(cluster, 'agent/checks')._node_maintenance.Notes, /^Maintenance mode is enabled for this node, but no reason was provided\./)
  t.strictSame(health(), [503, 'maintenance'])
})

t.test('who has the hash of a service waits until it is another', async (t) => {
  const cluster = single()
  put(cluster, 'service/register', { Name: 'web', Port: 80 })
  const hash = get(cluster, 'agent/service/web').ContentHash
  const waiting = (query: string) => cluster.request('n1', 'GET', `/v1/agent/service/web?hash=${query}`)
  t.equal(waiting('other').response?.status, 200, 'another hash: at once')
  const short = waiting(`${hash}&wait=2s`)
  cluster.time.run(1900)
  t.equal(short.response, null)
  cluster.time.run(200)
  t.equal(json(short.response!).ContentHash, hash)
  const changed = waiting(hash)
  put(cluster, 'service/register', { Name: 'db' })
  put(cluster, 'service/register', { Name: 'web', Port: 80 })
  t.equal(changed.response, null, 'neither another service nor the same again')
  put(cluster, 'service/register', { Name: 'web', Port: 81 })
  t.equal(json(changed.response!).Port, 81)
  const gone = waiting(changed.response!.headers['X-Consul-Contenthash']!)
  put(cluster, 'service/deregister/web')
  t.equal(gone.response?.status, 404)
  t.equal(cluster.ask('n1', 'GET', '/v1/agent/service/db?hash=x&wait=zz').status, 400)
  const open = cluster.request('n1', 'GET', `/v1/agent/service/db?hash=${get(cluster, 'agent/service/db').ContentHash}`)
  cluster.nodes.get('n1')!.stop()
  t.equal(open.response?.status, 200, 'a member that stops answers')
})

t.test('a disk that refuses to keep it: 500, and nothing is registered', async (t) => {
  const cluster = single()
  const disk = cluster.localDisks.get('n1')!
  const { replace } = disk
  disk.replace = () => { throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' }) }
  const refused = put(cluster, 'service/register', { Name: 'web' })
  t.equal(refused.status, 500)
  t.equal(text(refused), 'failed persisting to disk: ENOSPC: no space left on device, write')
  t.strictSame(get(cluster, 'agent/services'), {})
  disk.replace = replace
  t.equal(put(cluster, 'service/register', { Name: 'web' }).status, 200)
})

t.test('what is refused, in Consul\'s words', async (t) => {
  const cluster = single()
  put(cluster, 'service/register', { Name: 'web', Check: { CheckID: 'tcp', TCP: 'x:1', Interval: '10s' } })
  const table: [target: string, body: object | string, status: number, answer: string][] = [
    ['service/register', {}, 400, 'Missing service name'],
    ['service/register', { Name: 'a', Foo: 1 }, 400, 'Request decode failed: json: unknown field "Foo"'],
    ['service/register', { Name: 'a', Check: { Script: 'x' } }, 400, 'Request decode failed: json: unknown field "Script"'],
    ['service/register', { Name: 'a', Port: 'x' }, 400, 'Request decode failed: json: cannot unmarshal string into Go struct field .Port of type int'],
    ['service/register', { Name: 'a', Check: { HTTP: 'x' } }, 400, 'Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks'],
    ['service/register', { Name: 'a', Check: { TTL: '1s', HTTP: 'x', Interval: '1s' } }, 400, 'Invalid check: Interval and TTL cannot both be specified'],
    ['service/register', { Name: 'a', Check: { Interval: '1s' } }, 400, 'Invalid check: TTL must be > 0 for TTL checks'],
    ['service/register', { Name: 'a', Check: { TTL: '1s', Status: 'x' } }, 400, 'Status for checks must \'passing\', \'warning\', \'critical\''],
    ['service/register', { Name: 'a', Check: { Args: ['true'], Interval: '1s' } }, 500, 'Scripts are disabled on this agent from remote calls; to enable, configure \'enable_script_checks\' to true'],
    ['service/register', { Name: 'a', Weights: { Passing: 0 } }, 400, 'Invalid Weights: Passing must be greater than 0'],
    ['service/register', { Name: 'a', Weights: { Passing: 65536 } }, 400, 'Invalid Weights: DNS Weight must be between 0 and 65535'],
    ['service/register', { Name: 'a', Address: '0.0.0.0' }, 400, 'Invalid service address'],
    ['service/register', { Name: 'a', Meta: { 'a b': 'c' } }, 400, 'Invalid Service Meta: Couldn\'t load metadata pair (\'a b\', \'c\'): Key contains invalid characters'],
    ['service/register', { Name: 'a', Check: {} }, 200, ''],
    ['service/deregister/', '', 500, 'ServiceID missing'],
    ['service/deregister/unknown', '', 200, ''],
    ['service/maintenance/no?enable=true', '', 404, 'No service registered with ID "no"'],
    ['service/maintenance/?enable=true', '', 400, 'Missing service ID'],
    ['maintenance', '', 400, 'Missing value for enable'],
    ['maintenance?enable=x', '', 400, 'Invalid value for enable: "x"'],
    ['check/register', {}, 400, 'Missing check name'],
    ['check/register', { Name: 'a', Status: 'x', TTL: '1s' }, 400, 'Bad check status'],
    ['check/register', { Name: 'a', ServiceID: 'nope', TTL: '1s' }, 500, 'ServiceID "nope" does not exist'],
    ['check/deregister/', '', 500, 'CheckID missing'],
    ['check/pass/nope', '', 500, 'CheckID "nope" does not have associated TTL'],
    ['check/pass/tcp', '', 500, 'CheckID "tcp" does not have associated TTL'],
    ['check/update/tcp', { Status: 'zz' }, 400, 'Invalid check status: \'zz\''],
  ]
  for (const [target, body, status, answer] of table) {
    const response = put(cluster, target, body)
    t.equal(text(response), answer, `${target} ${JSON.stringify(body)}`)
    t.equal(response.status, status, target)
  }
  t.equal(text(cluster.ask('n1', 'GET', '/v1/agent/service/nope')), 'unknown service ID: nope')
})
