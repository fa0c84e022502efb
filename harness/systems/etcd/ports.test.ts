import t from 'tap'
import type { HttpOutcome, HttpRequest } from '../../environments/environment.ts'
import { etcdClient } from './client.ts'
import { endOfPrefix } from './prefixes.ts'

const header = { cluster_id: '1', member_id: '2', revision: '42', raft_term: '3' }
const encode = (text: string) => Buffer.from(text).toString('base64')
const respond = (status: number, body: unknown): HttpOutcome => ({ kind: 'response', status, headers: {}, body: new TextEncoder().encode(JSON.stringify(body)) })
const entry = (key: string, value: string, revision: number) => ({ key: encode(key), value: encode(value), mod_revision: String(revision), create_revision: '1', version: '1' })

function answering(outcome: HttpOutcome) {
  const asked: HttpRequest[] = []
  const client = etcdClient(async (request) => {
    asked.push(request)
    return outcome
  }, 1000)
  return { transactions: client.transactions!, prefixes: client.prefixes!, deletes: client.deletes!, asked, body: () => JSON.parse(String(asked[0]!.body)) as unknown }
}

const mixed = [{ verb: 'cas', key: 'a', value: '1', version: 0 }, { verb: 'get', key: 'b' }, { verb: 'check', key: 'c', version: 7 }, { verb: 'get', key: 'd' }] as const

t.test('a transaction: conditions, and what is done if all hold', async (t) => {
  const { transactions, asked, body } = answering(respond(200, { header, succeeded: true, responses: [
    { response_put: { header: { revision: '42' } } }, { response_range: { header: {} } }, { response_range: { kvs: [entry('d', 'x', 9)], count: '1' } },
  ] }))
  t.same(await transactions.transact(mixed, 'stale'), { type: 'ok', committed: true, reads: [{ key: 'b', value: null, version: null }, { key: 'd', value: 'x', version: 9 }] })
  t.match(asked, [{ method: 'POST', target: '/v3/kv/txn' }])
  t.same(body(), {
    compare: [{ target: 'MOD', result: 'EQUAL', key: encode('a'), mod_revision: '0' }, { target: 'MOD', result: 'EQUAL', key: encode('c'), mod_revision: '7' }],
    success: [
      { request_put: { key: encode('a'), value: encode('1') } },
      // Who writes is never answered from old state, whatever was asked for.
      { request_range: { key: encode('b'), serializable: false } }, { request_range: { key: encode('d'), serializable: false } },
    ],
  })
})

t.test('a transaction of reads alone may be answered from old state, if that was asked for', async (t) => {
  for (const [consistency, serializable] of [['stale', true], ['default', false], ['consistent', false]] as const) {
    const { transactions, body } = answering(respond(200, { header, succeeded: true, responses: [{ response_range: {} }] }))
    t.match(await transactions.transact([{ verb: 'get', key: 'a' }], consistency), { type: 'ok' })
    t.match(body(), { success: [{ request_range: { serializable } }] })
  }
})

t.test('a condition that does not hold: certainly nothing was done', async (t) => {
  t.match(await answering(respond(200, { header })).transactions.transact(mixed, 'consistent'), { type: 'ok', committed: false })
})

t.test('a transaction whose answer cannot be understood may have happened, if it writes', async (t) => {
  const wrong = [
    { header, succeeded: true, responses: [] },
    { header, succeeded: true, responses: [{ response_range: {} }, { response_put: {} }, { response_range: {} }] },
    { header, succeeded: true, responses: [{ response_put: {} }, { response_range: { kvs: [entry('other', 'x', 9)] } }, { response_range: {} }] },
    { succeeded: true },
  ]
  for (const body of wrong) t.match(await answering(respond(200, body)).transactions.transact(mixed, 'consistent'), { type: 'info', error: /malformed/ }, JSON.stringify(body))
  t.match(await answering(respond(200, wrong[0])).transactions.transact([{ verb: 'get', key: 'a' }], 'consistent'), { type: 'fail', error: /malformed/ })
  t.match(await answering({ kind: 'lost', error: 'reset' }).transactions.transact(mixed, 'consistent'), { type: 'info' })
  t.match(await answering(respond(400, { code: 3, message: 'etcdserver: duplicate key given in txn request' })).transactions.transact(mixed, 'consistent'), { type: 'fail' })
})

t.test('what is below a prefix', async (t) => {
  const { prefixes, body } = answering(respond(200, { header, kvs: [entry('s/1', '1', 4), entry('s/2', '2', 5)], count: '2' }))
  t.same(await prefixes.list('s/', 'stale'), { type: 'ok', entries: [{ key: 's/1', value: '1', version: 4 }, { key: 's/2', value: '2', version: 5 }] })
  t.same(body(), { key: encode('s/'), range_end: encode('s0'), serializable: true })
  t.same(await answering(respond(200, { header })).prefixes.list('s/', 'default'), { type: 'ok', entries: [] })
  for (const answer of [{ header, kvs: [entry('t', '1', 4)] }, { header, kvs: [entry('s/1', '1', 4)], more: true }, {}]) {
    t.match(await answering(respond(200, answer)).prefixes.list('s/', 'default'), { type: 'fail', error: /malformed/ }, JSON.stringify(answer))
  }
})

t.test('the end of a prefix lies behind all that begin with it, and before all else', async (t) => {
  for (const prefix of ['a', 's/', 'é', '\u{10ffff}']) {
    const end = Buffer.from(endOfPrefix(prefix), 'base64')
    t.ok(Buffer.compare(Buffer.from(`${prefix}\u{10ffff}`), end) < 0)
    t.ok(Buffer.compare(Buffer.from(prefix), end) < 0)
    t.equal(end.length, Buffer.from(prefix).length)
  }
})

t.test('a key is deleted, be it there or not', async (t) => {
  const { deletes, asked, body } = answering(respond(200, { header, deleted: '1' }))
  t.same(await deletes.delete('k'), { type: 'ok' })
  t.match(asked, [{ target: '/v3/kv/deleterange' }])
  t.same(body(), { key: encode('k') })
  t.same(await answering(respond(200, { header })).deletes.delete('k'), { type: 'ok' })
  t.match(await answering(respond(200, {})).deletes.delete('k'), { type: 'info' })
  t.match(await answering({ kind: 'not-sent', error: 'refused' }).deletes.delete('k'), { type: 'fail' })
})
