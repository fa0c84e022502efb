/** `/v1/snapshot` of whole members: what was saved anywhere is restored everywhere, and survives. */
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { ApiResponse } from './api/exchange.ts'
import { checkedState, put } from './testing/cluster-state.ts'
import { VirtualCluster } from './testing/virtual-cluster.ts'

/** Virtual time goes on while zlib, which knows nothing of it, works. */
async function during<T>(cluster: VirtualCluster, work: Promise<T>): Promise<T> {
  let settled = false
  work.finally(() => { settled = true }).catch(() => {})
  for (let turn = 0; !settled; turn++) {
    if (turn > 20_000) throw new Error('it did not come to an end')
    cluster.time.run(5)
    await setImmediate()
  }
  return await work
}

function ask(cluster: VirtualCluster, name: string, method: string, target: string, pieces: Uint8Array[] = []): Promise<ApiResponse> {
  return during(cluster, new Promise((respond) => cluster.nodes.get(name)!.handle({ method, target, headers: {}, body: new Uint8Array(0), pieces }, respond)))
}

async function save(cluster: VirtualCluster, name: string, query = ''): Promise<{ archive: Buffer, headers: ApiResponse['headers'] }> {
  const { status, source, headers, body } = await ask(cluster, name, 'GET', `/v1/snapshot${query}`)
  if (status !== 200) throw new Error(`${status} ${body.toString()}`)
  return { archive: Buffer.concat(await during(cluster, Array.fromAsync(source as AsyncIterable<Buffer>))), headers }
}

const follower = (cluster: VirtualCluster) => [...cluster.nodes.keys()].find((name) => name !== cluster.leader)!
const partials = (cluster: VirtualCluster) => [...cluster.disks.values()].flatMap((disk) => disk.list()).filter((name) => name.endsWith('.partial'))
const keysOf = (state: string) => state.split('\n').slice(1)

t.test('saved at any member, restored at any: every member has the same, also after a restart', async (t) => {
  const cluster = new VirtualCluster(3, { snapshotEntries: 50, trailingEntries: 5 })
  const leader = cluster.elect()
  for (let i = 0; i < 70; i++) put(cluster, leader, `k${i}`, `v${i}`)
  cluster.time.run(500)
  const before = checkedState(cluster)
  const { archive, headers } = await save(cluster, follower(cluster))
  t.match(headers, { 'Content-Type': 'application/x-gzip', 'X-Consul-Knownleader': 'true', 'X-Consul-Lastcontact': '0', 'X-Consul-Index': /^\d+$/ })
  for (const name of [leader, follower(cluster)]) {
    for (let i = 0; i < 30; i++) put(cluster, leader, `k${i}`, 'overwritten')
    put(cluster, leader, 'new', 'goes')
    const { status, body } = await ask(cluster, name, 'PUT', '/v1/snapshot', [archive.subarray(0, 100), archive.subarray(100)])
    t.same([status, body.toString()], [200, ''])
    cluster.time.run(500)
    t.equal(checkedState(cluster), before, `restored at ${name === leader ? 'the leader' : 'a follower'}`)
  }
  t.same(partials(cluster), [], 'no file is left')
  for (const name of [...cluster.nodes.keys()]) cluster.crash(name)
  for (const name of ['n1', 'n2', 'n3']) cluster.start(name)
  cluster.elect()
  cluster.time.run(1000)
  t.equal(checkedState(cluster), before)
  put(cluster, cluster.leader!, 'new', 'write')
  t.ok(Number(cluster.ask('n1', 'GET', '/v1/kv/new').headers['X-Consul-Index']) > Number(headers['X-Consul-Index']))
})

t.test('a state of a longer log restored into a new cluster: what follows has higher indexes, so that nobody sleeps through it', async (t) => {
  const old = new VirtualCluster(1)
  old.elect()
  for (let i = 0; i < 300; i++) put(old, 'n1', `k${i % 10}`, `v${i}`)
  const { archive, headers } = await save(old, 'n1')
  const index = Number(headers['X-Consul-Index'])
  const cluster = new VirtualCluster(3, { snapshotEntries: 30, trailingEntries: 5 })
  const leader = cluster.elect()
  t.ok(cluster.status(leader).lastIndex < index)
  const blocked = cluster.request(leader, 'GET', `/v1/kv/k1?index=${1_000_000}&wait=9m`)
  t.equal((await ask(cluster, leader, 'PUT', '/v1/snapshot', [archive])).status, 200)
  t.equal(blocked.response?.status, 200, 'a blocking query is answered: indexes are others now')
  t.same(keysOf(checkedState(cluster)), keysOf(checkedState(old)))
  const restoredIndex = Number(cluster.ask(leader, 'GET', '/v1/kv/k?recurse').headers['X-Consul-Index'])
  t.ok(restoredIndex > 200 && restoredIndex <= index, 'X-Consul-Index is the archived one')
  const waiting = cluster.request(leader, 'GET', `/v1/kv/k?recurse&index=${index}&wait=9m`)
  cluster.time.run(100)
  t.equal(waiting.response, null)
  put(cluster, leader, 'k1', 'later')
  cluster.time.run(100)
  t.equal(waiting.response?.status, 200)
  // The offset of the indexes is part of what a member starts from.
  for (let i = 0; i < 60; i++) put(cluster, leader, 'k2', `v${i}`)
  cluster.time.run(500)
  const state = checkedState(cluster)
  for (const name of ['n1', 'n2', 'n3']) cluster.crash(name)
  for (const name of ['n1', 'n2', 'n3']) cluster.start(name)
  cluster.elect()
  cluster.time.run(1000)
  t.equal(checkedState(cluster), state)
  put(cluster, cluster.leader!, 'k2', 'after the restart')
  t.ok(Number(cluster.ask('n1', 'GET', '/v1/kv/k2').headers['X-Consul-Index']) > Number(/^index (\d+)/.exec(state)![1]))
})

t.test('locks and sessions come back as they were, and lock-delays are over', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  const create = () => (JSON.parse(cluster.ask(leader, 'PUT', '/v1/session/create', JSON.stringify({ Node: leader, Checks: [], TTL: '10s', LockDelay: '30s' })).body.toString()) as { ID: string }).ID
  const lock = (key: string, id: string) => cluster.ask(leader, 'PUT', `/v1/kv/${key}?acquire=${id}`, 'x').body.toString()
  const [first, other] = [create(), create()]
  t.equal(lock('held', first), 'true')
  const { archive } = await save(cluster, leader)
  cluster.ask(leader, 'PUT', `/v1/session/destroy/${first}`)
  t.equal(lock('held', other), 'false', 'the lock-delay holds')
  t.equal((await ask(cluster, leader, 'PUT', '/v1/snapshot', [archive])).status, 200)
  t.match(JSON.parse(cluster.ask(leader, 'GET', '/v1/kv/held').body.toString()), [{ Session: first, LockIndex: 1 }])
  t.equal(lock('held', other), 'false', 'it is held again')
  t.equal(cluster.ask(leader, 'PUT', `/v1/kv/held?release=${first}`, '').body.toString(), 'true')
  t.equal(lock('held', other), 'true')
  // The time to live of restored sessions runs, from the restore on.
  t.ok(cluster.time.runUntil(() => cluster.ask(leader, 'GET', '/v1/session/list').body.toString() === '[]', 40_000), 'both expire')
  t.match(JSON.parse(cluster.ask(leader, 'GET', '/v1/catalog/nodes').body.toString()), { length: 3 })
})

t.test('servers that an archive does not know enter themselves again', async (t) => {
  const empty = new VirtualCluster(1)
  empty.elect()
  const { archive } = await save(empty, 'n1')
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  t.equal((await ask(cluster, leader, 'PUT', '/v1/snapshot', [archive])).status, 200)
  const nodes = () => (JSON.parse(cluster.ask(leader, 'GET', '/v1/catalog/nodes').body.toString()) as { Node: string }[]).map(({ Node }) => Node)
  t.ok(cluster.time.runUntil(() => nodes().length === 3, 5000), 'within moments, not at the next round')
})

t.test('a damaged archive, another data centre, no leader: an error, and nothing has changed', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  put(cluster, leader, 'a', '1')
  const { archive } = await save(cluster, leader)
  put(cluster, leader, 'a', '2')
  cluster.time.run(500)
  const before = checkedState(cluster)
  const lastIndex = cluster.status(leader).lastIndex
  const refused = async (name: string, target: string, pieces: Uint8Array[], message: RegExp) => {
    const { status, body } = await ask(cluster, name, 'PUT', target, pieces)
    t.equal(status, 500)
    t.match(body.toString(), message)
  }
  await refused(leader, '/v1/snapshot', [], /^failed to decompress snapshot: EOF$/)
  await refused(leader, '/v1/snapshot', [archive.subarray(0, archive.length - 20)], /unexpected EOF$/)
  const turned = Buffer.from(archive)
  turned[archive.length >> 1]! ^= 8
  await refused(follower(cluster), '/v1/snapshot', [turned], /^failed to read snapshot file: /)
  await refused(leader, '/v1/snapshot?dc=dc9', [archive], /^No path to datacenter$/)
  t.same((await ask(cluster, leader, 'GET', '/v1/snapshot?dc=dc9')).body, 'No path to datacenter')
  t.equal(cluster.status(leader).lastIndex, lastIndex, 'nothing was proposed')
  cluster.passes = () => false
  const alone = follower(cluster)
  cluster.time.run(5000)
  await refused(alone, '/v1/snapshot', [archive], /^No cluster leader$/)
  t.same((await ask(cluster, alone, 'GET', '/v1/snapshot')).body, 'No cluster leader')
  t.equal((await save(cluster, alone, '?stale')).headers['X-Consul-Knownleader'], 'false', 'a stale one can be had without a leader')
  cluster.passes = () => true
  cluster.elect()
  cluster.time.run(3000)
  t.same(keysOf(checkedState(cluster)), keysOf(before))
  t.same(partials(cluster), [])
})

t.test('the leader falls in the midst of a restore: nothing has changed, and the next one succeeds', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  for (let i = 0; i < 5000; i += 100) for (let j = 0; j < 100; j++) cluster.request(leader, 'PUT', `/v1/kv/k${i + j}`, 'archived')
  cluster.time.run(1000)
  const { archive } = await save(cluster, leader)
  put(cluster, leader, 'later', 'stays')
  cluster.time.run(500)
  const before = checkedState(cluster)
  const at = follower(cluster)
  const restoring = new Promise<ApiResponse>((respond) => cluster.nodes.get(at)!.handle({ method: 'PUT', target: '/v1/snapshot', headers: {}, body: new Uint8Array(0), pieces: [archive] }, respond))
  const begun = cluster.status(leader).lastIndex + 4
  for (let turn = 0; cluster.status(leader).lastIndex < begun; turn++) {
    if (turn > 10_000) throw new Error('the restore does not begin')
    cluster.time.run(1)
    await setImmediate()
  }
  cluster.crash(leader)
  const { status } = await during(cluster, restoring)
  t.equal(status, 500)
  cluster.start(leader)
  cluster.elect()
  cluster.time.run(1000)
  t.ok(checkedState(cluster) === before)
  t.equal((await ask(cluster, at, 'PUT', '/v1/snapshot', [archive])).status, 200)
  cluster.time.run(500)
  t.notMatch(checkedState(cluster), /later stays/)
})
