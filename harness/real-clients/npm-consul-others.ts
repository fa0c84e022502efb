/** npm's `consul`: the modules acl, event and query. */
import type Consul from 'consul'
import type { Test } from 'tap'
import { refused, type UsedClients } from './npm-consul-services.ts'
import { until } from './until.ts'

export async function useAcl(t: Test, { at }: UsedClients): Promise<void> {
  await t.test('acl: it is off, and says so', async (t) => {
    await refused(t, at().acl.bootstrap(), 401, /ACL support disabled/)
    await refused(t, at().acl.replication(), 401, /ACL support disabled/)
    const legacy = at().acl.legacy as unknown as Record<'create' | 'update' | 'destroy' | 'info' | 'clone' | 'list', (options?: object) => Promise<unknown>>
    for (const [name, options] of [['create', { name: 'x', type: 'client' }], ['update', { id: 'x' }], ['destroy', { id: 'x' }], ['info', { id: 'x' }], ['clone', { id: 'x' }], ['list', {}]] as const) {
      await refused(t, legacy[name](options), 401, /ACL support disabled/, name)
    }
  })
}

export async function useEvents(t: Test, { clients, nodes, at }: UsedClients): Promise<void> {
  await t.test('event', async (t) => {
    const fired = await at().event.fire('deploy', 'v1')
    t.match(fired, { Name: 'deploy', Payload: 'v1', NodeFilter: '', ServiceFilter: '', TagFilter: '', Version: 1 })
    t.match(fired.ID, /^[0-9a-f-]{36}$/)
    await at().event.fire({ name: 'other', payload: Buffer.from([0, 255]) })
    for (const client of clients) {
      await until('both have come', async () => (await client.event.list()).length >= 2)
      t.match(await client.event.list('deploy'), [{ ID: fired.ID, Name: 'deploy', Payload: 'v1' }])
      t.same(await client.event.list('none'), [])
    }
    // Only where the filter fits it is kept.
    await at().event.fire({ name: 'here', payload: 'x', node: `^${nodes[0]}$` })
    await at().event.fire({ name: 'last', payload: 'x' })
    for (const [i, client] of clients.entries()) {
      await until('the last has come', async () => (await client.event.list('last')).length === 1)
      await until('it is where it belongs', async () => (await client.event.list('here')).length === (i === 0 ? 1 : 0))
    }
    await refused(t, at().event.fire({ name: 'bad', payload: 'x', node: '(' }), 500, /regex|error parsing/i)
  })
}

export async function useQueries(t: Test, { at }: UsedClients): Promise<void> {
  await t.test('query', async (t) => {
    const query = () => at().query as Consul['query'] & { destroy(options: { query: string }): Promise<void> }
    await at().catalog.register({ node: 'q1', address: '10.0.1.1', service: { service: 'api', port: 1, tags: ['v1'] } })
    await at().catalog.register({ node: 'q2', address: '10.0.1.2', service: { service: 'api', port: 2, tags: ['v2'] }, check: { name: 'c', checkid: 'c', serviceid: 'api', status: 'critical' } })
    t.same(await query().list(), [])
    const { ID } = await query().create({ name: 'geo', service: { service: 'api', onlypassing: true }, dns: { ttl: '10s' } })
    t.match(ID, /^[0-9a-f-]{36}$/)
    t.match(await query().list(), [{ ID, Name: 'geo' }])
    t.match(await query().get(ID), { ID, Name: 'geo', Service: { Service: 'api', OnlyPassing: true }, DNS: { TTL: '10s' } })
    for (const one of [ID, 'geo']) t.match(await query().execute(one), { Service: 'api', Nodes: [{ Node: { Node: 'q1' }, Service: { Port: 1 } }], DNS: { TTL: '10s' }, Datacenter: 'dc1', Failovers: 0 }, `executed by ${one}`)
    // The client takes the first item of the answer, and the answer is no list.
    t.equal(await query().explain(ID), undefined)
    await refused(t, query().explain('none'), 404, /Query not found/)
    await query().update({ query: ID, name: 'geo', service: { service: 'api', tags: ['v1'] } as never })
    t.match(await query().get(ID), { Name: 'geo', Service: { Tags: ['v1'], OnlyPassing: false } })
    await refused(t, query().create({ name: 'geo', service: { service: 'x' } }), 500, /aliases|already|exists/i)
    await refused(t, query().execute('none'), 404, /Query not found/)
    await query().destroy({ query: ID })
    t.same(await query().list(), [])
    for (const node of ['q1', 'q2']) await at().catalog.deregister(node)
  })
}

/** What ours does instead: prepared queries are not kept there, and who wants one must not believe that it was stored. */
export async function useNoQueries(t: Test, { at }: UsedClients): Promise<void> {
  await t.test('query: there are none, and a new one is refused', async (t) => {
    t.same(await at().query.list(), [])
    await refused(t, at().query.create({ name: 'geo', service: { service: 'api' } }), 500, /This server keeps no prepared queries/)
    t.same(await at().query.list(), [])
    await refused(t, at().query.execute('geo'), 404, /Query not found/)
    await refused(t, at().query.explain('geo'), 404, /Query not found/)
  })
}
