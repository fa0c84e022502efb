import t from 'tap'
import { VirtualCluster } from '../testing/virtual-cluster.ts'
import type { ApiResponse } from './exchange.ts'

const text = (response: ApiResponse | null) => response === null ? null : Buffer.from(response.body as Uint8Array).toString()
const json = (response: ApiResponse) => JSON.parse(text(response)!)
const indexOf = (response: ApiResponse) => Number(response.headers['X-Consul-Index'])
const nobody = '7b6c0a8e-0000-0000-0000-000000000000'

function single(): VirtualCluster {
  const cluster = new VirtualCluster(1)
  cluster.elect()
  return cluster
}

function create(cluster: VirtualCluster, body: object = {}, member = 'n1'): string {
  return json(cluster.ask(member, 'PUT', '/v1/session/create', JSON.stringify(body))).ID
}

const acquire = (cluster: VirtualCluster, key: string, session: string, value = 'x', member = 'n1') =>
  text(cluster.ask(member, 'PUT', `/v1/kv/${key}?acquire=${session}`, value))
const release = (cluster: VirtualCluster, key: string, session: string, value = 'x') =>
  text(cluster.ask('n1', 'PUT', `/v1/kv/${key}?release=${session}`, value))
const entry = (cluster: VirtualCluster, key: string, member = 'n1') => json(cluster.ask(member, 'GET', `/v1/kv/${key}`))[0]

t.test('what fails behind the agent says that nothing is known of its freshness; what the agent refuses says nothing', async (t) => {
  const cluster = single()
  const unknown = { 'X-Consul-Index': '1', 'X-Consul-Knownleader': 'false', 'X-Consul-Lastcontact': '0' }
  for (const target of ['info/x', `info/${nobody}?dc=dc9`, 'list?dc=dc9', 'node/n1?dc=dc9']) {
    const { status, headers } = cluster.ask('n1', 'GET', `/v1/session/${target}`)
    t.equal(status, 500, target)
    t.match(headers, unknown, target)
  }
  for (const target of ['info/?dc=dc9', 'node/', 'list?index=x', 'list?stale&consistent']) {
    const { status, headers } = cluster.ask('n1', 'GET', `/v1/session/${target}`)
    t.equal(status, 400, target)
    t.equal(headers['X-Consul-Index'], undefined, target)
  }
})

t.test('a session as Consul shows it, with what it is made of by default', async (t) => {
  const cluster = single()
  const created = cluster.ask('n1', 'PUT', '/v1/session/create')
  t.match(text(created), /^\{"ID":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"\}$/)
  const { ID } = json(created)
  const info = cluster.ask('n1', 'GET', `/v1/session/info/${ID}`)
  t.match(text(info), new RegExp(`^\\[\\{"ID":"${ID}","Name":"","Node":"n1","LockDelay":15000000000,"Behavior":"release","TTL":"","NodeChecks":\\["serfHealth"\\],"ServiceChecks":null,"CreateIndex":\\d+,"ModifyIndex":\\d+\\}\\]$`))
  t.match(info.headers, { 'X-Consul-Index': /^[1-9]/, 'X-Consul-Knownleader': 'true', 'Content-Type': 'application/json' })
  t.equal(indexOf(info), json(info)[0].ModifyIndex)
  const other = create(cluster, { name: 'x', NODE: 'n1', LockDelay: '20s', Behavior: 'delete', TTL: '1m30s', Checks: [], Unknown: 1 })
  t.match(json(cluster.ask('n1', 'GET', `/v1/session/info/${other}`)), [{ Name: 'x', Node: 'n1', LockDelay: 20e9, Behavior: 'delete', TTL: '1m30s', NodeChecks: [] }])
  for (const target of ['list', 'node/n1']) t.same(json(cluster.ask('n1', 'GET', `/v1/session/${target}`)).map((one: { ID: string }) => one.ID), [ID, other].sort(), target)
  t.equal(text(cluster.ask('n1', 'GET', '/v1/session/node/elsewhere')), '[]')
  t.equal(text(cluster.ask('n1', 'GET', `/v1/session/info/${nobody}`)), '[]')
  t.equal(text(cluster.ask('n1', 'PUT', `/v1/session/destroy/${ID}`)), 'true')
  t.equal(text(cluster.ask('n1', 'PUT', `/v1/session/destroy/${ID}`)), 'true', 'also when it is gone')
  t.same(json(cluster.ask('n1', 'GET', '/v1/session/list')).map((one: { ID: string }) => one.ID), [other])
})

t.test('lock-delays: seconds below a thousand, nanoseconds above, text with its unit', async (t) => {
  const cluster = single()
  for (const [given, shown] of [[20, 20e9], [0, 0], [5e9, 5e9], ['0s', 0], ['90s', 90e9], ['250ms', 250e6]] as const) {
    const id = create(cluster, { LockDelay: given })
    t.equal(json(cluster.ask('n1', 'GET', `/v1/session/info/${id}`))[0].LockDelay, shown, `${given}`)
  }
})

t.test('what Consul refuses', async (t) => {
  const cluster = single()
  const rows: [method: string, target: string, body: string, status: number, text: string | RegExp][] = [
    ['PUT', 'create', '{"TTL":"5s"}', 500, `Invalid Session TTL '5000000000', must be between [10s=24h0m0s]`],
    ['PUT', 'create', '{"TTL":"25h"}', 500, `Invalid Session TTL '90000000000000', must be between [10s=24h0m0s]`],
    ['PUT', 'create', '{"TTL":"abc"}', 500, `Session TTL 'abc' invalid: time: invalid duration "abc"`],
    ['PUT', 'create', '{"TTL":"10"}', 500, `Session TTL '10' invalid: time: missing unit in duration "10"`],
    ['PUT', 'create', '{"TTL":10}', 400, 'Request decode failed: json: cannot unmarshal number into Go struct field .TTL of type string'],
    ['PUT', 'create', '{bad', 400, `Request decode failed: invalid character 'b' looking for beginning of object key string`],
    ['PUT', 'create', '{"LockDelay":"x"}', 400, 'Request decode failed: time: invalid duration "x"'],
    ['PUT', 'create', '{"Behavior":"zap"}', 500, `Invalid Behavior setting 'zap'`],
    ['PUT', 'create', '{"Node":"elsewhere"}', 500, 'Missing node registration'],
    ['PUT', 'create', '{"Node":""}', 500, 'Must provide Node'],
    ['PUT', 'create', '{"Checks":["nope"]}', 500, `Missing check 'nope' registration`],
    ['PUT', 'create', '{"ServiceChecks":[{"ID":"web"}]}', 500, `Missing check 'web' registration`],
    ['PUT', 'create?dc=dc9', '', 500, 'No path to datacenter'],
    ['PUT', 'destroy/', '', 400, 'Missing session'],
    ['PUT', 'destroy/abc', '', 500, 'failed session lookup: index error: UUID must be 36 characters'],
    ['PUT', `renew/${nobody}`, '', 404, `Session id '${nobody}' not found`],
    ['PUT', 'renew/', '', 400, 'Missing session'],
    ['PUT', 'renew/abc', '', 500, 'failed session lookup: index error: UUID must be 36 characters'],
    ['GET', 'info/', '', 400, 'Missing session'],
    ['GET', 'info/abc', '', 500, 'failed session lookup: index error: UUID must be 36 characters'],
    ['GET', 'node/', '', 400, 'Missing node name'],
    ['GET', 'list?index=x', '', 400, 'Invalid index'],
    ['GET', 'create', '', 405, 'method GET not allowed'],
    ['PUT', 'list', '', 405, 'method PUT not allowed'],
  ]
  for (const [method, target, body, status, wanted] of rows) {
    const response = cluster.ask('n1', method, `/v1/session/${target}`, body)
    t.match({ status: response.status, body: text(response) }, { status, body: wanted }, `${method} ${target} ${body}`)
  }
  t.equal(text(cluster.ask('n1', 'GET', '/v1/session/list')), '[]')
})

t.test('queries of sessions block on any session', async (t) => {
  const cluster = single()
  const id = create(cluster)
  const index = indexOf(cluster.ask('n1', 'GET', '/v1/session/list'))
  const waiting = [`info/${id}`, 'node/n1', 'list', `info/${nobody}`].map((target) => cluster.request('n1', 'GET', `/v1/session/${target}?index=${index}`))
  cluster.ask('n1', 'PUT', '/v1/kv/a', 'x')
  cluster.ask('n1', 'PUT', `/v1/session/renew/${id}`)
  cluster.time.run(10)
  t.same(waiting.map(({ response }) => response), [null, null, null, null], 'a renewal is no change')
  const other = create(cluster)
  cluster.time.run(10)
  t.same(waiting.map(({ response }) => json(response!).length), [1, 2, 2, 0])
  t.ok(indexOf(waiting[0]!.response!) > index)
  const gone = cluster.request('n1', 'GET', `/v1/session/list?index=${indexOf(waiting[0]!.response!)}`)
  cluster.ask('n1', 'PUT', `/v1/session/destroy/${other}`)
  cluster.time.run(10)
  t.equal(json(gone.response!).length, 1)
})

t.test('a lock: one holder, a count of locks, release by the holder alone', async (t) => {
  const cluster = single()
  const [a, b] = [create(cluster), create(cluster)]
  t.equal(acquire(cluster, 'k', a, 'first'), 'true')
  t.match(entry(cluster, 'k'), { LockIndex: 1, Session: a, Value: Buffer.from('first').toString('base64') })
  t.match(text(cluster.ask('n1', 'GET', '/v1/kv/k')), new RegExp(`"Value":"[^"]*","Session":"${a}","CreateIndex"`))
  t.equal(acquire(cluster, 'k', b), 'false')
  t.match(entry(cluster, 'k'), { LockIndex: 1, Session: a, Value: Buffer.from('first').toString('base64') }, 'who was refused has changed nothing')
  t.equal(acquire(cluster, 'k', a, 'second'), 'true')
  t.match(entry(cluster, 'k'), { LockIndex: 1, Session: a, Value: Buffer.from('second').toString('base64') })
  t.equal(release(cluster, 'k', b), 'false')
  t.equal(release(cluster, 'k', nobody), 'false')
  t.equal(release(cluster, 'k', a, 'third'), 'true')
  t.same([entry(cluster, 'k').LockIndex, entry(cluster, 'k').Session], [1, undefined])
  t.equal(release(cluster, 'k', a), 'false')
  t.equal(acquire(cluster, 'k', b), 'true', 'a release of its own accord delays nobody')
  t.match(entry(cluster, 'k'), { LockIndex: 2, Session: b })
  t.equal(text(cluster.ask('n1', 'PUT', '/v1/kv/k', 'x')), 'true', 'a plain write is let through')
  t.match(entry(cluster, 'k'), { LockIndex: 0, Session: b }, 'keeps the holder, resets the count')
  t.equal(text(cluster.ask('n1', 'DELETE', '/v1/kv/k')), 'true')
  t.equal(acquire(cluster, 'k', a), 'true', 'a deletion ignores locks')
  t.equal(release(cluster, 'missing', a), 'false')
  t.equal(acquire(cluster, 'k', nobody), `invalid session "${nobody}"`)
  t.equal(acquire(cluster, 'k', ''), 'missing session')
  t.equal(acquire(cluster, 'k', 'abc'), 'failed session lookup: index error: UUID must be 36 characters')
  t.equal(release(cluster, 'k', ''), 'missing session')
})

t.test('a destroyed session releases or deletes what it holds, and delays the next holder', async (t) => {
  const cluster = single()
  const releasing = create(cluster, { LockDelay: '3s' })
  const deleting = create(cluster, { LockDelay: '3s', Behavior: 'delete' })
  const other = create(cluster)
  acquire(cluster, 'kept', releasing, 'v')
  acquire(cluster, 'kept2', releasing, 'v')
  acquire(cluster, 'deleted', deleting)
  const index = entry(cluster, 'kept').ModifyIndex
  const watching = cluster.request('n1', 'GET', `/v1/kv/kept?index=${index}`)
  for (const id of [releasing, deleting]) cluster.ask('n1', 'PUT', `/v1/session/destroy/${id}`)
  const beganMs = cluster.time.nowMs()
  cluster.time.run(1)
  t.equal(watching.response?.status, 200, 'the release is a change')
  t.same([entry(cluster, 'kept').Session, entry(cluster, 'kept').LockIndex, entry(cluster, 'kept').Value], [undefined, 1, Buffer.from('v').toString('base64')])
  t.ok(entry(cluster, 'kept').ModifyIndex > index)
  t.equal(cluster.ask('n1', 'GET', '/v1/kv/deleted').status, 404)
  for (const key of ['kept', 'kept2', 'deleted']) t.equal(acquire(cluster, key, other), 'false', `${key} is delayed`)
  t.equal(acquire(cluster, 'elsewhere', other), 'true')
  t.equal(text(cluster.ask('n1', 'PUT', '/v1/kv/kept', 'plain')), 'true', 'plain writes are not')
  cluster.time.run(2900 - (cluster.time.nowMs() - beganMs))
  t.equal(acquire(cluster, 'kept', other), 'false')
  cluster.time.run(3001 - (cluster.time.nowMs() - beganMs))
  for (const key of ['kept', 'kept2', 'deleted']) t.equal(acquire(cluster, key, other), 'true', key)
})

t.test('lock-delay: none for 0, at most a minute', async (t) => {
  const cluster = single()
  const other = create(cluster)
  const none = create(cluster, { LockDelay: 0 })
  acquire(cluster, 'k', none)
  cluster.ask('n1', 'PUT', `/v1/session/destroy/${none}`)
  t.equal(acquire(cluster, 'k', other), 'true')
  const long = create(cluster, { LockDelay: '90s' })
  acquire(cluster, 'l', long)
  cluster.ask('n1', 'PUT', `/v1/session/destroy/${long}`)
  cluster.time.run(59_000)
  t.equal(acquire(cluster, 'l', other), 'false')
  cluster.time.run(1100)
  t.equal(acquire(cluster, 'l', other), 'true')
})

t.test('a session expires at twice its time to live, and a renewal begins it anew', async (t) => {
  const cluster = single()
  const id = create(cluster, { TTL: '10s', LockDelay: '1s' })
  const forever = create(cluster)
  const beganMs = cluster.time.nowMs()
  acquire(cluster, 'k', id)
  cluster.time.run(15_000)
  t.match(json(cluster.ask('n1', 'PUT', `/v1/session/renew/${id}`)), [{ ID: id, TTL: '10s' }])
  const renewedMs = cluster.time.nowMs()
  cluster.time.run(19_900)
  t.equal(entry(cluster, 'k').Session, id)
  const watching = cluster.request('n1', 'GET', `/v1/kv/k?index=${entry(cluster, 'k').ModifyIndex}`)
  t.ok(cluster.time.runUntil(() => watching.response !== null, 1000), 'its end wakes who watches the key')
  const elapsedMs = cluster.time.nowMs() - renewedMs
  t.ok(elapsedMs >= 20_000 - 5 && elapsedMs < 20_100, `${elapsedMs} ms behind the renewal`)
  t.ok(cluster.time.nowMs() - beganMs > 34_000)
  t.equal(entry(cluster, 'k').Session, undefined)
  t.equal(acquire(cluster, 'k', forever), 'false', 'the lock-delay holds')
  t.equal(cluster.ask('n1', 'PUT', `/v1/session/renew/${id}`).status, 404)
  cluster.time.run(1000)
  t.equal(acquire(cluster, 'k', forever), 'true')
  cluster.time.run(100_000_000)
  t.same(json(cluster.ask('n1', 'GET', '/v1/session/list')).map((one: { ID: string }) => one.ID), [forever])
})

t.test('every member takes sessions and locks; a new leader begins the time to live anew and keeps the lock-delay', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  const [first, second] = ['n1', 'n2', 'n3'].filter((name) => name !== leader) as [string, string]
  const id = create(cluster, { TTL: '10s' }, first)
  t.match(json(cluster.ask(second, 'GET', `/v1/session/info/${id}`)), [{ ID: id, Node: first }])
  const other = create(cluster, {}, second)
  t.equal(acquire(cluster, 'k', id, 'x', first), 'true')
  t.equal(acquire(cluster, 'k', other, 'x', second), 'false')
  t.match(json(cluster.ask(first, 'PUT', `/v1/session/renew/${id}`)), [{ ID: id }])
  t.equal(acquire(cluster, 'k', nobody, 'x', first), `invalid session "${nobody}"`, 'a refusal comes back from the leader')
  cluster.time.run(12_000)
  cluster.crash(leader)
  const changedMs = cluster.time.nowMs()
  t.ok(cluster.time.runUntil(() => cluster.leader !== null && cluster.leader !== leader, 20_000))
  const ledMs = cluster.time.nowMs()
  cluster.time.run(15_000)
  t.equal(entry(cluster, 'k', second).Session, id, 'the old leader would have ended it by now')
  t.ok(cluster.time.runUntil(() => entry(cluster, 'k', second).Session === undefined, 20_000))
  const elapsedMs = cluster.time.nowMs() - ledMs
  t.ok(elapsedMs >= 20_000 - 5 && elapsedMs < 21_000, `${elapsedMs} ms behind the change of leader (${ledMs - changedMs} ms without one)`)
  // The lock-delay of 15 s outlives another leader.
  cluster.start(leader)
  cluster.time.run(2000)
  cluster.crash(cluster.elect())
  t.ok(cluster.time.runUntil(() => cluster.leader !== null, 10_000))
  const alive = [...cluster.nodes.keys()][0]!
  const third = create(cluster, {}, alive)
  t.equal(acquire(cluster, 'k', third, 'x', alive), 'false')
  t.ok(cluster.time.runUntil(() => acquire(cluster, 'k', third, 'x', alive) === 'true', 20_000))
})

// Goal: renewals around the moment of expiry, before and behind the proposal of it in the log. Method: time in tenths of a millisecond.
t.test('a renewal that was acknowledged holds, even when the expiry is on its way', async (t) => {
  const statuses = new Set<number>()
  for (let offsetMs = -1; offsetMs <= 1; offsetMs += 0.1) {
    const cluster = single()
    const id = create(cluster, { TTL: '10s' })
    cluster.time.run(20_000 + offsetMs)
    const renewal = cluster.request('n1', 'PUT', `/v1/session/renew/${id}`)
    cluster.time.run(50)
    const { status } = renewal.response!
    statuses.add(status)
    t.equal(json(cluster.ask('n1', 'GET', `/v1/session/info/${id}`)).length, status === 200 ? 1 : 0, `${offsetMs.toFixed(1)} ms: ${status}`)
    if (status !== 200) continue
    cluster.time.run(19_000)
    t.equal(json(cluster.ask('n1', 'GET', `/v1/session/info/${id}`)).length, 1, 'it has all of its time again')
    cluster.time.run(2500)
    t.equal(json(cluster.ask('n1', 'GET', `/v1/session/info/${id}`)).length, 0)
  }
  t.same([...statuses].sort(), [200, 404])
})

t.test('sessions and locks outlive a crash of all members', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  const id = create(cluster, { TTL: '30s', Name: 'lasting' }, leader)
  acquire(cluster, 'k', id, 'x', leader)
  for (const name of ['n1', 'n2', 'n3']) cluster.crash(name)
  for (const name of ['n1', 'n2', 'n3']) cluster.start(name)
  cluster.elect()
  t.match(json(cluster.ask('n1', 'GET', `/v1/session/info/${id}`)), [{ Name: 'lasting' }])
  t.match(entry(cluster, 'k', 'n2'), { Session: id, LockIndex: 1 })
  t.ok(cluster.time.runUntil(() => entry(cluster, 'k', 'n2').Session === undefined, 70_000), 'and it still expires')
})

t.test('thousands of sessions, renewed and not', async (t) => {
  const cluster = single()
  const requests = Array.from({ length: 3000 }, (_, i) => cluster.request('n1', 'PUT', '/v1/session/create', JSON.stringify({ TTL: '10s', Name: String(i), LockDelay: 0 })))
  t.ok(cluster.time.runUntil(() => requests.every(({ response }) => response !== null), 1000))
  const ids = requests.map(({ response }) => json(response!).ID as string)
  t.equal(new Set(ids).size, 3000)
  cluster.time.run(10_000)
  const renewals = ids.slice(0, 1000).map((id) => cluster.request('n1', 'PUT', `/v1/session/renew/${id}`))
  t.ok(cluster.time.runUntil(() => renewals.every(({ response }) => response?.status === 200), 1000))
  cluster.time.run(10_500)
  t.equal(json(cluster.ask('n1', 'GET', '/v1/session/list')).length, 1000)
})

// Goal: clients that ask for the lock all the time, at every member, just as its holder's time runs out.
t.test('nobody gets the lock before the delay is over, however closely they ask', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  const holder = create(cluster, { TTL: '10s', LockDelay: '3s' }, leader)
  const beganMs = cluster.time.nowMs()
  acquire(cluster, 'k', holder, 'x', leader)
  const others = ['n1', 'n2', 'n3'].map((member) => ({ member, id: create(cluster, {}, member) }))
  const attempts: { response: ApiResponse | null }[] = []
  const attempt = () => { for (const { member, id } of others) attempts.push(cluster.request(member, 'PUT', `/v1/kv/k?acquire=${id}`, member)) }
  const taken = () => attempts.some(({ response }) => text(response) === 'true')
  const holderAt = (member: string) => entry(cluster, 'k', member).Session as string | undefined
  cluster.time.run(19_990 - (cluster.time.nowMs() - beganMs))
  for (let ms = 0; ms < 30; ms += 0.25) {
    attempt()
    cluster.time.run(0.25)
  }
  cluster.time.run(100)
  t.equal(holderAt(leader), undefined, 'it has ended')
  t.notOk(taken(), 'and nobody has got it')
  while (!taken() && cluster.time.nowMs() - beganMs < 30_000) {
    attempt()
    cluster.time.run(5)
  }
  const elapsedMs = cluster.time.nowMs() - beganMs
  t.ok(elapsedMs >= 23_000 && elapsedMs < 23_100, `taken ${elapsedMs} ms behind the creation of a session of 2 x 10 s`)
  cluster.time.run(100)
  t.ok(others.some(({ id }) => holderAt(leader) === id))
})
