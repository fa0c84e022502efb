import t from 'tap'
import { cpuMs } from '../testing/cpu-time.ts'
import { Watches } from '../state/watches.ts'
import { VirtualCluster, VirtualTime } from '../testing/virtual-cluster.ts'
import { BlockedQueries } from './blocking.ts'
import type { ApiResponse } from './exchange.ts'

const text = (response: ApiResponse | null) => response === null ? null : Buffer.from(response.body as Uint8Array).toString()
const indexOf = (response: ApiResponse) => Number(response.headers['X-Consul-Index'])

function single(): VirtualCluster {
  const cluster = new VirtualCluster(1)
  cluster.elect()
  return cluster
}

t.test('blocks until the key changes', async (t) => {
  const cluster = single()
  cluster.ask('n1', 'PUT', '/v1/kv/a', '1')
  const index = indexOf(cluster.ask('n1', 'GET', '/v1/kv/a'))
  const waiting = cluster.request('n1', 'GET', `/v1/kv/a?raw&index=${index}&wait=1m`)
  cluster.ask('n1', 'PUT', '/v1/kv/b', 'another key')
  cluster.ask('n1', 'PUT', '/v1/kv/a', '1')
  cluster.time.run(1000)
  t.equal(waiting.response, null, 'neither another key nor the same bytes wake it')
  cluster.ask('n1', 'PUT', '/v1/kv/a', '2')
  cluster.time.run(1)
  t.equal(text(waiting.response), '2')
  t.ok(indexOf(waiting.response!) > index)
  t.match(waiting.response!.headers, { 'X-Consul-Knownleader': 'true', 'X-Consul-Lastcontact': '0' })
  const deleted = cluster.request('n1', 'GET', `/v1/kv/a?index=${indexOf(waiting.response!)}`)
  cluster.ask('n1', 'DELETE', '/v1/kv/a')
  cluster.time.run(1)
  t.equal(deleted.response?.status, 404, 'a deletion is a change')
})

t.test('does not block without an index, with index 0, and when the index is old', async (t) => {
  const cluster = single()
  cluster.ask('n1', 'PUT', '/v1/kv/a', '1')
  cluster.ask('n1', 'PUT', '/v1/kv/a', '2')
  const index = indexOf(cluster.ask('n1', 'GET', '/v1/kv/a'))
  for (const query of ['wait=10s', 'index=0&wait=10s', 'index=&wait=10s', `index=${index - 1}`]) {
    const beganMs = cluster.time.nowMs()
    t.equal(cluster.ask('n1', 'GET', `/v1/kv/a?${query}`).status, 200)
    t.ok(cluster.time.nowMs() - beganMs < 1000, query)
  }
})

t.test('the time is over: the same answer and index, by the wait and at most a sixteenth later', async (t) => {
  const cluster = single()
  cluster.ask('n1', 'PUT', '/v1/kv/a', '1')
  const index = indexOf(cluster.ask('n1', 'GET', '/v1/kv/a'))
  const took = (query: string, index: number) => {
    const beganMs = cluster.time.nowMs()
    const response = cluster.ask('n1', 'GET', `/v1/kv/a?${query}`, '', 700_000)
    t.equal(response.status, 200)
    t.equal(indexOf(response), index)
    return cluster.time.nowMs() - beganMs
  }
  const rows: [query: string, waitMs: number][] = [['&wait=10s', 10_000], ['', 300_000], ['&wait=0s', 300_000], ['&wait=-3s', 300_000], ['&wait=1h', 600_000]]
  for (const [wait, waitMs] of rows) {
    const tookMs = took(`index=${index}${wait}`, index)
    t.ok(tookMs >= waitMs && tookMs <= waitMs * 17 / 16 + 10, `${wait}: ${tookMs} ms`)
  }
  const jitters = new Set(Array.from({ length: 5 }, () => took(`index=${index}&wait=1s`, index)))
  t.ok(jitters.size > 1, 'not all at the same time')
  t.ok(took(`index=${index + 100}&wait=3s`, index) >= 3000, 'an index of the future waits, and gets the true one')
  t.ok(took('index=18446744073709551615&wait=3s', index) >= 3000)
})

t.test('a future index is woken by every change, and goes on waiting', async (t) => {
  const cluster = single()
  cluster.ask('n1', 'PUT', '/v1/kv/a', '1')
  const index = indexOf(cluster.ask('n1', 'GET', '/v1/kv/a'))
  const waiting = cluster.request('n1', 'GET', `/v1/kv/a?raw&index=${index + 2}&wait=10s`)
  for (const value of ['2', '3']) cluster.ask('n1', 'PUT', '/v1/kv/a', value)
  cluster.time.run(1)
  t.equal(waiting.response, null)
  cluster.ask('n1', 'PUT', '/v1/kv/a', '4')
  cluster.time.run(1)
  t.equal(text(waiting.response), '4')
})

t.test('prefixes: writes and deletions under them wake, others do not; where nothing stood, anything does', async (t) => {
  const cluster = single()
  cluster.ask('n1', 'PUT', '/v1/kv/p/a', '1')
  cluster.ask('n1', 'PUT', '/v1/kv/p/b', '1')
  cluster.ask('n1', 'PUT', '/v1/kv/q', '1')
  for (const kind of ['keys', 'recurse']) {
    const index = () => indexOf(cluster.ask('n1', 'GET', `/v1/kv/p/?${kind}`))
    const blocked = () => cluster.request('n1', 'GET', `/v1/kv/p/?${kind}&index=${index()}&wait=1m`)
    for (const [method, target, body, wakes] of [
      ['PUT', 'p/c', '1', true], ['DELETE', 'p/c', '', true], ['PUT', 'q', `for ${kind}`, false], ['PUT', 'p', `for ${kind}`, false], ['DELETE', 'p/absent', '', false],
    ] as const) {
      const waiting = blocked()
      cluster.ask('n1', method, `/v1/kv/${target}`, body)
      cluster.time.run(5)
      t.equal(waiting.response !== null, wakes, `${kind}: ${method} ${target}`)
    }
    const never = cluster.request('n1', 'GET', `/v1/kv/never-${kind}/?${kind}&index=${indexOf(cluster.ask('n1', 'GET', `/v1/kv/never-${kind}/?${kind}`))}`)
    cluster.ask('n1', 'PUT', '/v1/kv/q', `again for ${kind}`)
    cluster.time.run(5)
    t.equal(never.response?.status, 404)
  }
  cluster.ask('n1', 'DELETE', '/v1/kv/p/?recurse')
  const emptied = indexOf(cluster.ask('n1', 'GET', '/v1/kv/p/?recurse'))
  const waiting = cluster.request('n1', 'GET', `/v1/kv/p/?recurse&index=${emptied}&wait=1m`)
  cluster.ask('n1', 'PUT', '/v1/kv/q', 'unrelated')
  cluster.time.run(5)
  t.equal(waiting.response, null, 'an emptied prefix has an index of its own')
  cluster.ask('n1', 'PUT', '/v1/kv/p/new', 'x')
  cluster.time.run(5)
  t.equal(waiting.response?.status, 200)
})

t.test('a missing key wakes when it is made, even by way of other keys', async (t) => {
  const cluster = single()
  cluster.ask('n1', 'PUT', '/v1/kv/x', '1')
  const missing = cluster.ask('n1', 'GET', '/v1/kv/missing')
  const waiting = cluster.request('n1', 'GET', `/v1/kv/missing?raw&index=${indexOf(missing) + 1}`)
  cluster.ask('n1', 'PUT', '/v1/kv/missing', 'here')
  cluster.ask('n1', 'PUT', '/v1/kv/missing', 'again')
  cluster.time.run(1)
  t.equal(text(waiting.response), 'again')
})

t.test('a client that goes away leaves nothing behind', async (t) => {
  const cluster = single()
  cluster.ask('n1', 'PUT', '/v1/kv/a', '1')
  const index = indexOf(cluster.ask('n1', 'GET', '/v1/kv/a'))
  const node = cluster.nodes.get('n1')!
  let goAway = () => {}
  node.handle({ method: 'GET', target: `/v1/kv/a?index=${index}`, headers: {}, body: Buffer.alloc(0), onGone: (gone) => { goAway = gone } }, () => t.fail('nobody is there to be answered'))
  cluster.time.run(10)
  t.equal(node.blockedQueries, 1)
  goAway()
  t.equal(node.blockedQueries, 0)
  cluster.ask('n1', 'PUT', '/v1/kv/a', '2')
  cluster.time.run(400_000)
})

t.test('a member that stops answers who waits', async (t) => {
  const cluster = single()
  cluster.ask('n1', 'PUT', '/v1/kv/a', '1')
  const index = indexOf(cluster.ask('n1', 'GET', '/v1/kv/a'))
  const waiting = Array.from({ length: 3 }, () => cluster.request('n1', 'GET', `/v1/kv/a?index=${index}`))
  cluster.time.run(10)
  cluster.nodes.get('n1')!.stop()
  for (const one of waiting) t.match(one.response, { status: 500, body: 'this server is shutting down' })
})

t.test('when the state is replaced, who waits sees it at once, whatever its index', async (t) => {
  const time = new VirtualTime()
  const watches = new Watches()
  const blocked = new BlockedQueries(time, watches)
  const heard: string[] = []
  const wait = (name: string) => blocked.block({
    interests: [{ kind: 'key', table: 'kv', key: name }], waitMs: 1000,
    changed: () => {
      heard.push(`${name} changed`)
      return [{ kind: 'key', table: 'kv', key: name }]
    },
    replaced: () => heard.push(`${name} replaced`), timedOut: () => heard.push(`${name} timed out`), stopped: () => heard.push(`${name} stopped`),
  }, {})
  for (const name of ['a', 'b']) wait(name)
  watches.touch('kv', 'a')
  watches.flush()
  watches.replaced()
  t.same(heard, ['a changed', 'b replaced', 'a replaced'])
  t.equal(blocked.size, 0)
  time.run(5000)
  t.equal(heard.length, 3)
  wait('c')
  time.run(500)
  watches.touch('kv', 'c')
  watches.flush()
  time.run(499)
  t.equal(heard.at(-1), 'c changed')
  time.run(1)
  t.equal(heard.at(-1), 'c timed out', 'a change that is none of its concern does not prolong it')
  wait('d')
  blocked.stop()
  wait('e')
  t.same(heard.slice(-2), ['d stopped', 'e stopped'])
})

t.test('at any member; a member that is cut off does not say that nothing changed, a stale query does', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  cluster.ask(leader, 'PUT', '/v1/kv/a', '1')
  const [follower, other] = ['n1', 'n2', 'n3'].filter((name) => name !== leader) as [string, string]
  const index = indexOf(cluster.ask(follower, 'GET', '/v1/kv/a'))
  const waiting = ['', '&consistent', '&stale'].map((mode) => cluster.request(follower, 'GET', `/v1/kv/a?raw&index=${index}&wait=20s${mode}`))
  cluster.time.run(100)
  cluster.ask(other, 'PUT', '/v1/kv/a', '2')
  cluster.time.runUntil(() => waiting.every(({ response }) => response !== null), 1000)
  t.same(waiting.map(({ response }) => text(response)), ['2', '2', '2'])
  const since = indexOf(waiting[0]!.response!)
  const cut = ['', '&consistent', '&stale'].map((mode) => cluster.request(follower, 'GET', `/v1/kv/a?raw&index=${since}&wait=20s${mode}`))
  cluster.time.run(100)
  cluster.passes = (from, to) => from !== follower && to !== follower
  cluster.ask(other, 'PUT', '/v1/kv/a', '3')
  t.ok(cluster.time.runUntil(() => cut.every(({ response }) => response !== null), 30_000))
  t.same(cut.map(({ response }) => text(response)), ['No cluster leader', 'No cluster leader', '2'])
  t.ok(Number(cut[2]!.response!.headers['X-Consul-Lastcontact']) > 15_000, 'it says how old its state is')
})

t.test('5,000 clients wait at once: for one key, for keys and prefixes of their own', async (t) => {
  const cluster = single()
  for (let i = 0; i < 100; i++) cluster.request('n1', 'PUT', `/v1/kv/own/${i}/x`, '1')
  cluster.ask('n1', 'PUT', '/v1/kv/shared', '1')
  const index = indexOf(cluster.ask('n1', 'GET', '/v1/kv/shared'))
  const shared = Array.from({ length: 2500 }, () => cluster.request('n1', 'GET', `/v1/kv/shared?raw&index=${index}`))
  const own = Array.from({ length: 2500 }, (_, i) => cluster.request('n1', 'GET', `/v1/kv/own/${i % 100}/${i % 2 === 0 ? 'x?raw&' : '?keys&'}index=${index}`))
  const node = cluster.nodes.get('n1')!
  cluster.time.runUntil(() => node.blockedQueries === 5000, 100)
  t.equal(node.blockedQueries, 5000)
  const beganMs = cpuMs()
  cluster.ask('n1', 'PUT', '/v1/kv/shared', '2')
  cluster.time.run(1)
  const tookMs = cpuMs() - beganMs
  t.equal(shared.filter(({ response }) => text(response) === '2').length, 2500)
  t.equal(own.filter(({ response }) => response !== null).length, 0)
  t.ok(tookMs < 10_000, `waking 2,500 took ${tookMs.toFixed(0)} ms`)
  for (let i = 0; i < 100; i++) cluster.request('n1', 'PUT', `/v1/kv/own/${i}/x`, '2')
  cluster.time.runUntil(() => node.blockedQueries === 0, 1000)
  t.equal(own.filter(({ response }) => response?.status === 200).length, 2500)
  t.equal(node.blockedQueries, 0)
})
