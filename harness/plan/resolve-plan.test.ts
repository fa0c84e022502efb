import t from 'tap'
import { parsePlanOptions, type PlanOptions } from './options.ts'
import { chooseEnvironment } from './choose-environment.ts'
import { rerunCommand } from './rerun.ts'
import { resolveConcurrency, resolvePlan } from './resolve-plan.ts'
import { UsageError } from './usage-error.ts'

const surroundings = {
  env: 'local' as const,
  drawSeed: () => 99,
  workloads: ['register', 'set'],
  nemeses: ['partition', 'kill'],
  partitionTargets: [{ name: 'halves', membersMin: 2 }, { name: 'bridge', membersMin: 3 }],
}
const resolve = (options: PlanOptions) => resolvePlan(options, surroundings)

t.test('nothing said: every field has its default', async (t) => {
  const plan = resolve({})
  t.match(plan, { env: 'local', members: 3, workload: 'register', nemesis: ['partition'], concurrency: 6, seed: 99, timeLimitS: 30, mutant: null })
  t.same(plan.partitionTargets, ['halves', 'bridge'])
  t.notOk(Object.values(plan).includes(undefined as never), 'complete')
})

t.test('what is said is taken, the seed 0 too', async (t) => {
  const plan = resolve({ members: 5, concurrency: '3n', seed: 0, nemesis: ['none'], latency: 10 })
  t.match(plan, { members: 5, concurrency: 15, seed: 0, nemesis: [], partitionTargets: [], latencyMs: 10 })
})

t.test('one member alone has no partition by default', async (t) => {
  t.same(resolve({ members: 1 }).nemesis, [])
})

t.test('shapes by default are those that fit', async (t) => {
  t.same(resolve({ members: 2 }).partitionTargets, ['halves'])
})

t.test('relations that do not hold are refused in a sentence that says what there is', async (t) => {
  const refused: [PlanOptions, RegExp][] = [
    [{ members: 0 }, /1 to 9/],
    [{ members: 10 }, /1 to 9/],
    [{ workload: 'lists' }, /register, set/],
    [{ nemesis: ['gremlins'] }, /partition, kill, all, none/],
    [{ nemesis: ['none', 'kill'] }, /stands alone/],
    [{ nemesis: ['kill', 'kill'] }, /once/],
    [{ targets: ['thirds'] }, /halves, bridge/],
    [{ targets: [] }, /halves, bridge/],
    [{ targets: ['bridge'], members: 2 }, /at least 3 members/],
    [{ targets: ['halves'], nemesis: ['kill'] }, /add --nemesis partition/],
    [{ concurrency: 'many' }, /2n/],
    [{ concurrency: 0 }, /at least one worker/],
    [{ concurrency: 1e6 }, /at most/],
    [{ latency: 1e6 }, /at most/],
  ]
  for (const [options, sentence] of refused) {
    t.throws(() => resolve(options), { name: 'UsageError', message: sentence }, JSON.stringify(options))
  }
})

t.test('concurrency', async (t) => {
  t.equal(resolveConcurrency('2n', 5), 10)
  t.equal(resolveConcurrency('n', 5), 5)
  t.equal(resolveConcurrency(7, 5), 7)
})

t.test('types and ranges of single options', async (t) => {
  t.same(parsePlanOptions({ nemesis: 'partition, kill' }, 'x').nemesis, ['partition', 'kill'])
  for (const wrong of [{ rate: -1 }, { rate: 'fast' }, { seed: 1.5 }, { seed: 2 ** 32 }, { memory: 3 }, { env: 'cloud' }, { keys: 0 }, { memberConfig: [] }]) {
    t.throws(() => parsePlanOptions(wrong, 'The command line'), UsageError, JSON.stringify(wrong))
  }
  t.throws(() => parsePlanOptions({ memory: 3 }, 'x'), { message: /checkMemory/ }, 'an unknown name is answered with the known ones')
})

t.test('the rerun command says the seed, the environment, and what is not by default', async (t) => {
  const plan = resolve({ members: 5, mutant: "a b's.json", memberConfig: { raft: { x: 1 } }, powerLoss: true, nemesis: ['kill'] })
  const command = rerunCommand(plan)
  for (const part of ['--env local', '--seed 99', '--members 5', `--mutant 'a b'\\''s.json'`, `--member-config '{"raft":{"x":1}}'`, '--power-loss', '--nemesis kill', '--config none']) {
    t.ok(command.includes(part), `${part} in ${command}`)
  }
  t.notOk(command.includes('--check-memory'))
})

t.test('auto takes docker when an engine answers, else local, and says why', async (t) => {
  t.match(await chooseEnvironment('auto', async () => ({ available: true })), { kind: 'docker', why: /an engine answers/ })
  t.match(await chooseEnvironment('auto', async () => ({ available: false, reason: 'no socket' })), { kind: 'local', why: /no socket/ })
  t.match(await chooseEnvironment('simulated', () => Promise.reject(new Error('not asked'))), { kind: 'simulated' })
})

t.test('other systems run in containers alone, and have no source to edit', async (t) => {
  const inDocker = { ...surroundings, env: 'docker' as const }
  t.match(resolvePlan({ system: 'etcd' }, inDocker), { system: 'etcd', env: 'docker' })
  t.match(rerunCommand(resolvePlan({ system: 'consul' }, inDocker)), / --system consul /)
  t.notMatch(rerunCommand(resolve({})), /--system/)
  t.throws(() => resolve({ system: 'consul', env: 'local' }), { name: 'UsageError', message: /--system consul runs in containers, and --env local runs this project's registry only\. Use --env docker/ })
  t.throws(() => resolve({ system: 'etcd' }), { name: 'UsageError', message: /environment local, the only one here,/ })
  t.throws(() => resolvePlan({ system: 'etcd', mutant: 'vote-forgotten' }, inDocker), { name: 'UsageError', message: /etcd is a program without one/ })
  t.throws(() => parsePlanOptions({ system: 'zookeeper' }, 'x'), { name: 'UsageError', message: /system/ })
})
