import fc from 'fast-check'
import t from 'tap'
import { nemeses } from '../../nemesis/index.ts'
import { partitionShapes } from '../../nemesis/targets.ts'
import { workloads } from '../../workloads/index.ts'
import { parsePlanOptions, type PlanOptions } from './options.ts'
import { optionsOf } from './plan-options.ts'
import { readFaultScript } from './fault-script-file.ts'
import { resolvePlan } from './resolve-plan.ts'

const resolve = (options: PlanOptions) => resolvePlan(options, {
  env: options.env === 'docker' || options.env === 'local' ? options.env : 'simulated',
  drawSeed: () => 7,
  workloads: Object.keys(workloads),
  nemeses: Object.keys(nemeses),
  partitionTargets: partitionShapes,
  faultScript: options.faults === undefined ? null : readFaultScript(options.faults, '/'),
})

const families = Object.keys(nemeses).filter((name) => name !== 'firewall')
const arbitraryOptions: fc.Arbitrary<PlanOptions> = fc.record({
  env: fc.constantFrom('docker', 'local', 'simulated'),
  members: fc.integer({ min: 3, max: 9 }),
  workload: fc.constantFrom(...Object.keys(workloads)),
  nemesis: fc.oneof(fc.constant<string[]>(['all']), fc.constant<string[]>(['none']), fc.subarray(families, { minLength: 1 }), fc.constant<string[]>(['partition', 'firewall'])),
  atOnce: fc.integer({ min: 1, max: 5 }),
  faults: fc.constant('{"faults":[{"at":5,"for":3,"fault":"pause","target":"leader"}]}'),
  schedule: fc.constantFrom('random', 'fixed'),
  intensity: fc.constantFrom('0.1..1', '0.5', 1),
  interval: fc.integer({ min: 1, max: 100 }),
  timeLimit: fc.integer({ min: 1, max: 1000 }),
  rate: fc.integer({ min: 1, max: 1000 }),
  concurrency: fc.constantFrom('2n', 7, '9'),
  seed: fc.nat(),
  consistency: fc.constantFrom('default', 'consistent', 'stale'),
  keys: fc.integer({ min: 1, max: 50 }),
  opsPerKey: fc.integer({ min: 1, max: 500 }),
  operationTimeout: fc.integer({ min: 1, max: 9000 }),
  mutant: fc.constant('ack-before-quorum'),
  latency: fc.integer({ min: 0, max: 500 }),
  powerLoss: fc.boolean(),
  memberConfig: fc.constant({ raft: { lease_ms: 5 } }),
}, { requiredKeys: [] })

t.test('a plan is resolved again from its own options, whatever they were', async (t) => {
  fc.assert(fc.property(arbitraryOptions, (options) => {
    const plan = resolve(options)
    t.same(resolve(parsePlanOptions(JSON.parse(JSON.stringify(optionsOf(plan))), 'The plan')), plan)
  }), { numRuns: 300 })
})

t.test('so is the plan of another system', async (t) => {
  const plan = resolve({ env: 'docker', system: 'etcd', seed: 1 })
  t.same(resolve(parsePlanOptions(JSON.parse(JSON.stringify(optionsOf(plan))), 'The plan')), plan)
  t.equal(plan.system, 'etcd')
})
