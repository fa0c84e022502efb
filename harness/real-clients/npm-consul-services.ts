/** npm's `consul`: the modules agent, catalog and health, and its watch of services. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import type Consul from 'consul'
import type { CheckOptions } from 'consul/lib/agent/check.js'
import type { Test } from 'tap'
import { until } from './until.ts'

/** `clients`: one for each member; the node of the first is `nodes[0]`, and so on. */
export interface UsedClients {
  readonly clients: readonly Consul[]
  readonly hosts: readonly string[]
  readonly nodes: readonly string[]
  /** Another member for each call. */
  readonly at: () => Consul
}

/** Consul knows a check's `ID` here, and no `CheckID`; the client passes it on, and its types do not know. */
const withId = (options: CheckOptions & { readonly id: string }): CheckOptions => options

export async function useAgent(t: Test, { clients, hosts, nodes, at }: UsedClients): Promise<void> {
  const [client, host, node] = [clients[0]!, hosts[0]!, nodes[0]!]
  const { service, check } = client.agent

  await t.test('agent: itself and its peers', async (t) => {
    for (const [i, one] of clients.entries()) {
      t.match(await one.agent.self(), { Config: { Datacenter: 'dc1', NodeName: nodes[i], Server: true }, Member: { Name: nodes[i], Addr: hosts[i], Port: 8301, Status: 1 } })
      const members = await one.agent.members()
      t.same(members.map(({ Name, Addr, Status }) => [Name, Addr, Status]).sort(), nodes.map((name, i) => [name, hosts[i], 1]).sort())
    }
    await client.agent.join(hosts.at(-1)!)
    await refused(t, client.agent.join('127.0.0.1:1'), 500, /Failed to join|connection refused/i)
    await refused(t, client.agent.forceLeave('nobody'), 500, /agent: No node found with name 'nobody'/)
  })

  await t.test('agent: reload', async () => {
    await client.agent.reload()
  })

  await t.test('agent: services', async (t) => {
    await service.register({
      name: 'shop', id: 'shop-1', tags: ['a', 'b'], address: '10.0.0.9', port: 8080, meta: { team: 'till' }, check: { name: 'alive', ttl: '30s', notes: 'of the till', timeout: '1s', status: 'passing' },
    })
    t.match(await service.list(), { 'shop-1': { ID: 'shop-1', Service: 'shop', Tags: ['a', 'b'], Address: '10.0.0.9', Port: 8080, Meta: { team: 'till' }, Weights: { Passing: 1, Warning: 1 }, EnableTagOverride: false } })
    t.same(Object.keys(await service.list({ filter: 'Service == other' })), [])
    t.match(await check.list(), { 'service:shop-1': { Node: node, CheckID: 'service:shop-1', Name: 'alive', Status: 'passing', Notes: 'of the till', ServiceID: 'shop-1', ServiceName: 'shop', ServiceTags: ['a', 'b'], Type: 'ttl' } })
    t.match(await client.agent.services(), { 'shop-1': {} }, 'its other name')
    t.match(await client.agent.checks(), { 'service:shop-1': {} })
    await service.maintenance({ id: 'shop-1', enable: true, reason: 'stocktaking' })
    t.match(await check.list(), { '_service_maintenance:shop-1': { Status: 'critical', Notes: 'stocktaking', ServiceID: 'shop-1' } })
    await service.maintenance({ id: 'shop-1', enable: false })
    t.notOk('_service_maintenance:shop-1' in await check.list())
    await service.deregister('shop-1')
    t.notOk('shop-1' in await service.list())
    t.notOk('service:shop-1' in await check.list(), 'its check goes with it')
    await service.deregister('shop-1')
    await refused(t, service.maintenance({ id: 'none', enable: true }), 404, /No service registered with ID "none"/)
    await refused(t, service.register({ name: 'bad', check: { name: 'x', ttl: 'soon', timeout: '1s' } }), 400, /duration/)
  })

  await t.test('agent: checks', async (t) => {
    await check.register(withId({ name: 'disk', id: 'disk', ttl: '30s', notes: 'full?', timeout: '1s' }))
    const disk = async () => (await check.list())['disk']!
    t.match(await disk(), { CheckID: 'disk', Name: 'disk', Status: 'critical', Notes: 'full?', ServiceID: '', Output: '' })
    await check.pass({ id: 'disk', note: 'plenty' })
    t.match(await disk(), { Status: 'passing', Output: 'plenty' })
    await check.warn({ id: 'disk', note: 'little' })
    t.match(await disk(), { Status: 'warning', Output: 'little' })
    await check.fail({ id: 'disk', note: 'none' })
    t.match(await disk(), { Status: 'critical', Output: 'none' })
    await check.pass('disk')
    t.match(await disk(), { Status: 'passing', Output: '' })
    t.same(Object.keys(await check.list({ filter: 'CheckID == disk' })), ['disk'])
    await refused(t, check.pass('none'), 500, /does not have associated TTL|Unknown check|CheckID "none"/)
    await check.deregister('disk')
    t.equal(await disk(), undefined)
    await check.deregister('disk')
    await refused(t, check.register({ name: 'bad', serviceid: 'none', ttl: '3s', timeout: '1s' }), 500, /ServiceID "none" does not exist/)
    await client.agent.maintenance({ enable: true, reason: 'moving' })
    t.match(await check.list(), { _node_maintenance: { Status: 'critical', Notes: 'moving', Name: 'Node Maintenance Mode' } })
    await client.agent.maintenance(false)
    t.notOk('_node_maintenance' in await check.list())
  })

  await t.test('agent: checks that it runs itself', async (t) => {
    const page = createServer((_request, response) => response.end('fine'))
    const port = await listening(page)
    const deaf = createTcpServer()
    const deafPort = await listening(deaf)
    t.teardown(() => { page.close() })
    await service.register({ name: 'probed', check: { name: 'page', http: `http://127.0.0.1:${port}/`, interval: '1s', timeout: '1s' } })
    // Of a service: Consul's aliases heed all checks of the node itself, even their own.
    await service.register({ name: 'front' })
    await check.register(withId({ name: 'port', id: 'port', serviceid: 'front', tcp: `127.0.0.1:${deafPort}`, interval: '1s', timeout: '1s' }))
    await check.register(withId({ name: 'alias', id: 'alias', serviceid: 'front', aliasservice: 'probed', timeout: '1s' }))
    const status = async (id: string) => (await check.list())[id]?.Status
    await until('all pass', async () => (await Promise.all(['service:probed', 'port', 'alias'].map(status))).every((one) => one === 'passing'), async () => JSON.stringify(await check.list()))
    t.match(await check.list(), { 'service:probed': { Type: 'http', Output: `HTTP GET http://127.0.0.1:${port}/: 200 OK Output: fine` }, port: { Type: 'tcp', Output: `TCP connect 127.0.0.1:${deafPort}: Success` }, alias: { Type: 'alias' } })
    deaf.close()
    page.close()
    page.closeAllConnections()
    await until('all fail', async () => (await Promise.all(['service:probed', 'port', 'alias'].map(status))).every((one) => one === 'critical'), async () => JSON.stringify(await check.list()))
    for (const id of ['probed', 'front']) await service.deregister(id)
    t.same(Object.keys(await check.list()), [])
  })

  await t.test('what the agent has comes into the catalog and goes', async (t) => {
    await service.register({ name: 'synced', port: 1, check: { name: 'x', ttl: '30s', timeout: '1s', status: 'passing' } })
    await until('it is in the catalog', async () => (await at().health.service({ service: 'synced', passing: true })).length === 1)
    t.match(await at().catalog.service.nodes('synced'), [{ Node: node, Address: host, ServiceID: 'synced', ServicePort: 1 }])
    await check.fail({ id: 'service:synced', note: 'out' })
    await until('it has failed there too', async () => (await at().health.service({ service: 'synced', passing: true })).length === 0)
    await service.deregister('synced')
    await until('it is gone', async () => (await at().health.service('synced')).length === 0)
  })
}

export async function useCatalog(t: Test, { clients, nodes, at }: UsedClients): Promise<void> {
  await t.test('catalog', async (t) => {
    t.same(await at().catalog.datacenters(), ['dc1'])
    await at().catalog.register({
      node: 'ext', address: '10.0.0.5', nodemeta: { rack: 'r1' }, service: { id: 'db-1', service: 'db', port: 5432, tags: ['main'], meta: { v: '1' } },
      checks: [{ name: 'db alive', checkid: 'db', serviceid: 'db-1', status: 'passing', notes: 'n' }, { name: 'host alive', checkid: 'host', status: 'warning' }],
    })
    for (const { catalog } of clients) {
      t.match(await catalog.node.list(), [{ Node: 'ext', Address: '10.0.0.5', Meta: { rack: 'r1' }, Datacenter: 'dc1' }, ...nodes.map((Node) => ({ Node }))])
      t.match(await catalog.services(), { consul: [], db: ['main'] })
      t.same(await catalog.nodes({}), await catalog.node.list(), 'its other name')
    }
    t.same((await at().catalog.node.list({ filter: 'Meta.rack == r1' })).map(({ Node }) => Node), ['ext'])
    t.match(await at().catalog.node.services('ext'), { Node: { Node: 'ext' }, Services: { 'db-1': { Service: 'db', Tags: ['main'], Port: 5432, Meta: { v: '1' } } } })
    t.notOk(await at().catalog.node.services('nobody'))
    t.match(await at().catalog.service.nodes({ service: 'db', tag: 'main' }), [{ Node: 'ext', ServiceID: 'db-1', ServiceName: 'db', ServiceTags: ['main'], ServicePort: 5432, NodeMeta: { rack: 'r1' } }])
    t.same(await at().catalog.service.nodes({ service: 'db', tag: 'other' }), [])
    t.same(await at().catalog.service.nodes('none'), [])
    t.same(await at().catalog.connect.nodes('db'), [])
    t.match(await at().catalog.service.list({ filter: 'ServiceName == db' }), {})
    // The client makes objects of node addresses by name, which Consul refuses too.
    await refused(t, at().catalog.register({ node: 'ext', address: '10.0.0.5', taggedaddresses: { wan: '192.0.2.5' } }), 400, /Request decode failed: json: cannot unmarshal object into Go struct field/)
    await refused(t, at().catalog.node.list({ dc: 'dc9' }), 500, /No path to datacenter/)
  })

  await t.test('health', async (t) => {
    t.match((await at().health.node('ext')).sort((a, b) => a.CheckID < b.CheckID ? -1 : 1), [{ CheckID: 'db', ServiceID: 'db-1', ServiceName: 'db', ServiceTags: ['main'], Status: 'passing', Notes: 'n' }, { CheckID: 'host', ServiceID: '', Status: 'warning' }])
    t.match(await at().health.checks('db'), [{ Node: 'ext', CheckID: 'db', Status: 'passing' }])
    t.match(await at().health.service('db'), [{ Node: { Node: 'ext', Address: '10.0.0.5' }, Service: { ID: 'db-1', Port: 5432 }, Checks: [{ Node: 'ext' }, { Node: 'ext' }] }])
    t.same(await at().health.service({ service: 'db', passing: true }), [], 'its node has a warning')
    t.equal((await at().health.service({ service: 'db', tag: 'main' })).length, 1)
    t.equal((await at().health.service({ service: 'db', tag: 'other' })).length, 0)
    t.equal((await at().health.service({ service: 'db', filter: 'Node.Meta.rack == r1', near: '_agent' })).length, 1)
    t.match(await at().health.state('warning'), [{ Node: 'ext', CheckID: 'host' }])
    t.same(await at().health.state('critical'), [])
    t.equal((await at().health.state('any')).length, (await at().health.state('passing')).length + 1)
    for (const client of clients) t.same((await client.health.service({ service: 'consul', passing: true })).map(({ Node }) => Node.Node).sort(), [...nodes].sort())
  })

  await t.test('catalog: taking out', async (t) => {
    await at().catalog.deregister({ node: 'ext', checkid: 'host' })
    t.same((await at().health.node('ext')).map(({ CheckID }) => CheckID), ['db'])
    await at().catalog.deregister({ node: 'ext', serviceid: 'db-1' })
    t.same(await at().catalog.service.nodes('db'), [])
    t.same(await at().health.node('ext'), [], 'a check goes with its service')
    await at().catalog.deregister('ext')
    t.notOk((await at().catalog.node.list()).some(({ Node }) => Node === 'ext'))
  })

  await t.test('watch of a service', async (t) => {
    const seen: string[] = []
    const watch = at().watch({ method: at().health.service, options: { service: 'watched', wait: '5s' } as never, backoffMax: 1000 })
    t.teardown(() => watch.end())
    watch.on('change', (data) => seen.push((data as { Service: { ID: string }, Checks: { Status: string }[] }[]).map(({ Service, Checks }) => `${Service.ID} ${Checks.map(({ Status }) => Status)}`).join()))
    const error = new Promise<never>((_, reject) => watch.once('error', reject))
    const until = async (wanted: string) => {
      while (seen.at(-1) !== wanted) await Promise.race([once(watch, 'change', { signal: AbortSignal.timeout(20_000) }), error])
    }
    const register = (status: 'passing' | 'critical') => at().catalog.register({ node: 'ext', address: '10.0.0.5', service: { service: 'watched' }, check: { name: 'c', checkid: 'c', serviceid: 'watched', status } })
    await until('')
    await register('passing')
    await until('watched passing')
    await register('critical')
    await until('watched critical')
    await at().catalog.deregister('ext')
    await until('')
    t.same(seen, ['', 'watched passing', 'watched critical', ''])
  })
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** The client's error holds the whole connection: only what matters of it is compared, or a difference would fill pages. */
export async function refused(t: Test, asked: Promise<unknown>, status: number, text: RegExp, what = ''): Promise<void> {
  const error = await asked.then(() => ({}), (error: unknown) => error) as { statusCode?: number, message?: string, response?: { body?: unknown } }
  t.match({ status: error.statusCode, text: `${error.message} ${String(error.response?.body)}` }, { status, text }, what)
}
