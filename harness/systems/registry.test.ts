import t from 'tap'
import type { HttpOutcome, HttpRequest } from '../environments/environment.ts'
import { fakeEnvironment } from '../testing/fake-environment.ts'
import { seededRandom } from '../../node/base/random.ts'
import { findLeader } from './leader.ts'
import { registry } from './registry.ts'

const respond = (status: number, body: string): HttpOutcome => ({ kind: 'response', status, headers: {}, body: new TextEncoder().encode(body) })
const entry = (fields: object) => JSON.stringify([{ LockIndex: 0, Key: 'a b/c', Flags: 0, Value: 'NDI=', CreateIndex: 1, ModifyIndex: 7, ...fields }])

/** A client whose member gives this answer; remembers what was asked. */
function clientOf(outcome: HttpOutcome) {
  const asked: HttpRequest[] = []
  const client = registry.client(async (request, timeoutMs) => {
    t.equal(timeoutMs, 1234)
    asked.push(request)
    return outcome
  }, 1234)
  return { client, asked }
}

t.test('read', async (t) => {
  const { client, asked } = clientOf(respond(200, entry({})))
  t.same(await client.read('a b/c', 'consistent'), { type: 'ok', value: '42', version: 7 })
  await client.read('a b/c', 'default')
  await client.read('a b/c', 'stale')
  t.same(asked.map(({ target }) => target), ['/v1/kv/a%20b/c?consistent', '/v1/kv/a%20b/c', '/v1/kv/a%20b/c?stale'])
  t.same(await clientOf(respond(404, '')).client.read('x', 'default'), { type: 'ok', value: null, version: null })
  t.same(await clientOf(respond(200, entry({ Value: null }))).client.read('a b/c', 'default'), { type: 'ok', value: '', version: 7 })
})

t.test('a read whose answer makes no sense fails, and says why', async (t) => {
  const answers = ['', '[', '{}', '[]', entry({ Key: 'other' }), entry({ Value: 'n*t base64' }), entry({ Value: 7 }), entry({ ModifyIndex: 'x' }), entry({ ModifyIndex: 0 })]
  for (const answer of answers) {
    t.match(await clientOf(respond(200, answer)).client.read('a b/c', 'default'), { type: 'fail', error: /malformed answer/ }, answer)
  }
  t.match(await clientOf(respond(404, 'page not found')).client.read('x', 'default'), { type: 'fail', error: '404 page not found' })
  t.match(await clientOf({ kind: 'lost', error: 'reset' }).client.read('x', 'default'), { type: 'fail', error: 'lost: reset' })
})

t.test('write and compare-and-set', async (t) => {
  const { client, asked } = clientOf(respond(200, 'true'))
  t.same(await client.write('k', '5'), { type: 'ok' })
  t.same(await client.compareAndSet('k', '6', 7), { type: 'ok', swapped: true })
  t.match(asked, [{ method: 'PUT', target: '/v1/kv/k', body: '5' }, { method: 'PUT', target: '/v1/kv/k?cas=7', body: '6' }])
  const no = clientOf(respond(200, 'false')).client
  t.match(await no.write('k', '5'), { type: 'fail' })
  t.same(await no.compareAndSet('k', '6', 7), { type: 'ok', swapped: false })
  for (const body of ['', 'maybe', '"true"']) {
    t.match(await clientOf(respond(200, body)).client.write('k', '5'), { type: 'info', error: /malformed/ }, 'it may have happened')
  }
  t.match(await clientOf(respond(500, 'No cluster leader')).client.write('k', '5'), { type: 'fail' })
  t.match(await clientOf({ kind: 'lost', error: 'reset' }).client.compareAndSet('k', '5', 1), { type: 'info' })
})

t.test('whom a member takes for the leader', async (t) => {
  const seen = (outcome: HttpOutcome) => registry.leaderSeen(async () => outcome)
  t.same(await seen(respond(200, '"10.0.0.2:8300"')), { leader: '10.0.0.2:8300' })
  t.match(await seen(respond(200, '""')), { none: 'knows no leader' })
  t.match(await seen(respond(200, 'nonsense')), { none: /malformed/ })
  t.match(await seen({ kind: 'not-sent', error: 'refused' }), { none: /refused/ })
})

t.test('of two that say they lead, the one with the higher term does', async (t) => {
  const { environment, time } = fakeEnvironment({ memberCount: 3, random: seededRandom(1) })
  const self = (state: string, term: string) => respond(200, JSON.stringify({ Stats: { raft: { state, term } } }))
  const answers: Record<string, HttpOutcome> = { n1: self('Leader', '9'), n2: self('Leader', '10'), n3: { kind: 'lost', error: 'timed out' } }
  const answering = { ...environment, members: environment.members, request: async (member: string) => answers[member]! }
  t.equal(await time.run(() => findLeader(registry, answering)), 'n2')
  answers['n1'] = answers['n2'] = self('Follower', '10')
  t.equal(await time.run(() => findLeader(registry, answering)), null)
  answers['n1'] = respond(200, '{"Stats":{}}')
  t.equal(await time.run(() => findLeader(registry, answering)), null)
})

t.test('who leads in which term is found wherever else braces, quotes and the same words stand', async (t) => {
  const raft = { applied_index: '7', state: 'Leader', term: '12' }
  const seen = async (answer: object) => await registry.leadership(async () => respond(200, JSON.stringify(answer)))
  t.same(await seen({ Config: { NodeName: 'a"raft":{"state":"Follower","term":"1"}' }, Stats: { agent: {}, raft, serf_lan: {} }, Meta: {} }), { leads: true, term: 12 })
  t.same(await seen({ Stats: { raft: { latest_configuration: '[{Suffrage:Voter ID:a}]', ...raft } } }), { leads: true, term: 12 }, 'as Consul')
  t.same(await seen({ Own: { raft: { protocol: 3 } }, Stats: { raft: { ...raft, state: 'Follower' } } }), { leads: false, term: 12 })
  t.equal(await seen({ Stats: { raft: { ...raft, term: 'x' } } }), null)
  t.equal(await registry.leadership(async () => respond(200, '{"Stats":{"raft":{"state"')), null)
})

t.test('a session\'s id as Consul makes it: 128 random bits, without a version', async (t) => {
  const ID = '5640cfd4-eed2-6d6b-5e9f-8a314af8dd31'
  const { client } = clientOf(respond(200, JSON.stringify({ ID })))
  t.same(await client.sessions!.create({ ttlMs: 10_000, lockDelayMs: 0, behavior: 'release', endsWithMember: false }), { type: 'ok', session: ID })
  t.match(await clientOf(respond(200, '{"ID":"no id"}')).client.sessions!.create({ ttlMs: 0, lockDelayMs: 0, behavior: 'release', endsWithMember: true }), { type: 'info', error: /malformed/ })
})
