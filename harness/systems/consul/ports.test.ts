import t from 'tap'
import type { HttpOutcome, HttpRequest } from '../../environments/environment.ts'
import { consulClient } from './client.ts'

const id = 'adf4238a-882b-9ddc-4a9d-5b6758e4159e'
const respond = (status: number, body: string, headers: Record<string, string> = {}): HttpOutcome => ({ kind: 'response', status, headers, body: new TextEncoder().encode(body) })
const lost: HttpOutcome = { kind: 'lost', error: 'reset' }

/** A client whose member gives this answer; remembers what was asked. */
function clientOf(outcome: HttpOutcome) {
  const asked: HttpRequest[] = []
  const client = consulClient(async (request) => {
    asked.push(request)
    return outcome
  }, 1000)
  return { asked, sessions: client.sessions!, watches: client.watches!, deletes: client.deletes! }
}

const spec = { ttlMs: 10_000, lockDelayMs: 1500, behavior: 'delete', endsWithMember: false } as const

t.test('a session is made with what was asked, and its answer must name it', async (t) => {
  const { sessions, asked } = clientOf(respond(200, JSON.stringify({ ID: id })))
  t.same(await sessions.create(spec), { type: 'ok', session: id })
  await sessions.create({ ...spec, ttlMs: 0, endsWithMember: true })
  t.same(asked.map(({ method, target }) => `${method} ${target}`), ['PUT /v1/session/create', 'PUT /v1/session/create'])
  t.same(asked.map(({ body }) => JSON.parse(String(body))), [
    { Behavior: 'delete', LockDelay: '1500ms', TTL: '10000ms', NodeChecks: [] },
    { Behavior: 'delete', LockDelay: '1500ms' },
  ])
  for (const body of ['', '{}', '{"ID":"x"}', 'true']) t.match(await clientOf(respond(200, body)).sessions.create(spec), { type: 'info', error: /malformed/ })
  t.match(await clientOf(respond(500, 'No cluster leader')).sessions.create(spec), { type: 'fail' })
  t.match(await clientOf(lost).sessions.create(spec), { type: 'info' })
})

t.test('renewal: known, not known, or not to be known', async (t) => {
  const { sessions, asked } = clientOf(respond(200, JSON.stringify([{ ID: id, TTL: '10s' }])))
  t.same(await sessions.renew(id), { type: 'ok', known: true })
  t.same(asked[0]!.target, `/v1/session/renew/${id}`)
  t.same(await clientOf(respond(404, `Session id '${id}' not found`)).sessions.renew(id), { type: 'ok', known: false })
  t.match(await clientOf(respond(404, '')).sessions.renew(id), { type: 'fail' }, 'a route that does not exist says nothing of the session')
  t.match(await clientOf(respond(200, '[]')).sessions.renew(id), { type: 'info' })
  t.match(await clientOf(respond(200, JSON.stringify([{ ID: 'adf4238a-882b-9ddc-4a9d-5b6758e41500' }]))).sessions.renew(id), { type: 'info' })
})

t.test('acquire, release, destroy', async (t) => {
  const { sessions, asked } = clientOf(respond(200, 'true'))
  t.same(await sessions.acquire('a/b c', id, '7'), { type: 'ok', held: true, known: true })
  t.same(await sessions.release('a/b c', id, '8'), { type: 'ok', released: true })
  t.same(await sessions.destroy(id), { type: 'ok' })
  t.same(asked.map(({ method, target, body }) => `${method} ${target} ${String(body)}`), [
    `PUT /v1/kv/a/b%20c?acquire=${id} 7`, `PUT /v1/kv/a/b%20c?release=${id} 8`, `PUT /v1/session/destroy/${id} `,
  ])
  const no = clientOf(respond(200, 'false')).sessions
  t.same(await no.acquire('k', id, '7'), { type: 'ok', held: false, known: true })
  t.same(await no.release('k', id, '7'), { type: 'ok', released: false })
  t.match(await no.destroy(id), { type: 'info' })
  for (const text of [`invalid session "${id}"`, `rpc error making call: invalid session "${id}"`]) {
    t.same(await clientOf(respond(500, text)).sessions.acquire('k', id, '7'), { type: 'ok', held: false, known: false })
  }
  t.match(await clientOf(respond(200, 'maybe')).sessions.acquire('k', id, '7'), { type: 'info', error: /malformed/ })
  t.match(await clientOf(lost).sessions.release('k', id, '7'), { type: 'info' })
  t.match(await clientOf(respond(500, 'No cluster leader')).sessions.acquire('k', id, '7'), { type: 'fail' })
})

const entry = (fields: object) => JSON.stringify([{ LockIndex: 3, Key: 'k', Flags: 0, Value: 'Nw==', Session: id, CreateIndex: 1, ModifyIndex: 9, ...fields }])

t.test('a key as a lock', async (t) => {
  const read = (outcome: HttpOutcome, consistency: 'default' | 'consistent' | 'stale' = 'consistent') => clientOf(outcome).sessions.read('k', consistency)
  t.same(await read(respond(200, entry({}))), { type: 'ok', lock: { value: '7', version: 9, lockIndex: 3, session: id } })
  t.same(await read(respond(200, entry({ Session: undefined }))), { type: 'ok', lock: { value: '7', version: 9, lockIndex: 3, session: null } })
  t.same(await read(respond(404, '')), { type: 'ok', lock: null })
  for (const fields of [{ LockIndex: -1 }, { LockIndex: undefined }, { Session: '' }, { Key: 'other' }, { Value: '*' }]) {
    t.match(await read(respond(200, entry(fields))), { type: 'fail', error: /malformed/ }, JSON.stringify(fields))
  }
  t.match(await read(respond(404, 'page not found')), { type: 'fail' })
})

const entries = (...keys: readonly string[]) => JSON.stringify(keys.map((Key, i) => ({ LockIndex: 0, Key, Flags: 0, Value: 'Nw==', CreateIndex: 1, ModifyIndex: 9 + i })))
const indexed = { 'X-Consul-Index': '12' }

t.test('a wait asks beyond an index, and is told one', async (t) => {
  const { watches, asked } = clientOf(respond(200, entries('p/a', 'p/b'), indexed))
  t.same(await watches.wait('p/', 0, 500, 'consistent'), { type: 'ok', index: 12, entries: [{ key: 'p/a', value: '7', version: 9 }, { key: 'p/b', value: '7', version: 10 }] })
  await watches.wait('p/', 7, 500, 'default')
  await watches.wait('p/', 7, 500, 'stale')
  t.same(asked.map(({ target }) => target), ['/v1/kv/p/?recurse&consistent', '/v1/kv/p/?recurse&index=7&wait=500ms', '/v1/kv/p/?recurse&stale&index=7&wait=500ms'])
  t.same(await clientOf(respond(404, '', { 'x-consul-index': '3' })).watches.wait('p/', 0, 1, 'default'), { type: 'ok', index: 3, entries: [] })
})

t.test('an answer to a wait that makes no sense fails, and says why', async (t) => {
  const wait = (outcome: HttpOutcome) => clientOf(outcome).watches.wait('p/', 7, 500, 'default')
  for (const headers of [{}, { 'X-Consul-Index': '0' }, { 'X-Consul-Index': '-1' }, { 'X-Consul-Index': '99999999999999999999' }]) {
    t.match(await wait(respond(200, entries('p/a'), headers as Record<string, string>)), { type: 'fail', error: /X-Consul-Index/ }, JSON.stringify(headers))
  }
  t.match(await wait(respond(200, entries('p/a', 'q/a'), indexed)), { type: 'fail', error: /asked for keys below p\/, got q\/a/ })
  t.match(await wait(respond(200, entries('p/b', 'p/a'), indexed)), { type: 'fail', error: /p\/a comes after p\/b/ })
  t.match(await wait(respond(200, entries('p/a', 'p/a'), indexed)), { type: 'fail' })
  t.match(await wait(respond(200, 'nonsense', indexed)), { type: 'fail', error: /malformed/ })
  t.match(await wait(lost), { type: 'fail', error: 'lost: reset' })
})

t.test('delete', async (t) => {
  const { deletes, asked } = clientOf(respond(200, 'true'))
  t.same(await deletes.delete('p/a'), { type: 'ok' })
  t.match(asked, [{ method: 'DELETE', target: '/v1/kv/p/a' }])
  t.match(await clientOf(respond(200, 'false')).deletes.delete('p/a'), { type: 'fail' })
  t.match(await clientOf(lost).deletes.delete('p/a'), { type: 'info' })
})
