import t from 'tap'
import { resolvePlan } from '../harness/plan/resolve-plan.ts'
import { seededRandom } from '../node/base/random.ts'
import type { WatchClient } from './ports/watches.ts'
import { watch } from './watch.ts'
import type { Operation, SystemClient, WorkScope } from './workload.ts'

const planOf = (more: object = {}) => resolvePlan({ ...watch.defaults, workload: 'watch', ...more }, { env: 'simulated', drawSeed: () => 1, workloads: ['watch'], nemeses: ['partition'], partitionTargets: [] })
const plan = planOf()
const scope = (): WorkScope => ({ plan, worker: { slot: 0, member: 'n1', process: 0 }, memory: new Map(), clock: { zeroWallMs: 0, nowNs: () => 0, sleep: async () => {} } })

const draw = (seed: number, of = plan, count = 3000) => {
  const next = watch.operations(of, seededRandom(seed))
  return Array.from({ length: count }, (_, i) => ({ slot: i % of.concurrency, operation: next({ slot: i % of.concurrency, member: 'n1', process: 0 }) }))
}

t.test('the first half of the workers watches, the others write and delete', async (t) => {
  t.same(draw(1), draw(1))
  const drawn = draw(2)
  const waits = (value: unknown) => (value as { waitMs: number } | null)?.waitMs ?? 0
  t.ok(drawn.every(({ slot, operation: { f, value } }) => (f === 'wait' && waits(value) > 0) === (slot < 3)), 'though the others look as well')
  const written = drawn.filter(({ operation: { f } }) => f === 'write').map(({ operation: { value } }) => value)
  t.equal(new Set(written).size, written.length, 'values are unique')
  for (const f of ['write', 'delete', 'wait']) t.ok(drawn.some(({ operation }) => operation.f === f), f)
  t.equal(new Set(drawn.filter(({ operation: { f } }) => f === 'wait').map(({ operation: { key } }) => key)).size, 5, 'every prefix is watched')
  t.same([...new Set(draw(3, planOf({ concurrency: 1 })).map(({ operation: { f } }) => f))].sort(), ['delete', 'wait', 'write'], 'one worker alone does both')
})

t.test('a wait leaves room in the time that an operation may take', async (t) => {
  for (const operationTimeout of [500, 6000]) {
    const waits = draw(4, planOf({ operationTimeout })).flatMap(({ operation: { f, value } }) => f === 'wait' && (value as { waitMs: number }).waitMs > 0 ? [(value as { waitMs: number }).waitMs] : [])
    t.ok(Math.max(...waits) <= operationTimeout * 0.6 && Math.min(...waits) >= 1)
  }
})

/** A member whose waits are answered in turn. */
function member(answers: readonly Awaited<ReturnType<WatchClient['wait']>>[]) {
  const asked: unknown[][] = []
  const left = [...answers]
  const client = {
    watches: { wait: async (...args: unknown[]) => { asked.push(args); return left.shift() } },
    deletes: { delete: async () => ({ type: 'fail', error: 'No cluster leader' }) },
    write: async () => ({ type: 'info', error: 'lost' }),
  } as unknown as SystemClient
  return { client, asked }
}

const wait: Operation = { f: 'wait', key: 'p/', value: { waitMs: 700, consistency: 'consistent' } }

t.test('a watcher goes on from the index that it was told, and begins anew when that went back', async (t) => {
  const entries = [{ key: 'p/a', value: '7', version: 10 }, { key: 'p/b', value: 'garbage', version: 11 }]
  const { client, asked } = member([{ type: 'ok', index: 12, entries }, { type: 'fail', error: 'lost' }, { type: 'ok', index: 5, entries: [] }, { type: 'ok', index: 6, entries: [] }])
  const its = scope()
  t.same(await watch.perform(wait, client, its), { type: 'ok', value: { since: 0, waitMs: 700, consistency: 'consistent', index: 12, entries: [['p/a', 7, 10], ['p/b', 'garbage', 11]] } })
  t.match(await watch.perform(wait, client, its), { type: 'fail' })
  t.match(await watch.perform(wait, client, its), { type: 'ok', value: { since: 12, index: 5 } })
  t.match(await watch.perform(wait, client, its), { type: 'ok', value: { since: 0, index: 6 } })
  t.same(asked.map(([prefix, since]) => [prefix, since]), [['p/', 0], ['p/', 12], ['p/', 12], ['p/', 0]])
})

t.test('who looks does not wait, and leaves what a watcher remembers as it is', async (t) => {
  const answer = (index: number) => ({ type: 'ok', index, entries: [] } as const)
  const { client, asked } = member([answer(12), answer(20), answer(21)])
  const its = scope()
  const look: Operation = { f: 'wait', key: 'p/', value: { waitMs: 0, consistency: 'consistent' } }
  for (const operation of [wait, look, wait]) await watch.perform(operation, client, its)
  t.same(asked.map(([, since]) => since), [0, 0, 12])
})

t.test('changes end as their answers say', async (t) => {
  const { client } = member([])
  t.match(await watch.perform({ f: 'write', key: 'p/a', value: 1 }, client, scope()), { type: 'info', error: 'lost' })
  t.match(await watch.perform({ f: 'delete', key: 'p/a', value: null }, client, scope()), { type: 'fail' })
})

t.test('at the end all that was watched is looked at, consistently', async (t) => {
  const operations = watch.finalOperations(plan, [])
  t.equal(operations.length, 5)
  t.ok(operations.every(({ f, value }) => f === 'wait' && (value as { consistency: string }).consistency === 'consistent'))
})
