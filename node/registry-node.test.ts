import t from 'tap'
import { VirtualCluster } from './testing/virtual-cluster.ts'

const text = (body: Uint8Array | string) => Buffer.from(body as Uint8Array).toString()

t.test('one member forms a cluster of its own and serves', async (t) => {
  const cluster = new VirtualCluster(1)
  t.equal(cluster.elect(), 'n1')
  t.equal(text(cluster.ask('n1', 'PUT', '/v1/kv/a', 'x').body), 'true')
  t.equal(text(cluster.ask('n1', 'GET', '/v1/kv/a?raw&consistent').body), 'x')
})

t.test('three members find each other; any of them takes reads and writes in each mode', async (t) => {
  const cluster = new VirtualCluster(3)
  cluster.elect()
  for (const name of ['n1', 'n2', 'n3']) {
    t.equal(text(cluster.ask(name, 'PUT', `/v1/kv/k-${name}`, name).body), 'true')
    for (const reader of ['n1', 'n2', 'n3']) {
      for (const mode of ['', '&consistent']) {
        t.equal(text(cluster.ask(reader, 'GET', `/v1/kv/k-${name}?raw${mode}`).body), name, `${reader} reads what was written at ${name}${mode}`)
      }
    }
  }
  t.same(JSON.parse(text(cluster.ask('n2', 'GET', '/v1/status/peers').body)).sort(), ['n1:8300', 'n2:8300', 'n3:8300'])
})

t.test('without a quorum: 500 with Consul\'s text in bounded time, for writes and reads; stale reads go on', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  cluster.ask(leader, 'PUT', '/v1/kv/a', 'x')
  cluster.time.run(1000)
  const others = ['n1', 'n2', 'n3'].filter((name) => name !== leader)
  cluster.passes = () => false
  // A write that reached the leader's log before it stepped down may yet happen.
  t.equal(text(cluster.ask(leader, 'PUT', '/v1/kv/a', 'y', 7100).body), 'leadership lost while committing log')
  for (const [method, target] of [['PUT', '/v1/kv/a'], ['GET', '/v1/kv/a'], ['GET', '/v1/kv/a?consistent']] as const) {
    const response = cluster.ask(leader, method, target, '', 7100)
    t.equal(response.status, 500)
    t.equal(text(response.body), 'No cluster leader')
  }
  const stale = cluster.ask(others[0]!, 'GET', '/v1/kv/a?stale', '', 10)
  t.equal(stale.status, 200)
  t.equal(stale.headers['X-Consul-Knownleader'], 'false')
  t.ok(Number(stale.headers['X-Consul-Lastcontact']) > 5000, 'it says for how long it has not heard from a leader')
})

t.test('a member that has met no leader since its start waits for one, even for a stale read', async (t) => {
  const cluster = new VirtualCluster(3)
  cluster.passes = () => false
  const beganMs = cluster.time.nowMs()
  const response = cluster.ask('n1', 'GET', '/v1/kv/a?stale', '', 7100)
  t.equal(text(response.body), 'No cluster leader')
  t.ok(cluster.time.nowMs() - beganMs >= 7000)
  cluster.passes = () => true
  cluster.elect()
  cluster.time.run(200)
  for (const name of ['n1', 'n2', 'n3']) t.equal(cluster.ask(name, 'GET', '/v1/kv/a?stale', '', 10).status, 404)
})

t.test('a write that was forwarded and got no answer is not called undone', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  const follower = ['n1', 'n2', 'n3'].find((name) => name !== leader)!
  cluster.passes = (from, to) => !(from === leader && to === follower)
  const response = cluster.ask(follower, 'PUT', '/v1/kv/a', 'x', 7100)
  if (response.status === 500) t.match(text(response.body), /^rpc error making call/)
  cluster.passes = () => true
  cluster.elect()
  t.equal(text(cluster.ask('n1', 'GET', '/v1/kv/a?raw&consistent').body), 'x', 'it did happen')
})

t.test('many writes in one turn: one sync at the leader, one append to each follower', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  cluster.time.run(200)
  const syncsBefore = cluster.syncs.get(leader)!
  const sentBefore = cluster.sent.length
  const writes = Array.from({ length: 100 }, (_, i) => cluster.request(leader, 'PUT', `/v1/kv/${i}`, 'x'))
  t.ok(cluster.time.runUntil(() => writes.every((write) => write.response !== null), 20), 'all are answered')
  t.equal(cluster.syncs.get(leader)! - syncsBefore, 1, 'one sync')
  const appends = cluster.sent.slice(sentBefore).filter(({ from, message }) =>
    from === `${leader}:8300` && message.channel === 'raft' && message.message.kind === 'append-request' && message.message.entries.length > 0)
  t.same(appends.map(({ message }) => message.message.entries.length), [100, 100])
})

t.test('many consistent reads in one turn share a round of the quorum', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  cluster.time.run(200)
  const sentBefore = cluster.sent.length
  const reads = Array.from({ length: 100 }, () => cluster.request(leader, 'GET', '/v1/kv/a?consistent'))
  t.ok(cluster.time.runUntil(() => reads.every((read) => read.response !== null), 20), 'all are answered')
  const rounds = cluster.sent.slice(sentBefore).filter(({ from, message }) =>
    from === `${leader}:8300` && message.channel === 'raft' && message.message.kind === 'heartbeat-request')
  t.ok(rounds.length <= 4, `${rounds.length} heartbeats for 100 reads`)
})

t.test('what was acknowledged survives a crash of all members', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  for (let i = 0; i < 20; i++) cluster.ask(leader, 'PUT', `/v1/kv/k${i}`, `v${i}`)
  for (const name of ['n1', 'n2', 'n3']) cluster.crash(name)
  for (const name of ['n1', 'n2', 'n3']) cluster.start(name)
  cluster.elect()
  for (let i = 0; i < 20; i++) t.equal(text(cluster.ask('n2', 'GET', `/v1/kv/k${i}?raw&consistent`).body), `v${i}`)
})

t.test('a leader that is cut off does not answer consistent reads from what it has', async (t) => {
  const cluster = new VirtualCluster(3)
  const old = cluster.elect()
  cluster.ask(old, 'PUT', '/v1/kv/a', 'before')
  const others = ['n1', 'n2', 'n3'].filter((name) => name !== old)
  cluster.passes = (from, to) => from !== old && to !== old
  const cut = cluster.request(old, 'GET', '/v1/kv/a?raw&consistent')
  t.ok(cluster.time.runUntil(() => cluster.nodes.get(others[0]!)!.leaderAddress !== null && others.includes(cluster.nodes.get(others[0]!)!.leaderAddress!.split(':')[0]!), 10_000))
  t.equal(text(cluster.ask(others[0]!, 'PUT', '/v1/kv/a', 'after').body), 'true')
  t.ok(cut.response === null || cut.response.status === 500, 'the old leader has answered nothing, or an error')
  cluster.passes = () => true
  t.ok(cluster.time.runUntil(() => cut.response !== null, 10_000))
  t.ok(cut.response!.status === 500 || text(cut.response!.body) === 'after')
})

t.test('a late answer to a member\'s earlier life is not taken for an answer to this one', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  const follower = ['n1', 'n2', 'n3'].find((name) => name !== leader)!
  t.equal(text(cluster.ask(follower, 'PUT', '/v1/kv/a', 'first life').body), 'true')
  const answer = cluster.sent.find(({ to, message }) => to === `${follower}:8300` && message.channel === 'rpc' && message.kind === 'answer')!
  cluster.crash(follower)
  cluster.start(follower)
  cluster.elect()
  cluster.passes = (from) => from !== follower
  const write = cluster.request(follower, 'PUT', '/v1/kv/a', 'second life')
  cluster.time.run(10)
  cluster.deliver(follower, answer.message)
  cluster.time.run(10)
  t.equal(write.response, null, 'nobody has heard of this write')
})

t.test('garbage from the network is dropped', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  for (const garbage of [null, 7, 'x', {}, { channel: 'raft' }, { channel: 'raft', message: { kind: 'append-request' } },
    { channel: 'rpc', kind: 'apply', callId: -1 }, { channel: 'rpc', kind: 'answer', callId: 1, answer: { kind: 'applied' } },
    { channel: 'join', from: 5 }]) {
    cluster.deliver(leader, garbage)
  }
  t.equal(text(cluster.ask(leader, 'PUT', '/v1/kv/a', 'x').body), 'true', 'it goes on serving')
})

t.test('the trace tells votes, leaders and what was applied, alike on all members', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  cluster.ask(leader, 'PUT', '/v1/kv/a', 'x')
  cluster.time.run(500)
  t.ok(cluster.traces.some((event) => event.event === 'transition' && event.role === 'leader' && event.member === leader))
  t.ok(cluster.traces.filter((event) => event.event === 'vote').length >= 2, 'a quorum voted')
  const applied = (name: string) => cluster.traces.flatMap((event) => event.event === 'apply' && event.member === name ? [`${event.index} ${event.term} ${event.checksum}`] : [])
  t.ok(applied(leader).length >= 3)
  t.same(applied('n1'), applied('n2'))
  t.same(applied('n2'), applied('n3'))
})
