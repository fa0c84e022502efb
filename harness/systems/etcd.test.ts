import t from 'tap'
import type { HttpOutcome, HttpRequest } from '../environments/environment.ts'
import { etcd } from './etcd.ts'

const respond = (status: number, body: unknown): HttpOutcome =>
  ({ kind: 'response', status, headers: {}, body: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)) })
const header = { cluster_id: '14841639068965178418', member_id: '10276657743932975437', revision: '42', raft_term: '3' }
const encode = (text: string) => Buffer.from(text).toString('base64')

function clientOf(outcome: HttpOutcome) {
  const asked: HttpRequest[] = []
  const client = etcd.client(async (request) => {
    asked.push(request)
    return outcome
  }, 1234)
  return { client, asked, body: () => JSON.parse(String(asked[0]!.body)) as unknown }
}

t.test('read', async (t) => {
  const { client, asked, body } = clientOf(respond(200, { header, kvs: [{ key: encode('a/b'), value: encode('7'), mod_revision: '41', create_revision: '2', version: '9' }], count: '1' }))
  t.same(await client.read('a/b', 'consistent'), { type: 'ok', value: '7', version: 41 })
  t.match(asked, [{ method: 'POST', target: '/v3/kv/range' }])
  t.same(body(), { key: encode('a/b'), serializable: false })
  const stale = clientOf(respond(200, { header }))
  t.same(await stale.client.read('x', 'stale'), { type: 'ok', value: null, version: null })
  t.match(stale.body(), { serializable: true })
  t.same(await clientOf(respond(200, { header, kvs: [{ key: encode('e'), mod_revision: '5' }] })).client.read('e', 'default'), { type: 'ok', value: '', version: 5 }, 'an empty value is left out')
})

t.test('a read that is no answer fails', async (t) => {
  for (const body of ['', '{}', '[]', { header, kvs: [{ key: encode('other'), mod_revision: '1' }] }, { header, kvs: [{ key: encode('k') }] }, { header, kvs: [{ key: '*', mod_revision: '1' }] }]) {
    t.match(await clientOf(respond(200, body)).client.read('k', 'default'), { type: 'fail', error: /malformed answer/ }, JSON.stringify(body))
  }
  t.match(await clientOf(respond(503, { code: 14, message: 'etcdserver: no leader' })).client.read('k', 'default'), { type: 'fail' })
})

t.test('a write has the revision of its answer; without one it may have happened', async (t) => {
  const { client, body } = clientOf(respond(200, { header }))
  t.same(await client.write('k', 'v'), { type: 'ok', version: 42 })
  t.same(body(), { key: encode('k'), value: encode('v') })
  for (const outcome of [respond(200, '{}'), respond(500, { code: 2, message: 'context deadline exceeded' }), respond(503, { code: 14 }), { kind: 'lost', error: 'reset' } as const]) {
    t.match(await clientOf(outcome).client.write('k', 'v'), { type: 'info' })
  }
  t.match(await clientOf({ kind: 'not-sent', error: 'refused' }).client.write('k', 'v'), { type: 'fail' })
})

t.test('compare-and-set compares the revision; what is left out is false', async (t) => {
  const { client, body } = clientOf(respond(200, { header, succeeded: true, responses: [{}] }))
  t.same(await client.compareAndSet('k', 'v', 41), { type: 'ok', swapped: true })
  t.match(body(), { compare: [{ target: 'MOD', result: 'EQUAL', mod_revision: '41' }] })
  t.same(await clientOf(respond(200, { header })).client.compareAndSet('k', 'v', 41), { type: 'ok', swapped: false })
  t.match(await clientOf(respond(500, '')).client.compareAndSet('k', 'v', 41), { type: 'info' })
})

t.test('whom a member takes for the leader', async (t) => {
  const own = { header, leader: header.member_id, version: '3.4.23' }
  t.same(await etcd.leaderSeen(async () => respond(200, own)), { leader: header.member_id })
  t.same(await etcd.leadership(async () => respond(200, own)), { leads: true, term: 3 })
  t.same(await etcd.leadership(async () => respond(200, { ...own, leader: '5' })), { leads: false, term: 3 })
  t.match(await etcd.leaderSeen(async () => respond(200, { header })), { none: 'knows no leader' })
  t.equal(await etcd.leadership(async () => ({ kind: 'lost', error: 'reset' })), null)
})
