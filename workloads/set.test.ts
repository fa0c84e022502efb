import t from 'tap'
import { resolvePlan } from '../harness/plan/resolve-plan.ts'
import { seededRandom } from '../node/base/random.ts'
import { set } from './set.ts'
import { memorySystem } from './testing.ts'
import type { SystemClient, Worker, WorkScope } from './workload.ts'

const plan = resolvePlan({ workload: 'set', ...set.defaults }, { env: 'simulated', drawSeed: () => 1, workloads: ['set'], nemeses: ['partition'], partitionTargets: [] })
const worker: Worker = { slot: 0, member: 'n1', process: 0 }
const scope: WorkScope = { plan, worker, clock: { zeroWallMs: 0, nowNs: () => 0, sleep: async () => {} }, memory: new Map() }
const perform = (client: SystemClient, f: string, key: string, value: unknown = null) => set.perform({ f, key, value }, client, scope)

t.test('operations: drawn by the seed, elements unique, both kinds of sets', async (t) => {
  const draw = (seed: number) => {
    const next = set.operations(plan, seededRandom(seed))
    return Array.from({ length: 3000 }, () => next(worker))
  }
  const drawn = draw(1)
  t.ok(JSON.stringify(drawn) === JSON.stringify(draw(1)))
  const elements = drawn.flatMap(({ value }) => value ?? [])
  t.equal(new Set(elements).size, elements.length)
  for (const f of ['add', 'read', 'churn']) t.ok(drawn.filter((operation) => operation.f === f).length > 100, f)
  t.ok(drawn.filter(({ f }) => f === 'churn').every(({ key }) => Number(key!.slice(1)) % 2 === 0))
  t.ok(drawn.some(({ f, key }) => f === 'add' && Number(key!.slice(1)) % 2 === 1))
})

t.test('a set of keys: each element one, listed by the prefix; those that come and go do not show', async (t) => {
  const system = memorySystem()
  t.same(await perform(system.client, 'add', 'k2', 7), { type: 'ok' })
  await system.client.write('k2/9~', '~')
  await perform(system.client, 'add', 'k20', 8)
  t.same(await perform(system.client, 'read', 'k2'), { type: 'ok', value: [7] })
  t.same(await perform(system.client, 'churn', 'k2', 11), { type: 'ok' })
  t.same(system.asked.slice(-2), ['write k2/11~', 'remove k2/11~'])
  await system.client.write('k2/12', '13')
  t.same(await perform(system.client, 'final-read', 'k2'), { type: 'ok', value: [7, '12=13'] }, 'what nobody can have written is for the checker to see')
})

t.test('a set in one key: added by compare-and-set', async (t) => {
  const system = memorySystem()
  await perform(system.client, 'add', 'k1', 7)
  await perform(system.client, 'add', 'k1', 8)
  t.same(await perform(system.client, 'read', 'k1'), { type: 'ok', value: [7, 8] })
  let once = true
  system.before = (request) => {
    if (!once || request !== 'compareAndSet k1') return
    once = false
    void system.client.write('k1', '7 8 9')
  }
  t.match(await perform(system.client, 'add', 'k1', 10), { type: 'fail', error: /no longer/ })
  t.equal(system.values.get('k1'), '7 8 9')
})

t.test('half of a coming and going may have happened', async (t) => {
  const { client } = memorySystem()
  const refusing = { ...client, deletes: { delete: async () => ({ type: 'fail', error: 'No cluster leader' }) as const } }
  t.match(await perform(refusing, 'churn', 'k2', 11), { type: 'info' })
})

t.test('at the end every set is read', async (t) => {
  const event = { time: 0, process: 0, type: 'invoke', f: 'add', value: 1 } as const
  t.same(set.finalOperations(plan, [{ ...event, index: 0, key: 'k3' }, { ...event, index: 1, key: 'k2' }, { ...event, index: 2, key: 'k3' }]), ['k3', 'k2'].map((key) => ({ f: 'final-read', key, value: null, consistency: 'consistent' })))
})
