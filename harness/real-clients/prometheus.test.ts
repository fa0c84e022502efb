/**
 * Debian's Prometheus finds its targets in three members of ours with
 * `consul_sd_configs`, and scrapes the members themselves. The same with a real
 * Consul, so that what is asserted is what Prometheus makes of Consul.
 */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { consulProgram, debianProgram, prometheusProgram } from './debian-program.ts'
import { startDaemon } from './daemon.ts'
import { loopbackHosts } from './loopback.ts'
import { type AgentProcess, startConsul, startSplitbrainCluster } from './servers.ts'
import { until } from './until.ts'

const prometheus = await debianProgram(prometheusProgram)
const consul = await debianProgram(consulProgram)
const skip = process.platform !== 'linux' ? 'needs all of 127.0.0.0/8' : prometheus.kind === 'missing' ? prometheus.reason : false

interface Target {
  readonly discoveredLabels: Readonly<Record<string, string>>
  readonly scrapePool: string
  readonly scrapeUrl: string
  readonly health: 'up' | 'down' | 'unknown'
  readonly lastError: string
}

// Prometheus takes changes over every five seconds: there is time for both.
t.jobs = 2

t.test('Prometheus and three members of ours', { skip, timeout: 180_000 }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'splitbrain-telemetry-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const config = join(directory, 'telemetry.json')
  await writeFile(config, JSON.stringify({ telemetry: { prometheus_retention_time: '1h' } }))
  const [aside, ...hosts] = await loopbackHosts(4) as [string, ...string[]]
  await using cluster = await startSplitbrainCluster(hosts, () => ['-config-file', config])
  await usePrometheus(t, aside, cluster.members)
})

t.test('Prometheus and a real Consul', { skip: skip || (consul.kind === 'missing' ? consul.reason : false), timeout: 180_000 }, async (t) => {
  if (consul.kind === 'missing') return
  const [aside, host] = await loopbackHosts(2) as [string, string]
  await using server = await startConsul(consul.path, { host, node: 'n1', nodeId: '22222222-2222-3333-4444-555555555555', args: ['-hcl', 'telemetry { prometheus_retention_time = "1h" }'] })
  await usePrometheus(t, aside, [server])
})

async function usePrometheus(t: Test, host: string, members: readonly AgentProcess[]): Promise<void> {
  if (prometheus.kind === 'missing') return
  const directory = await mkdtemp(join(tmpdir(), 'splitbrain-prometheus-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const asked: string[] = []
  await using relay = await startRelay(members[0]!.host, asked)
  const configFile = join(directory, 'prometheus.yml')
  await writeFile(configFile, `
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: shops
    consul_sd_configs: [{ server: '${relay.address}', services: [shop], refresh_interval: 1s }]
  - job_name: blue
    consul_sd_configs: [{ server: '${members.at(-1)!.host}:8500', services: [shop], tags: [blue], node_meta: {}, refresh_interval: 1s }]
  - job_name: members
    metrics_path: /v1/agent/metrics
    params: { format: [prometheus] }
    consul_sd_configs: [{ server: '${relay.address}', services: [consul], refresh_interval: 1s }]
    relabel_configs: [{ source_labels: [__meta_consul_address], target_label: __address__, replacement: '$1:8500' }]
`)
  await using daemon = startDaemon(prometheus.path, [`--config.file=${configFile}`, `--storage.tsdb.path=${join(directory, 'data')}`, `--web.listen-address=${host}:9090`], prometheus.env)
  const get = async <Data>(path: string) => {
    const answer = await fetch(`http://${host}:9090/api/v1/${path}`)
    return ((await answer.json()) as { data: Data }).data
  }
  const targets = async (pool: string) => (await get<{ activeTargets: Target[] }>('targets?state=active')).activeTargets.filter(({ scrapePool }) => scrapePool === pool)
  const targetOf = async (pool: string, id: string) => (await targets(pool)).find(({ discoveredLabels }) => discoveredLabels['__meta_consul_service_id'] === id)
  const report = async () => JSON.stringify(await get('targets?state=active'))
  await until('Prometheus answers', () => {
    if (daemon.exitCode() !== null) throw new Error(`Prometheus ended:\n${daemon.output()}`)
    return fetch(`http://${host}:9090/-/ready`).then(({ ok }) => ok, () => false)
  }, daemon.output)

  await t.test('it scrapes the members, whom it finds by their own service', async (t) => {
    await until('all members are up', async () => {
      const found = await targets('members')
      return found.length === members.length && found.every(({ health }) => health === 'up')
    }, report)
    t.same((await targets('members')).map(({ scrapeUrl }) => scrapeUrl).sort(), members.map((member) => `http://${member.host}:8500/v1/agent/metrics?format=prometheus`).sort())
    const { result } = await get<{ result: { metric: Record<string, string>, value: [number, string] }[] }>(`query?query=${encodeURIComponent('{job="members",__name__=~".+"}')}`)
    const named = result.filter(({ metric }) => metric['__name__']!.startsWith('consul_'))
    t.ok(named.length > members.length * 3, `${named.length} values of the registry's own`)
  })

  await using shop = await startShop()
  const register = (member: AgentProcess, body: object) => member.request('PUT', '/v1/agent/service/register', JSON.stringify(body))

  await t.test('a service registered later becomes a target, with all its labels', async (t) => {
    const [member] = members.slice(-1) as [AgentProcess]
    t.equal((await register(member, { ID: 'shop-1', Name: 'shop', Port: shop.port, Address: '127.0.0.1', Tags: ['blue', 'v2'], Meta: { team: 'till', 'odd-key': 'x' }, TaggedAddresses: { wan: { Address: '192.0.2.7', Port: 7 } } })).status, 200)
    await until('it is up', async () => (await targetOf('shops', 'shop-1'))?.health === 'up', report)
    const { discoveredLabels: labels } = (await targetOf('shops', 'shop-1'))!
    t.match(labels, {
      __address__: `127.0.0.1:${shop.port}`, __meta_consul_address: member.host, __meta_consul_dc: 'dc1', __meta_consul_health: 'passing', __meta_consul_node: `n${members.length}`,
      __meta_consul_service: 'shop', __meta_consul_service_address: '127.0.0.1', __meta_consul_service_id: 'shop-1', __meta_consul_service_port: String(shop.port),
      __meta_consul_tags: ',blue,v2,', __meta_consul_service_metadata_team: 'till', __meta_consul_service_metadata_odd_key: 'x',
      __meta_consul_tagged_address_lan: member.host, __meta_consul_tagged_address_wan: member.host,
    })
    const { result } = await get<{ result: { value: [number, string] }[] }>(`query?query=${encodeURIComponent('shop_customers')}`)
    t.ok(result.some(({ value }) => value[1] === '42'), 'its numbers are there')
    await until('it is found by its tag', async () => (await targetOf('blue', 'shop-1'))?.health === 'up', report)
  })

  await t.test('health is a label; who has the tag only is found by it; node metadata', async (t) => {
    await register(members[0]!, { ID: 'shop-2', Name: 'shop', Port: shop.port, Address: '127.0.0.2', Tags: ['green'], Check: { CheckID: 'shop-2', TTL: '10m', Status: 'passing' } })
    await members[0]!.request('PUT', '/v1/catalog/register', JSON.stringify({ Node: 'elsewhere', Address: '127.0.0.3', NodeMeta: { rack: 'r1' }, TaggedAddresses: { lan: '192.0.2.1' }, Service: { ID: 'shop-3', Service: 'shop', Port: shop.port } }))
    await until('both are found', async () => (await targets('shops')).length === 3, report)
    t.match((await targetOf('shops', 'shop-3'))!.discoveredLabels, { __address__: `127.0.0.3:${shop.port}`, __meta_consul_metadata_rack: 'r1', __meta_consul_tagged_address_lan: '192.0.2.1', __meta_consul_node: 'elsewhere' })
    const health = async () => (await targetOf('shops', 'shop-2'))?.discoveredLabels['__meta_consul_health']
    t.equal(await health(), 'passing')
    await members[0]!.request('PUT', '/v1/agent/check/fail/shop-2')
    await until('shop-2 is critical', async () => await health() === 'critical', report)
    t.equal((await targets('blue')).length, 1)
  })

  await t.test('who is deregistered is no target any more', async (t) => {
    await members.at(-1)!.request('PUT', '/v1/agent/service/deregister/shop-1')
    await members[0]!.request('PUT', '/v1/catalog/deregister', JSON.stringify({ Node: 'elsewhere' }))
    await until('they are gone', async () => (await targets('shops')).length === 1 && (await targets('blue')).length === 0, report)
    t.equal((await targets('shops'))[0]!.discoveredLabels['__meta_consul_service_id'], 'shop-2')
  })

  await t.test('it asks with blocking queries, and not more often than something changes', async (t) => {
    const blocking = asked.filter((target) => /[?&]index=[1-9]/.test(target) && target.includes('wait='))
    t.ok(blocking.some((target) => target.startsWith('/v1/health/service/shop?')), `${asked.length} requests`)
    t.ok(blocking.some((target) => target.startsWith('/v1/catalog/services?') || target.startsWith('/v1/health/service/consul?')))
    const before = asked.length
    await sleep(3000)
    t.ok(asked.length - before <= 4, `${asked.length - before} requests in three seconds in which nothing changed`)
  })
}

/** Between Prometheus and a member: what is asked is written down. */
async function startRelay(host: string, asked: string[]): Promise<{ readonly address: string } & AsyncDisposable> {
  const server = createServer((incoming, response) => {
    asked.push(incoming.url!)
    const outgoing = httpRequest({ host, port: 8500, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    response.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Something to scrape, on all addresses of this machine. */
async function startShop(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer((_request, response) => response.end('# TYPE shop_customers gauge\nshop_customers 42\n')).listen(0, '0.0.0.0')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}
