import t from 'tap'
import { resolvePlan } from '../harness/plan/resolve-plan.ts'
import { seededRandom } from '../node/base/random.ts'
import { lock } from './lock.ts'
import type { SessionClient } from './ports/sessions.ts'
import type { Operation, SystemClient, Worker, WorkScope } from './workload.ts'

const plan = resolvePlan({ ...lock.defaults, workload: 'lock' }, { env: 'simulated', drawSeed: () => 1, workloads: ['lock'], nemeses: ['partition'], partitionTargets: [] })
const worker: Worker = { slot: 0, member: 'n1', process: 0 }

/** Time that passes only by sleeping. */
function scopeOf(): WorkScope & { readonly sleptMs: () => number } {
  let nowMs = 0
  return { plan, worker, memory: new Map(), sleptMs: () => nowMs, clock: { zeroWallMs: 0, nowNs: () => nowMs * 1e6, sleep: async (ms) => { nowMs += ms } } }
}

/** A member on which everything succeeds but what `answers` says otherwise; remembers what was asked. */
function member(answers: Partial<SessionClient> = {}, kv: Partial<SystemClient> = {}) {
  const asked: string[] = []
  let made = 0
  const fine: SessionClient = {
    create: async () => ({ type: 'ok', session: `s${++made}` }),
    renew: async () => ({ type: 'ok', known: true }),
    destroy: async () => ({ type: 'ok' }),
    acquire: async () => ({ type: 'ok', held: true, known: true }),
    release: async () => ({ type: 'ok', released: true }),
    read: async () => ({ type: 'ok', lock: { value: '7', session: 's1', lockIndex: 1, version: 10 } }),
    ...answers,
  }
  const logged = <F extends (...args: any[]) => unknown>(name: string, f: F) => ((...args: any[]) => {
    asked.push([name, ...args.filter((arg) => typeof arg === 'string')].join(' '))
    return f(...args)
  }) as F
  const sessions = Object.fromEntries(Object.entries(fine).map(([name, f]) => [name, logged(name, f)])) as unknown as SessionClient
  const client = {
    sessions,
    read: logged('get', kv.read ?? (async () => ({ type: 'ok' as const, value: '3', version: 5 }))),
    write: logged('put', kv.write ?? (async () => ({ type: 'ok' as const }))),
  } as unknown as SystemClient
  return { asked, client }
}

const spec = { ttlMs: 10_000, lockDelayMs: 0, behavior: 'release', endsWithMember: false } as const
const acquire: Operation = { f: 'acquire', key: 'k', value: { token: '9', spec } }

t.test('the same seed draws the same operations; all kinds occur; tokens are unique', async (t) => {
  const draw = (seed: number) => {
    const next = lock.operations(plan, seededRandom(seed))
    return Array.from({ length: 4000 }, (_, i) => next({ ...worker, slot: i % 6 }))
  }
  t.same(draw(1), draw(1))
  const drawn = draw(2)
  t.same([...new Set(drawn.map(({ f }) => f))].sort(), ['abandon', 'acquire', 'destroy', 'guard', 'read', 'release', 'renew'])
  const tokens = drawn.flatMap(({ value }) => (value as { token?: string } | null)?.token ?? [])
  t.equal(new Set(tokens).size, tokens.length)
  const keys = Map.groupBy(drawn.filter(({ key }) => key !== undefined), ({ key }) => key)
  t.ok([...keys.values()].every((its) => its.length <= plan.opsPerKey))
})

t.test('a session is made where there is none, and used from then on', async (t) => {
  const scope = scopeOf()
  const { client, asked } = member()
  t.same(await lock.perform(acquire, client, scope), { type: 'ok', value: { session: 's1', token: '9', created: spec, held: true, known: true } })
  t.same(await lock.perform(acquire, client, scope), { type: 'ok', value: { session: 's1', token: '9', held: true, known: true } })
  t.same(await lock.perform({ f: 'guard', key: 'k', value: { token: '11' } }, client, scope), { type: 'ok', value: { session: 's1', from: '3', to: '11' } })
  t.same(await lock.perform({ f: 'release', key: 'k', value: { token: '12' } }, client, scope), { type: 'ok', value: { session: 's1', token: '12', released: true } })
  t.match(await lock.perform({ f: 'guard', key: 'k', value: { token: '13' } }, client, scope), { type: 'fail', error: /does not hold k/ })
  t.same(asked, ['create', 'acquire k s1 9', 'acquire k s1 9', 'get guarded-by-k consistent', 'put guarded-by-k 11', 'release k s1 12'])
})

t.test('without a session nothing is done', async (t) => {
  const { client, asked } = member()
  for (const f of ['release', 'guard', 'renew', 'destroy', 'abandon']) t.match(await lock.perform({ f, key: 'k', value: { token: '1' } }, client, scopeOf()), { type: 'fail', error: /no session/ })
  t.same(asked, [])
  t.match(await lock.perform(acquire, member({ create: async () => ({ type: 'info', error: 'lost' }) }).client, scopeOf()), { type: 'fail', error: /no session: lost/ }, 'what may have been made holds nothing')
})

t.test('what may have happened says which session it was about', async (t) => {
  const scope = scopeOf()
  const lost = { type: 'info', error: 'lost' } as const
  const { client } = member({ acquire: async () => lost, release: async () => lost, renew: async () => lost, destroy: async () => lost })
  t.same(await lock.perform(acquire, client, scope), { ...lost, value: { session: 's1', token: '9', created: spec } })
  t.same(await lock.perform({ f: 'release', key: 'k', value: { token: '12' } }, client, scope), { ...lost, value: { session: 's1', token: '12' } })
  t.same(await lock.perform({ f: 'renew', value: null }, client, scope), { ...lost, value: { session: 's1' } })
  t.match(await lock.perform({ f: 'guard', key: 'k', value: { token: '13' } }, client, scope), { type: 'fail' }, 'who may hold the lock does nothing under it')
  t.same(await lock.perform({ f: 'destroy', value: null }, client, scope), { ...lost, value: { session: 's1' } })
  t.match(await lock.perform({ f: 'renew', value: null }, client, scope), { type: 'fail', error: /no session/ }, 'a session that may be gone is not used again')
})

t.test('an acquisition that failed with a session made before still tells of that', async (t) => {
  const { client } = member({ acquire: async () => ({ type: 'fail', error: 'No cluster leader' }) })
  const scope = scopeOf()
  t.same(await lock.perform(acquire, client, scope), { type: 'ok', value: { session: 's1', token: '9', created: spec, held: false, known: true } })
  t.match(await lock.perform(acquire, client, scope), { type: 'fail' })
})

t.test('a session that is not known any more is forgotten; so is one that is abandoned', async (t) => {
  for (const [f, answers] of [['renew', { renew: async () => ({ type: 'ok', known: false }) }], ['abandon', {}]] as [string, Partial<SessionClient>][]) {
    const scope = scopeOf()
    const { client } = member(answers)
    await lock.perform(acquire, client, scope)
    t.match(await lock.perform({ f, value: null }, client, scope), { type: 'ok', value: { session: 's1' } })
    t.match(await lock.perform(acquire, client, scope), { value: { session: 's2', created: spec } })
  }
})

t.test('at the end each lock that was touched is read and waited for', async (t) => {
  const at = { time: 0, type: 'invoke', process: 0, f: 'acquire', value: null } as const
  const operations = lock.finalOperations(plan, [{ ...at, index: 0, key: 'b' }, { ...at, index: 1, key: 'a' }, { ...at, index: 2, f: 'renew' }])
  t.same(operations.map(({ f, key }) => `${f} ${key}`), ['read b', 'read a', 'cycle b', 'cycle a'])

  let refusals = 8
  const { client, asked } = member({ acquire: async () => ({ type: 'ok', held: --refusals < 0, known: true }) })
  const scope = scopeOf()
  t.match(await lock.perform({ f: 'cycle', key: 'k', value: null }, client, scope), { type: 'ok', value: { session: 's1', held: true, waitedMs: 2000 } })
  t.same(asked.slice(-2), ['release k s1 k/n1/released', 'destroy s1'])

  const never = scopeOf()
  t.match(await lock.perform({ f: 'cycle', key: 'k', value: null }, member({ acquire: async () => ({ type: 'ok', held: false, known: true }) }).client, never), { type: 'ok', value: { held: false } })
  t.ok(never.sleptMs() >= 2 * 2 * 10_000 + 4000, 'as long as the bound says')
})
