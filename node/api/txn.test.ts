import t from 'tap'
import { VirtualCluster } from '../testing/virtual-cluster.ts'
import type { ApiResponse } from './exchange.ts'

const text = (response: ApiResponse) => Buffer.from(response.body as Uint8Array).toString()
const json = (response: ApiResponse) => JSON.parse(text(response))
const base64 = (value: string) => Buffer.from(value).toString('base64')
const kv = (Verb: string, Key: string, fields: object = {}) => ({ KV: { Verb, Key, ...fields } })

function txn(cluster: VirtualCluster, operations: unknown, member = 'n1', query = ''): ApiResponse {
  return cluster.ask(member, 'PUT', `/v1/txn${query}`, typeof operations === 'string' ? operations : JSON.stringify(operations))
}

t.test('writes: results without values, 409 with every error and no change', async (t) => {
  const cluster = new VirtualCluster(1)
  cluster.elect()
  const done = txn(cluster, [kv('set', 't/1', { Value: base64('one'), Flags: 5 }), kv('get', 't/1'), kv('delete', 'absent')])
  t.equal(done.status, 200)
  t.match(text(done), /^\{"Results":\[\{"KV":\{"LockIndex":0,"Key":"t\/1","Flags":5,"Value":null,"CreateIndex":(\d+),"ModifyIndex":\1\}\},\{"KV":\{[^}]*"Value":"b25l",[^}]*\}\}\],"Errors":null\}$/)
  t.equal(done.headers['X-Consul-Index'], undefined)
  t.equal(text(cluster.ask('n1', 'GET', '/v1/kv/t/1?raw')), 'one')
  t.equal(text(txn(cluster, [kv('delete', 't/absent')])), '{"Results":[],"Errors":null}')
  const refused = txn(cluster, [kv('set', 't/2', { Value: base64('two') }), kv('get', 'nope'), kv('cas', 't/1', { Index: 1, Value: '' })])
  t.equal(refused.status, 409)
  t.equal(text(refused), `{"Results":null,"Errors":[{"OpIndex":1,"What":"key \\"nope\\" doesn't exist"},{"OpIndex":2,"What":"failed to set key \\"t/1\\", index is stale"}]}`)
  t.equal(cluster.ask('n1', 'GET', '/v1/kv/t/2').status, 404)
  t.match(text(txn(cluster, [kv('set', 'max', { Flags: 0 }), { kv: { verb: 'set', key: 'max', flags: 18446744073709551615n.toString() } }])), /cannot unmarshal string/)
  t.match(text(txn(cluster, '[{"kv":{"verb":"set","key":"max","flags":18446744073709551615}}]')), /"Flags":18446744073709551615,/)
})

t.test('reads only: not through the log, with what is known of freshness', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  txn(cluster, [kv('set', 'a', { Value: base64('x') })], leader)
  cluster.time.run(200)
  const applied = () => cluster.traces.filter((event) => event.event === 'apply').length
  const before = applied()
  for (const member of ['n1', 'n2', 'n3']) {
    for (const query of ['', '?consistent', '?stale']) {
      const read = txn(cluster, [kv('get', 'a'), kv('get-tree', 'a'), kv('check-not-exists', 'b')], member, query)
      t.match(json(read), { Errors: null, Index: 0, KnownLeader: true, ConsistencyLevel: '' }, `${member}${query}`)
      t.same(json(read).Results.map((result: { KV: { Value: string } }) => result.KV.Value), [base64('x'), base64('x')])
      t.match(read.headers, { 'X-Consul-Knownleader': 'true', 'X-Consul-Lastcontact': /^\d+$/ })
      t.equal(read.headers['X-Consul-Index'], undefined)
    }
  }
  t.equal(text(txn(cluster, [])), '{"Results":[],"Errors":null,"Index":0,"LastContact":0,"KnownLeader":true,"ConsistencyLevel":""}')
  const refused = txn(cluster, [kv('get', 'nope')])
  t.equal(refused.status, 409)
  t.match(json(refused), { Results: null, Errors: [{ OpIndex: 0 }], KnownLeader: true })
  t.equal(applied(), before)
})

t.test('limits and bodies that make no sense', async (t) => {
  const cluster = new VirtualCluster(1)
  cluster.elect()
  const many = (count: number) => Array.from({ length: count }, (_, i) => kv('set', `k${i}`, { Value: base64(String(i)) }))
  t.equal(txn(cluster, many(64)).status, 200)
  const tooMany = txn(cluster, many(65))
  t.match({ ...tooMany, body: text(tooMany) }, { status: 413, body: 'Transaction contains too many operations (65 > 64)' })
  const large = txn(cluster, [kv('set', 'large', { Value: base64('x'.repeat(380_000)) })])
  t.equal(large.status, 200)
  const tooLarge = txn(cluster, ' '.repeat(524_289))
  t.match({ ...tooLarge, body: text(tooLarge) }, { status: 413, body: 'Request body(524289 bytes) too large, max size: 524288 bytes. See https://www.consul.io/docs/agent/options.html#txn_max_req_len.' })
  for (const [body, problem] of [
    ['', 'EOF'], ['[', 'unexpected EOF'], ['{}', 'json: cannot unmarshal object into Go value of type api.TxnOps'], ['[{bad', `invalid character 'b' looking for beginning of object key string`],
    ['[{"KV":{"Verb":"set","Key":"a","Value":"!"}}]', 'illegal base64 data at input byte 0'], ['[{"KV":{"Verb":"set","Key":5}}]', 'json: cannot unmarshal number into Go struct field KVTxnOp.KV.Key of type string'],
    ['[5]', 'json: cannot unmarshal number into Go value of type api.TxnOp'], ['[{"KV":5}]', 'json: cannot unmarshal number into Go struct field TxnOp.KV of type api.KVTxnOp'], ['true', 'json: cannot unmarshal bool into Go value of type api.TxnOps'],
    ['[{"Zap":{}}]', 'json: unknown field "Zap"'], ['[{"KV":{"Verb":"get","Key":"a","LockIndex":1}}]', 'json: unknown field "LockIndex"'], ['[{"KV":{"Verb":5}}]', 'json: cannot unmarshal number into Go struct field KVTxnOp.KV.Verb of type api.KVOp'],
    ['[{"KV":{"Verb":"set","Key":"a","Value":[300]}}]', 'json: cannot unmarshal number 300 into Go struct field KVTxnOp.KV.Value of type uint8'],
  ] as const) {
    const response = txn(cluster, body)
    t.match({ status: response.status, body: text(response) }, { status: 400, body: `Failed to parse body: ${problem}` }, body)
  }
  t.equal(txn(cluster, '[{"KV":{"Verb":"set","Key":"list","Value":[104,105]}}] and more').status, 200)
  t.equal(text(cluster.ask('n1', 'GET', '/v1/kv/list?raw')), 'hi')
  t.equal(txn(cluster, [{ ...kv('get', 'list'), Node: { Verb: 'get' } }]).status, 200)
  t.equal(txn(cluster, [], 'n1', '?index=x').status, 400)
  t.equal(txn(cluster, [kv('set', 'a')], 'n1', '?dc=dc9').status, 500)
  t.equal(cluster.ask('n1', 'GET', '/v1/txn').status, 405)
})

t.test('locks: through any member, the outcome whole; the lock-delay holds here too', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  const follower = ['n1', 'n2', 'n3'].find((name) => name !== leader)!
  const [first, second] = [0, 1].map(() => json(cluster.ask(follower, 'PUT', '/v1/session/create', '{"LockDelay":"3s"}')).ID as string) as [string, string]
  const locked = txn(cluster, [kv('lock', 'k', { Session: first, Value: base64('v') }), kv('get', 'k')], follower)
  t.match(json(locked).Results, [{ KV: { Session: first, LockIndex: 1, Value: null } }, { KV: { Session: first, Value: base64('v') } }])
  t.equal(txn(cluster, [kv('check-session', 'k', { Session: first }), kv('set', 'guarded')], follower).status, 200)
  t.match(json(txn(cluster, [kv('lock', 'k', { Session: second })], follower)).Errors, [{ OpIndex: 0, What: 'failed to lock key "k", lock is already held' }])
  cluster.ask(follower, 'PUT', `/v1/session/destroy/${first}`)
  for (const member of [leader, follower]) {
    const delayed = txn(cluster, [kv('set', 'other'), kv('lock', 'k', { Session: second })], member)
    t.match({ status: delayed.status, ...json(delayed) }, { status: 409, Errors: [{ OpIndex: 1, What: 'failed to lock key "k" due to lock delay' }] }, member)
  }
  t.equal(cluster.ask(follower, 'GET', '/v1/kv/other').status, 404)
  cluster.time.run(3000)
  t.equal(txn(cluster, [kv('lock', 'k', { Session: second }), kv('unlock', 'k', { Session: second })], follower).status, 200)
  t.match(json(cluster.ask(follower, 'GET', '/v1/kv/k')), [{ LockIndex: 2 }])
})
