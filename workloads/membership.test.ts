import t from 'tap'
import type { Environment } from '../harness/environments/environment.ts'
import { resolvePlan } from '../harness/plan/resolve-plan.ts'
import { seededRandom } from '../node/base/random.ts'
import { membership } from './membership.ts'
import type { MemberView } from './ports/members.ts'
import type { SystemClient, WorkScope } from './workload.ts'

const plan = resolvePlan({ ...membership.defaults, workload: 'membership', nemesis: ['none'] }, { env: 'simulated', drawSeed: () => 1, workloads: ['membership'], nemeses: [], partitionTargets: [] })
const alive: MemberView[] = ['n1', 'n2', 'n3'].map((name) => ({ name, status: 'alive' }))
const oneFailed: MemberView[] = [...alive.slice(0, 2), { name: 'n3', status: 'failed' }]

/** A clock that stands but for sleeps. */
function scopeOf(): WorkScope & { readonly slept: number[] } {
  const slept: number[] = []
  let nowNs = 0
  return {
    plan, worker: { slot: 0, member: 'n1', process: 0 }, memory: new Map(), slept,
    clock: { zeroWallMs: 0, nowNs: () => nowNs, sleep: async (ms) => { slept.push(ms); nowNs += ms * 1e6 } },
  }
}
const seeing = (...views: (MemberView[] | string)[]): SystemClient => ({
  members: {
    async view() {
      const next = views.length > 1 ? views.shift()! : views[0]!
      return typeof next === 'string' ? { type: 'fail', error: next } : { type: 'ok', members: next }
    },
  },
}) as unknown as SystemClient

t.test('a look is a view by name', async (t) => {
  const operation = membership.operations(plan, seededRandom(1))({ slot: 0, member: 'n1', process: 0 })
  t.same(await membership.perform(operation, seeing(oneFailed), scopeOf()), { type: 'ok', value: { n1: 'alive', n2: 'alive', n3: 'failed' } })
  t.match(await membership.perform(operation, seeing('nobody there'), scopeOf()), { type: 'fail' })
})

t.test('settle looks until all are alive, or longer than the checker allows', async (t) => {
  const [settle] = membership.finalOperations(plan, [])
  const soon = scopeOf()
  t.match(await membership.perform(settle!, seeing('refused', oneFailed, alive), soon), { type: 'ok', value: { view: { n3: 'alive' } } })
  t.equal(soon.slept.length, 2)
  const never = scopeOf()
  const last = await membership.perform(settle!, seeing(oneFailed), never)
  t.match(last, { type: 'ok', value: { view: { n3: 'failed' } } })
  t.ok((last as { value: { askedNs: number } }).value.askedNs > 77e9, 'the last look is one that counts')
})

t.test('one member alone, and an environment without gossip, are refused with a sentence', async (t) => {
  const environment = (members: string[], traffics: string[] | undefined) => ({ kind: 'local', members, cutLinks: { traffics } }) as unknown as Environment
  t.match(membership.missing!(environment(['n1'], ['all', 'gossip'])), /alone/)
  t.match(membership.missing!(environment(['n1', 'n2'], undefined)), /do not gossip in environment local/)
  t.equal(membership.missing!(environment(['n1', 'n2'], ['all', 'gossip'])), null)
})

t.test('where a round trip takes longer than a probe waits, nothing is judged', async (t) => {
  t.match(await membership.check([], { ...plan, latencyMs: 100 }, { members: ['n1', 'n2', 'n3'], faults: [] }), { verdict: 'unknown', summary: /round trip takes 200 ms/ })
})
