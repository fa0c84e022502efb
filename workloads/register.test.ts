import t from 'tap'
import { resolvePlan } from '../harness/plan/resolve-plan.ts'
import { seededRandom } from '../node/base/random.ts'
import { register } from './register.ts'
import type { KvClient, Operation, Worker, WorkScope } from './workload.ts'

const plan = resolvePlan({ keys: 4, opsPerKey: 50 }, { env: 'simulated', drawSeed: () => 1, workloads: ['register'], nemeses: ['partition'], partitionTargets: [] })
const worker: Worker = { slot: 0, member: 'n1', process: 0 }
const scope: WorkScope = { plan, worker, clock: { zeroWallMs: 0, nowNs: () => 0, sleep: async () => {} }, memory: new Map() }
const draw = (seed: number, count: number) => {
  const next = register.operations(plan, seededRandom(seed))
  return Array.from({ length: count }, () => next(worker))
}
const written = ({ f, value }: Operation) => f === 'write' ? [value as number] : f === 'cas' ? [(value as number[])[1]!] : []

t.test('the same seed draws the same operations, another seed others', async (t) => {
  t.same(draw(1, 500), draw(1, 500))
  t.strictNotSame(draw(1, 500), draw(2, 500))
})

t.test('values are unique over the run, whichever operation writes them', async (t) => {
  const values = draw(3, 5000).flatMap(written)
  t.equal(new Set(values).size, values.length)
})

t.test('a few keys at a time, each for a bounded number of operations', async (t) => {
  const operations = draw(4, 5000)
  const counts = new Map<string, number>()
  for (const { key } of operations) counts.set(key!, (counts.get(key!) ?? 0) + 1)
  t.ok(Math.max(...counts.values()) <= 50)
  t.ok(counts.size >= 5000 / 50)
  for (let at = 0; at < operations.length; at += 25) {
    t.ok(new Set(operations.slice(at, at + 25).map(({ key }) => key)).size <= 8, 'four in use, at most four replaced within 25')
  }
})

t.test('all kinds occur, and done one after the other most compare-and-sets succeed', async (t) => {
  const state = new Map<string, number>()
  const counts = { read: 0, write: 0, swapped: 0, kept: 0 }
  for (const operation of draw(5, 5000)) {
    if (operation.f === 'read') counts.read += 1
    else if (operation.f === 'write') {
      counts.write += 1
      state.set(operation.key!, operation.value as number)
    } else {
      const [expected, next] = operation.value as [number, number]
      const swaps = state.get(operation.key!) === expected
      counts[swaps ? 'swapped' : 'kept'] += 1
      if (swaps) state.set(operation.key!, next)
    }
  }
  t.ok(counts.read > 1500 && counts.write > 1000, JSON.stringify(counts))
  t.ok(counts.swapped > counts.kept, JSON.stringify(counts))
})

/** A client whose answers are given, which remembers what was asked. */
function scripted(answers: Partial<KvClient>) {
  const asked: unknown[][] = []
  const method = (name: keyof KvClient) => async (...args: unknown[]) => {
    asked.push([name, ...args])
    return (answers[name] as (...args: unknown[]) => unknown)(...args)
  }
  return { asked, client: { read: method('read'), write: method('write'), compareAndSet: method('compareAndSet') } as unknown as KvClient }
}

const cas: Operation = { f: 'cas', key: 'k', value: [4, 5] }

t.test('compare-and-set: read, then swap on the version that was read', async (t) => {
  const { client, asked } = scripted({ read: async () => ({ type: 'ok', value: '4', version: 17 }), compareAndSet: async () => ({ type: 'ok', swapped: true }) })
  t.same(await register.perform(cas, client, scope), { type: 'ok' })
  t.same(asked, [['read', 'k', 'consistent'], ['compareAndSet', 'k', '5', 17]])
})

t.test('compare-and-set: what certainly did not happen fails, what may have is info', async (t) => {
  const perform = (answers: Partial<KvClient>) => register.perform(cas, scripted(answers).client, scope)
  const four = { read: async () => ({ type: 'ok' as const, value: '4', version: 17 }) }
  t.match(await perform({ read: async () => ({ type: 'ok', value: '3', version: 17 }) }), { type: 'fail', error: /is 3, not 4/ })
  t.match(await perform({ read: async () => ({ type: 'ok', value: null, version: null }) }), { type: 'fail' })
  t.match(await perform({ read: async () => ({ type: 'info', error: 'lost' }) }), { type: 'fail' }, 'nothing was written yet')
  t.match(await perform({ ...four, compareAndSet: async () => ({ type: 'ok', swapped: false }) }), { type: 'fail' })
  t.match(await perform({ ...four, compareAndSet: async () => ({ type: 'fail', error: 'No cluster leader' }) }), { type: 'fail' })
  t.match(await perform({ ...four, compareAndSet: async () => ({ type: 'info', error: 'lost' }) }), { type: 'info' })
})

t.test('a value that nobody can have written is recorded as it is', async (t) => {
  const { client } = scripted({ read: async () => ({ type: 'ok', value: 'garbage', version: 3 }) })
  t.same(await register.perform({ f: 'read', key: 'k', value: null }, client, scope), { type: 'ok', value: 'garbage', version: 3 })
})

t.test('at the end every key that was used is read, consistently', async (t) => {
  const at = { time: 0, type: 'invoke', process: 0, f: 'read', value: null } as const
  const operations = register.finalOperations(plan, [{ ...at, index: 0, key: 'b' }, { ...at, index: 1, key: 'a' }, { ...at, index: 2, key: 'b' }])
  t.same(operations.map(({ f, key, consistency }) => [f, key, consistency]), [['read', 'b', 'consistent'], ['read', 'a', 'consistent']])
})

t.test('stale reads are labelled, not called invalid; a value that was never committed is', async (t) => {
  const at = (index: number, process: number, type: 'invoke' | 'ok', f: string, value: unknown, version?: number) => ({ index, time: index, process, type, f, key: 'k', value, ...version === undefined ? {} : { version } })
  const history = (read: unknown) => [
    at(0, 0, 'invoke', 'write', 1), at(1, 0, 'ok', 'write', 1), at(2, 0, 'invoke', 'write', 2), at(3, 0, 'ok', 'write', 2),
    at(4, 1, 'invoke', 'read', null), at(5, 1, 'ok', 'read', read, 5),
  ]
  const judge = async (consistency: 'stale' | 'default' | 'consistent', read: unknown) =>
    [await register.check(history(read), { ...plan, consistency }, { members: [], faults: [] })].flat().map(({ checker, verdict }) => [checker, verdict])
  t.same(await judge('stale', 1), [['linearizability', 'valid'], ['consistency-modes', 'valid']])
  t.same(await judge('stale', 7), [['linearizability', 'valid'], ['consistency-modes', 'invalid']])
  t.same(await judge('default', 1), [['linearizability', 'invalid'], ['consistency-modes', 'valid']])
  t.same(await judge('consistent', 1), [['linearizability', 'invalid']])
})
