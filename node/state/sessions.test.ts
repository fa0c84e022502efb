import t from 'tap'
import { KvTable } from './kv.ts'
import { type Registrations, type SessionSpec, SessionTable } from './sessions.ts'
import { Watches } from './watches.ts'

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

function spec(n: number, fields: Partial<SessionSpec> = {}): SessionSpec {
  return { id: uuid(n), name: '', node: 'web1', lockDelayNs: 15e9, behavior: 'release', ttl: '', nodeChecks: ['serfHealth'], serviceChecks: [], ...fields }
}

/** A table on a catalog of two nodes, and all that its observer hears. */
function setUp() {
  const watches = new Watches()
  const kv = new KvTable(undefined, watches)
  const heard: string[] = []
  const sessions = new SessionTable(kv, watches, {
    renewed: ({ id }) => heard.push(`renewed ${id.slice(-1)}`),
    ended: (id) => heard.push(`ended ${id.slice(-1)}`),
    lockDelayed: (key, delayMs) => heard.push(`delayed ${key} ${delayMs}`),
  })
  const statuses: Record<string, string> = { 'web1 serfHealth': 'passing', 'web1 disk': 'warning', 'web1 service:web': 'critical', 'web2 serfHealth': 'passing' }
  const catalog: Registrations = {
    hasNode: (node) => Object.keys(statuses).some((check) => check.startsWith(`${node} `)),
    checkStatus: (node, checkId) => statuses[`${node} ${checkId}`] ?? null,
  }
  return { kv, sessions, watches, heard, catalog, create: (index: number, one: SessionSpec) => sessions.create(index, one, catalog) }
}

t.test('created only on a node and on checks that are registered and not critical', async (t) => {
  const { sessions, create, heard } = setUp()
  t.equal(sessions.index, 1)
  t.equal(create(5, spec(1, { node: 'elsewhere' })), 'Missing node registration')
  t.equal(create(6, spec(1, { nodeChecks: ['nope'] })), `Missing check 'nope' registration`)
  t.equal(create(7, spec(1, { serviceChecks: [{ id: 'service:web', namespace: '' }] })), `Check 'service:web' is in critical state`)
  t.equal(sessions.index, 1)
  t.same(heard, [])
  t.equal(create(8, spec(1, { nodeChecks: ['serfHealth', 'disk'] })), null, 'a warning does not hinder')
  t.match(create(9, spec(1)), /exists already/)
  t.match(sessions.get(uuid(1)), { createIndex: 8, modifyIndex: 8 })
  t.equal(sessions.index, 8)
})

t.test('the end of a node or a check ends the sessions that lean on it, and no others', async (t) => {
  const { sessions, create, heard, kv } = setUp()
  create(1, spec(1))
  create(2, spec(2, { nodeChecks: ['serfHealth', 'disk'], lockDelayNs: 3e9 }))
  create(3, spec(3, { nodeChecks: [], behavior: 'delete', lockDelayNs: 0 }))
  create(4, spec(4, { node: 'web2' }))
  kv.lock(5, 'b', Buffer.from('x'), 0n, uuid(2))
  kv.lock(6, 'a', Buffer.from('x'), 0n, uuid(2))
  kv.lock(7, 'c', Buffer.from('x'), 0n, uuid(3))
  heard.length = 0
  sessions.invalidateSessionsOfCheck(10, 'web1', 'disk')
  t.same(heard, ['ended 2', 'delayed a 3000', 'delayed b 3000'])
  t.match([kv.get('a').entry, kv.get('b').entry], [{ session: null, lockIndex: 1, modifyIndex: 10 }, { session: null, modifyIndex: 10 }])
  sessions.invalidateSessionsOfCheck(11, 'web2', 'disk')
  t.same(sessions.list().map(({ id }) => id), [1, 3, 4].map(uuid))
  t.equal(sessions.index, 10)
  sessions.invalidateSessionsOfNode(12, 'web1')
  t.same(heard.slice(3), ['ended 1', 'ended 3'], 'a lock-delay of 0 is none')
  t.equal(kv.get('c').entry, null)
  t.equal(kv.list('c').index, 12)
  t.same(sessions.ofNode('web1'), [])
  t.same(sessions.ofNode('web2').map(({ id }) => id), [uuid(4)])
})

t.test('an expiry is void if a renewal came first', async (t) => {
  const { sessions, create, heard } = setUp()
  create(1, spec(1, { ttl: '10s' }))
  t.equal(sessions.renewedIndex(uuid(1)), 1)
  t.equal(sessions.renew(2, uuid(1)), true)
  t.equal(sessions.expire(3, uuid(1), 1), false)
  t.equal(sessions.index, 1, 'neither is a change to readers')
  t.equal(sessions.expire(4, uuid(1), 2), true)
  t.equal(sessions.renew(5, uuid(1)), false)
  t.equal(sessions.renewedIndex(uuid(1)), null)
  t.same(heard, ['renewed 1', 'renewed 1', 'ended 1'])
  t.equal(sessions.index, 4)
})

t.test('what a lock is refused with', async (t) => {
  const { sessions, create } = setUp()
  create(1, spec(1))
  t.equal(sessions.problemOf(uuid(1)), null)
  t.equal(sessions.problemOf(uuid(2)), `invalid session "${uuid(2)}"`)
  t.equal(sessions.problemOf(''), 'missing session')
  for (const [id, problem] of [
    ['abc', 'UUID must be 36 characters'], ['-'.repeat(36), 'UUID should have maximum of 4 "-"; got 36'],
    ['0'.repeat(33) + '---', 'UUID (without hyphens) must be even length'], [uuid(1).replace('4', 'z'), `Invalid UUID: encoding/hex: invalid byte: U+007A 'z'`],
  ] as const) t.equal(sessions.problemOf(id), `failed session lookup: index error: ${problem}`)
})
