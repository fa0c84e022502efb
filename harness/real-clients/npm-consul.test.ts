/**
 * The client that most programs in Node use, npm's `consul`: all its modules,
 * and its watch. The same on a cluster of ours and on a real Consul, so that
 * what is asserted is what Consul does.
 */
import Consul from 'consul'
import t, { type Test } from 'tap'
import { consulProgram, debianProgram } from './debian-program.ts'
import { loopbackHosts } from './loopback.ts'
import { useAcl, useEvents, useNoQueries, useQueries } from './npm-consul-others.ts'
import { useAgent, useCatalog, type UsedClients } from './npm-consul-services.ts'
import { startConsul, startSplitbrainCluster } from './servers.ts'

const program = await debianProgram(consulProgram)
const skip = process.platform === 'linux' ? false : `needs all of 127.0.0.0/8 on loopback, which ${process.platform} does not give`
const modules = ['acl', 'agent', 'catalog', 'event', 'health', 'kv', 'query', 'session', 'status', 'transaction']

t.jobs = 2

t.test('every module of the client is tested', async (t) => {
  const found = Object.entries(new Consul()).filter(([, value]) => (value as { consul?: unknown } | null)?.consul !== undefined).map(([name]) => name)
  t.same(found.sort(), modules)
})

t.test('the npm client on three members of ours', { skip, timeout: 180_000 }, async (t) => {
  const hosts = await loopbackHosts(3)
  await using _cluster = await startSplitbrainCluster(hosts)
  await useClient(t, hosts, useNoQueries)
})

t.test('the npm client on a real Consul', { skip: skip || (program.kind === 'missing' ? program.reason : false), timeout: 180_000 }, async (t) => {
  if (program.kind === 'missing') return
  const [host] = await loopbackHosts(1) as [string]
  await using _consul = await startConsul(program.path, { host, node: 'n1', nodeId: '22222222-2222-3333-4444-555555555555' })
  await useClient(t, [host], useQueries)
})

async function useClient(t: Test, hosts: readonly string[], queries: typeof useQueries): Promise<void> {
  const clients = hosts.map((host) => new Consul({ host, port: 8500 }))
  t.teardown(() => clients.forEach((client) => client.destroy()))
  let turn = 0
  /** Another member for each call. */
  const at = () => clients[turn++ % clients.length]!
  const used: UsedClients = { clients, hosts, nodes: hosts.map((_, i) => `n${i + 1}`), at }
  await useAgent(t, used)
  await useCatalog(t, used)
  await useAcl(t, used)
  await useEvents(t, used)
  await queries(t, used)

  await t.test('status', async (t) => {
    const leaders = await Promise.all(clients.map((client) => client.status.leader()))
    t.equal(new Set(leaders).size, 1)
    const peers = await at().status.peers()
    t.same([...peers].sort(), hosts.map((host) => `${host}:8300`))
    t.ok(peers.includes(leaders[0]!))
  })

  await t.test('kv', async (t) => {
    /** How the client gives `false`. */
    const no = undefined
    t.equal(await at().kv.get('npm/none'), undefined)
    t.equal(await at().kv.set('npm/key', 'value'), true)
    for (const client of clients) t.match(await client.kv.get('npm/key'), { Key: 'npm/key', Value: 'value', Flags: 0, LockIndex: 0 })
    t.equal(await at().kv.set({ key: 'npm/key', value: 'flagged', flags: 42 }), true)
    const entry = await at().kv.get('npm/key')
    t.match(entry, { Value: 'flagged', Flags: 42 })
    t.ok(entry!.ModifyIndex > entry!.CreateIndex)
    t.equal(await at().kv.set({ key: 'npm/key', value: 'x', cas: entry!.CreateIndex }), no)
    t.equal(await at().kv.set({ key: 'npm/key', value: 'cas', cas: entry!.ModifyIndex }), true)
    t.equal(await at().kv.set({ key: 'npm/key', value: 'x', cas: 0 }), no)
    t.equal(Buffer.from(await at().kv.get({ key: 'npm/key', raw: true }) as unknown as Buffer).toString(), 'cas')
    const bytes = Buffer.from([0, 255, 10, 128])
    t.equal(await at().kv.set('npm/bytes', bytes), true)
    t.same(await at().kv.get({ key: 'npm/bytes', raw: true }), bytes)
    for (const key of ['npm/odd key?#%&+', 'npm/grüße/日本', 'npm/a"<b>']) {
      t.equal(await at().kv.set(key, 'odd'), true)
      t.match(await at().kv.get(key), { Key: key, Value: 'odd' }, key)
    }
    t.same(await at().kv.keys({ key: 'npm/', separator: '/' }), ['npm/a"<b>', 'npm/bytes', 'npm/grüße/', 'npm/key', 'npm/odd key?#%&+'])
    t.equal((await at().kv.keys('npm/')).length, 5)
    const all = await at().kv.get({ key: 'npm/', recurse: true }) as unknown as { Key: string }[]
    t.same(all.map(({ Key }) => Key), await at().kv.keys('npm/'))
    await t.rejects(at().kv.keys('nothing/'), { statusCode: 404, message: 'not found' })
    await t.rejects(at().kv.get({ key: 'npm/key', dc: 'dc9' }), { statusCode: 500, message: /No path to datacenter/ })
    t.equal(await at().kv.del({ key: 'npm/key', cas: 1 }), no)
    t.equal(await at().kv.del('npm/key'), true)
    t.equal(await at().kv.del('npm/key'), true)
    t.equal(await at().kv.get('npm/key'), undefined)
    t.equal(await at().kv.del({ key: 'npm/', recurse: true }), true)
    t.same(await at().kv.get({ key: 'npm/', recurse: true }), undefined)
  })

  await t.test('session, and the locks under it', async (t) => {
    const { ID } = await at().session.create({ name: 'npm', ttl: '30s', lockdelay: '0s', behavior: 'delete' })
    t.match(ID, /^[0-9a-f-]{36}$/)
    const info = await at().session.get(ID)
    t.match(info, { ID, Name: 'npm', TTL: '30s', LockDelay: 0, Behavior: 'delete', NodeChecks: ['serfHealth'], ServiceChecks: null })
    t.match(await at().session.node(info.Node), [{ ID }])
    t.same(await at().session.node('nobody'), [])
    t.match(await at().session.renew(ID), [{ ID, TTL: '30s' }])
    t.match(await at().session.list(), [{ ID }])
    t.equal(await at().kv.set({ key: 'npm/lock', value: 'mine', acquire: ID }), true)
    t.match(await at().kv.get('npm/lock'), { Session: ID, LockIndex: 1, Value: 'mine' })
    const other = await at().session.create({ lockdelay: '0s' })
    t.equal(await at().kv.set({ key: 'npm/lock', value: 'no', acquire: other.ID }), undefined)
    t.equal(await at().kv.set({ key: 'npm/lock', value: 'no', release: other.ID }), undefined)
    await at().session.destroy(ID)
    t.equal(await at().kv.get('npm/lock'), undefined, 'the session deletes what it holds')
    t.equal(await at().session.get(ID), undefined)
    await t.rejects(at().session.renew(ID), { statusCode: 404, message: new RegExp(`Session id '${ID}' not found`) })
    await t.rejects(at().session.destroy('rubbish'), { statusCode: 500, message: /UUID must be 36 characters/ })
    await t.rejects(at().session.create({ ttl: '1s' }), { statusCode: 500, message: /Invalid Session TTL '1000000000'/ })
    await at().session.destroy(other.ID)
    t.same(await at().session.list(), [])
  })

  await t.test('transaction', async (t) => {
    const kv = (Verb: string, Key: string, more: object = {}) => ({ KV: { Verb, Key, ...more } })
    // Its types know neither this spelling nor that one argument is enough.
    const create = (operations: object[]) => (at().transaction as unknown as { create(operations: object[]): Promise<object> }).create(operations)
    const done = await create([kv('set', 'npm/txn', { Value: 'eA==' }), kv('get', 'npm/txn')])
    t.match(done, { Results: [{ KV: { Key: 'npm/txn', Value: null } }, { KV: { Value: 'eA==' } }], Errors: null })
    await t.rejects(create([kv('delete', 'npm/txn'), kv('get', 'npm/none')]), { statusCode: 409, message: 'conflict' })
    t.match(await at().kv.get('npm/txn'), { Value: 'x' }, 'nothing of it has happened')
    await at().kv.del('npm/txn')
  })

  await t.test('watch', async (t) => {
    const changes: unknown[] = []
    const errors: unknown[] = []
    let wake = () => {}
    const watch = at().watch({ method: at().kv.get, options: { key: 'npm/watched', wait: '1s' } })
    watch.on('change', (data: { Value: string } | undefined) => {
      changes.push(data?.Value)
      wake()
    })
    watch.on('error', (error) => errors.push(error))
    const ended = new Promise<void>((resolve) => watch.once('end', resolve))
    const until = async (count: number) => {
      const deadline = AbortSignal.timeout(20_000)
      while (changes.length < count) {
        await new Promise<void>((resolve, reject) => {
          wake = resolve
          deadline.onabort = () => reject(new Error(`waited 20 s in vain for change ${count}, have ${JSON.stringify(changes)}`))
        })
      }
    }
    await until(1)
    for (const [i, value] of ['one', 'two', 'three'].entries()) {
      await at().kv.set('npm/watched', value)
      await until(i + 2)
    }
    await at().kv.del('npm/watched')
    await until(5)
    t.same(changes, [undefined, 'one', 'two', 'three', undefined])
    t.same(errors, [])
    watch.end()
    await ended
    t.notOk(watch.isRunning())
  })
}
