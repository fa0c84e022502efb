import t from 'tap'
import { resolvePlan } from '../harness/plan/resolve-plan.ts'
import { seededRandom } from '../node/base/random.ts'
import { append } from './append.ts'
import { memorySystem } from './testing.ts'
import type { SystemClient, Worker, WorkScope } from './workload.ts'

const plan = resolvePlan({ workload: 'append', ...append.defaults }, { env: 'simulated', drawSeed: () => 1, workloads: ['append'], nemeses: ['partition'], partitionTargets: [] })
const worker: Worker = { slot: 0, member: 'n1', process: 0 }
const scope: WorkScope = { plan, worker, clock: { zeroWallMs: 0, nowNs: () => 0, sleep: async () => {} }, memory: new Map() }
const txn = (...value: unknown[]) => ({ f: 'txn', value })
const perform = (client: SystemClient, ...value: unknown[]) => append.perform(txn(...value), client, scope)

t.test('operations: drawn by the seed, elements unique, lists of bounded length, transactions that meet', async (t) => {
  const draw = (seed: number) => {
    const next = append.operations(plan, seededRandom(seed))
    return Array.from({ length: 2000 }, () => next(worker).value as [string, string, number | null][])
  }
  const drawn = draw(1)
  t.ok(JSON.stringify(drawn) === JSON.stringify(draw(1)))
  t.ok(JSON.stringify(drawn) !== JSON.stringify(draw(2)))
  const appends = drawn.flat().filter(([f]) => f === 'append')
  t.equal(new Set(appends.map(([, , element]) => element)).size, appends.length)
  const perKey = new Map<string, number>()
  for (const [, key] of drawn.flat()) perKey.set(key, (perKey.get(key) ?? 0) + 1)
  t.ok(Math.max(...perKey.values()) <= plan.opsPerKey)
  t.ok(drawn.some((micros) => new Set(micros.map(([, key]) => key)).size > 2), 'over several lists')
  t.ok(drawn.some((micros) => micros.every(([f]) => f === 'r')) && drawn.some((micros) => micros.every(([f]) => f === 'append')))
})

t.test('a transaction over several keys: read at one moment, then cas on what is written', async (t) => {
  const system = memorySystem()
  t.same(await perform(system.client, ['append', 'x', 1], ['r', 'y', null], ['r', 'x', null]), { type: 'ok', value: [['append', 'x', 1], ['r', 'y', []], ['r', 'x', [1]]] })
  t.same(await perform(system.client, ['r', 'x', null], ['append', 'y', 3], ['append', 'y', 4]), { type: 'ok', value: [['r', 'x', [1]], ['append', 'y', 3], ['append', 'y', 4]] })
  t.same(system.asked, ['transact get:x get:y', 'transact cas:x get:y', 'transact get:x get:y', 'transact check:x cas:y'], 'both ways of reading what is not written')
  t.same(Object.fromEntries(system.values), { x: '1', y: '3 4' })
})

t.test('one key: by the plain API, or by a transaction', async (t) => {
  const system = memorySystem()
  await perform(system.client, ['append', 'x', 2])
  await perform(system.client, ['append', 'x', 3])
  t.same(await perform(system.client, ['r', 'x', null]), { type: 'ok', value: [['r', 'x', [2, 3]]] })
  t.same(system.asked, ['read x', 'compareAndSet x', 'read x', 'transact cas:x', 'read x'])
})

t.test('whoever was overtaken is aborted, and nothing of it is done', async (t) => {
  const system = memorySystem()
  let meanwhile = true
  system.before = (request) => {
    if (!meanwhile || !request.includes('cas:')) return
    meanwhile = false
    void system.client.write('y', '7')
  }
  t.match(await perform(system.client, ['append', 'x', 2], ['append', 'y', 3]), { type: 'fail', error: /y has changed/ })
  t.same(Object.fromEntries(system.values), { y: '7' })
  // Elements 5 mod 4 = 1: read again by the write itself, which then shows what others did.
  meanwhile = true
  system.before = (request) => {
    if (!meanwhile || !request.includes('cas:')) return
    meanwhile = false
    void system.client.write('y', '7 8')
  }
  t.same(await perform(system.client, ['append', 'x', 5], ['r', 'y', null]), { type: 'ok', value: [['append', 'x', 5], ['r', 'y', [7, 8]]] })
})

t.test('what went wrong before the write did not happen; the write itself may have', async (t) => {
  const { client } = memorySystem()
  const lost = async () => ({ type: 'info', error: 'lost' }) as const
  t.match(await perform({ ...client, transactions: { operationsMax: 64, transact: lost } }, ['append', 'x', 1], ['append', 'y', 2]), { type: 'fail', error: /read before/ })
  t.match(await perform({ ...client, read: lost }, ['append', 'x', 1]), { type: 'fail' })
  t.match(await perform({ ...client, transactions: { operationsMax: 64, transact: lost } }, ['append', 'x', 3]), { type: 'info' })
  t.match(await perform({ ...client, compareAndSet: lost }, ['append', 'x', 2]), { type: 'info' })
})

t.test('at the end every list that was used is read', async (t) => {
  const history = Array.from({ length: 40 }, (_, i) => ({ index: i, time: 0, process: i, type: 'invoke' as const, f: 'txn', value: [['append', `k${i}`, i], ['r', 'k0', null]] }))
  const operations = append.finalOperations(plan, history)
  t.ok(operations.every(({ f, consistency, value }) => f === 'final-txn' && consistency === 'consistent' && (value as unknown[]).length <= 16))
  t.same(operations.flatMap(({ value }) => (value as [string, string, null][]).map(([, key]) => key)), Array.from({ length: 40 }, (_, i) => `k${i}`))
})

t.test('what nobody can have written is read as it is, and the checker sees it', async (t) => {
  const system = memorySystem()
  await system.client.write('x', '1 garbage')
  const read = await perform(system.client, ['r', 'x', null])
  t.same(read, { type: 'ok', value: [['r', 'x', [1, 'garbage']]] })
  const event = { time: 0, process: 0, f: 'txn' }
  const results = await append.check([
    { ...event, index: 0, type: 'invoke', value: [['r', 'x', null]] },
    { ...event, index: 1, type: 'ok', value: [['r', 'x', [1, 'garbage']]] },
  ], plan, { members: ['n1'], faults: [] })
  t.match(results, { verdict: 'invalid', summary: /garbage-read/ })
})
