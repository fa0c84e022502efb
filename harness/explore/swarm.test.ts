import t from 'tap'
import { seededRandom } from '../../node/base/random.ts'
import { nemeses } from '../../nemesis/index.ts'
import { partitionShapes } from '../../nemesis/targets.ts'
import { workloads } from '../../workloads/index.ts'
import type { PlanOptions } from '../plan/options.ts'
import { resolvePlan } from '../plan/resolve-plan.ts'
import { drawSwarmOptions } from './swarm.ts'

const families = Object.keys(nemeses)
const draw = (seed: number, said: PlanOptions = {}) => drawSwarmOptions(said, seededRandom(seed).split('swarm'), { nemeses: families, workloads: Object.keys(workloads) })
const many = Array.from({ length: 400 }, (_, seed) => draw(seed))

t.test('the same seed draws the same, other seeds other things', async (t) => {
  t.same(draw(5), draw(5))
  t.ok(new Set(many.map((options) => JSON.stringify(options))).size > 395)
})

t.test('each is a plan', async (t) => {
  for (const options of many) {
    const plan = resolvePlan({ ...options, env: 'simulated' }, { env: 'simulated', drawSeed: () => 1, workloads: Object.keys(workloads), nemeses: families, partitionTargets: partitionShapes })
    t.ok(plan.nemesis.length >= 1 && plan.nemesis.length <= Math.ceil(families.length / 2) + 1)
  }
})

t.test('every family is on in some and off in more', async (t) => {
  for (const family of families) {
    const on = many.filter(({ nemesis }) => nemesis!.includes(family)).length
    t.ok(on > 30 && on < 300, `${family} in ${on} of 400`)
  }
})

t.test('what the user said stays, and changes nothing else', async (t) => {
  for (let seed = 0; seed < 50; seed++) {
    const { members, nemesis, ...rest } = draw(seed, { members: 4, nemesis: ['kill'] })
    t.equal(members, 4)
    t.same(nemesis, ['kill'])
    const { members: _members, nemesis: _nemesis, ...others } = draw(seed)
    t.same(rest, others)
  }
})
