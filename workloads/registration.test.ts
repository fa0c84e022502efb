import t from 'tap'
import { resolvePlan } from '../harness/plan/resolve-plan.ts'
import type { HistoryEvent } from '../harness/history/event.ts'
import { seededRandom } from '../node/base/random.ts'
import { registration } from './registration.ts'
import type { SystemClient, Worker, WorkScope } from './workload.ts'

const plan = resolvePlan({ ...registration.defaults, workload: 'registration', nemesis: ['none'] }, { env: 'simulated', drawSeed: () => 1, workloads: ['registration'], nemeses: [], partitionTargets: [] })

t.test('each id is registered once, by one slot, then reported and deregistered there; what may have happened is left alone', async (t) => {
  const next = registration.operations(plan, seededRandom(3))
  const owner = new Map<string, number>()
  const gone = new Set<string>()
  const ports = new Set<number>()
  const counts: Record<string, number> = {}
  const lastOf = new Map<number, string>()
  for (let i = 0; i < 6000; i++) {
    const slot = i % 5
    // Every fifteenth operation of slot 0 may have happened: the slot has a new worker then.
    const process = slot === 0 ? Math.floor(i / 75) * 5 : slot
    if (slot === 0 && i % 75 === 0 && lastOf.has(0)) gone.add(lastOf.get(0)!)
    const operation = next({ slot, member: 'n1', process })
    counts[operation.f] = (counts[operation.f] ?? 0) + 1
    lastOf.delete(slot)
    if (operation.f === 'instances' || operation.f === 'dns') continue
    const id = operation.key!
    lastOf.set(slot, id)
    if (operation.f === 'register') {
      const { port } = operation.value as { port: number }
      if (owner.has(id) || ports.has(port)) t.fail(`${id} again`)
      owner.set(id, slot)
      ports.add(port)
    } else if (owner.get(id) !== slot || gone.has(id)) t.fail(`${operation.f} of ${id} by slot ${slot}, of ${owner.get(id)}${gone.has(id) ? ', though it is left alone' : ''}`)
    if (operation.f === 'deregister') gone.add(id)
  }
  t.ok(['instances', 'dns', 'register', 'report', 'deregister'].every((f) => counts[f]! > 200), JSON.stringify(counts))
})

t.test('no more changes than agents can push, whatever the rate', async (t) => {
  const changesPerS = (more: object) => {
    const its = { ...plan, ...more }
    const next = registration.operations(its, seededRandom(4))
    const drawn = Array.from({ length: 4000 }, (_, i) => next({ slot: i % 9, member: 'n1', process: i % 9 }))
    return its.rate * drawn.filter(({ f }) => f !== 'instances' && f !== 'dns').length / drawn.length
  }
  t.ok(changesPerS({ rate: 50 }) > 15)
  t.ok(changesPerS({ rate: 2000 }) < 65)
  t.ok(changesPerS({ rate: 200, latencyMs: 200 }) < 5)
})

const event = (index: number, type: 'invoke' | 'ok' | 'fail' | 'info', f: string, key: string, value: unknown = null): HistoryEvent => ({ index, time: index, type, process: 0, f, key, value, node: 'n1' })
const service = (id: string, port: number, ttlMs: number | null) => ({ id, name: 'api', port, ttlMs })

t.test('at the end every name is looked at until it is as it must be', async (t) => {
  const history = [
    event(0, 'invoke', 'register', 'a', service('a', 1, null)), event(1, 'ok', 'register', 'a', service('a', 1, null)),
    event(2, 'invoke', 'register', 'b', service('b', 2, 3000)), event(3, 'ok', 'register', 'b', service('b', 2, 3000)),
    event(4, 'invoke', 'register', 'c', service('c', 3, null)), event(5, 'ok', 'register', 'c', service('c', 3, null)),
    event(6, 'invoke', 'deregister', 'c'), event(7, 'ok', 'deregister', 'c'),
    { index: 8, time: 8, type: 'info' as const, process: 'nemesis' as const, f: 'start-kill', value: { members: ['n2'] } },
    event(8, 'invoke', 'register', 'd', service('d', 4, null)), event(9, 'info', 'register', 'd', service('d', 4, null)),
  ]
  const [settle, ...reads] = registration.finalOperations(plan, history)
  t.match(settle, { f: 'settle', key: 'api', value: { critical: ['b'], passing: ['a'], gone: ['c'], ports: [1] } })
  t.same(reads.map(({ f, consistency }) => [f, consistency]), [['instances', 'consistent'], ['instances', 'stale'], ['dns', undefined]])
  t.ok((settle!.value as { untilMs: number }).untilMs > 159e3)
  const [inPeace] = registration.finalOperations(plan, history.filter(({ process }) => process !== 'nemesis'))
  t.ok((inPeace!.value as { untilMs: number }).untilMs < 20e3, 'where nothing was broken nothing has to be made up for')
  const emptied = registration.finalOperations(plan, [...history, { index: 10, time: 10, type: 'info', process: 'nemesis', f: 'start-damage', value: { members: ['n1'] } }])
  t.notOk(emptied.some(({ f }) => f === 'settle'), 'what may be lost with its disk is not waited for')

  let nowNs = 0
  const worker: Worker = { slot: 0, member: 'n1', process: 0 }
  const scope: WorkScope = { plan, worker, memory: new Map(), clock: { zeroWallMs: 0, nowNs: () => nowNs, sleep: async (ms) => { nowNs += ms * 1e6 } } }
  const instance = (id: string, status: string) => ({ id, node: 'n1', port: 1, status, nodeStatus: 'passing' })
  let looks = 0
  const client = {
    services: {
      async instances() {
        looks += 1
        return { type: 'ok', instances: looks < 5 ? [instance('c', 'passing')] : [instance('a', 'passing'), instance('b', 'critical')] }
      },
    },
  } as unknown as SystemClient
  t.match(await registration.perform(settle!, client, scope), { type: 'ok', value: { consistent: [{ id: 'a' }, { id: 'b' }], dns: null } })
  t.equal(looks, 6, 'two reads a look')
  looks = -1e9
  t.match(await registration.perform(settle!, client, scope), { type: 'ok', value: { consistent: [{ id: 'c' }] } })
  t.ok(nowNs > 159e9, 'longer than the checker allows')
  const askedNs = nowNs
  t.match(await registration.perform(settle!, client, scope), { type: 'ok' })
  t.equal(nowNs, askedNs, 'what one name waited for, all have waited for')
})

t.test('where no DNS is reached nothing is compared', async (t) => {
  const scope = { plan } as WorkScope
  t.same(await registration.perform({ f: 'dns', key: 'api', value: null }, { services: {} } as unknown as SystemClient, scope), { type: 'ok', value: null })
})
