import t from 'tap'
import { seededRandom } from '../node/base/random.ts'
import { resolvePlan } from '../harness/plan/resolve-plan.ts'
import type { PlanOptions } from '../harness/plan/options.ts'
import { FaultConductor } from '../harness/runner/fault-conductor.ts'
import type { FaultRecord } from '../harness/runner/fault-record.ts'
import { freshStatus } from '../harness/runner/run-context.ts'
import { findLeader } from '../harness/systems/leader.ts'
import { registry } from '../harness/systems/registry.ts'
import type { System } from '../harness/systems/system.ts'
import { fakeEnvironment, type FakeFaults } from '../harness/testing/fake-environment.ts'
import { families } from './index.ts'
import type { Fault, NemesisContext } from './nemesis.ts'
import { partitionShapes } from './targets.ts'

/** Each kind of each family against a cluster in memory that can carry everything, and against one whose probes lie. */

function setUp(faults: FakeFaults = {}, options: PlanOptions = { nemesis: ['all'] }, memberCount = 3) {
  const fake = fakeEnvironment({ memberCount, random: seededRandom(7) }, { everyCapability: true, ...faults })
  const { environment, time, journal } = fake
  const plan = resolvePlan({ ...options, members: memberCount }, {
    env: 'simulated', drawSeed: () => 1, workloads: ['register'], nemeses: families.map(({ name }) => name), partitionTargets: partitionShapes,
  })
  const records: FaultRecord[] = []
  const conductor = new FaultConductor({ clock: time, status: freshStatus(), memberCount, record: () => {}, recordFault: (record) => records.push(record) })
  const contextOf = (seed: number): NemesisContext => ({
    environment, plan, system: registry, random: seededRandom(seed), leader: () => findLeader(registry, environment), running: () => conductor.impacts, intensity: () => 1,
  })
  /** What is still broken, and who is down. */
  const leftovers = async () => {
    const down = []
    for (const member of environment.members) {
      const outcome = await environment.request(member, { method: 'GET', target: '/v1/status/leader' }, 100)
      if (outcome.kind !== 'response') down.push(`${member} is down`)
    }
    return [...journal.broken, ...down]
  }
  return { ...fake, plan, contextOf, conductor, records, leftovers }
}

const { environment: whole } = setUp()
const cases = families.flatMap((nemesis) => nemesis.variants!(whole).map((variant) => ({ nemesis, variant, name: `${nemesis.name}${variant.kind === '' ? '' : ` (${variant.kind})`}` })))

t.ok(families.length >= 22, `${families.length} families`)
t.equal(new Set(families.map(({ name }) => name)).size, families.length, 'names are told apart')

for (const { nemesis, variant, name } of cases) {
  t.test(`${name}: takes effect, heals, and its value makes the same fault again`, async (t) => {
    t.equal(variant.missing, null, 'a cluster that can carry everything carries this')
    const { time, conductor, contextOf, records, leftovers } = setUp()
    await time.run(async () => {
      const fault = await nemesis.next(contextOf(1), variant.asked)
      t.same(JSON.parse(JSON.stringify(fault.value)), fault.value, 'the value is JSON')
      t.ok(fault.impact !== undefined, 'it says what it touches')
      t.equal(nemesis.objection!(fault.value, ['n1', 'n2', 'n3', 'n4', 'n5']), null, 'its own value can stand in a script')
      t.same((await nemesis.next(contextOf(99), JSON.parse(JSON.stringify(fault.value)))).value, fault.value, 'another seed changes nothing of it')
      t.match(await start(conductor, fault), { kind: 'on' })
      await time.sleep(500)
      await conductor.healAll()
      t.same(await leftovers(), [])
    })
    t.match(conductor.result(true), { verdict: 'valid' })
    t.not(records.find(({ step }) => step === 'start')!.observed, null, 'what the probe saw is written')
    t.not(records.find(({ step }) => step === 'stop')!.observed, null)
  })
}

/** What the family proves at its end only, or what the fake cannot lie about. */
const provenOtherwise = new Set(['registry (flapping-checks)', 'registry (registration-flood)', 'membership (grow)', 'membership (remove-leader)', 'membership (leave-rejoin)'])

for (const { nemesis, variant, name } of cases.filter((candidate) => !provenOtherwise.has(candidate.name))) {
  t.test(`${name}: a probe that sees no effect makes the verdict unknown, and nothing is left`, async (t) => {
    const { time, conductor, contextOf, leftovers } = setUp({ probeLies: true })
    await time.run(async () => {
      t.same(await start(conductor, await nemesis.next(contextOf(1), variant.asked)), { kind: 'failed' })
      t.same(await leftovers(), [])
    })
    t.match(conductor.result(true), { verdict: 'unknown', summary: new RegExp(`start-${nemesis.name} `) })
  })
}

const healedByEffects = new Set(['partition', 'firewall', 'loss', 'delay', 'duplicate', 'reorder', 'corrupt', 'bandwidth', 'mtu', 'clock', 'pause', 'disk', 'resources'])

for (const { nemesis, variant, name } of cases.filter((candidate) => healedByEffects.has(candidate.nemesis.name))) {
  t.test(`${name}: a heal that no probe sees is tried again; where it stays unseen the verdict is unknown`, async (t) => {
    for (const [healLies, verdict] of [[2, 'valid'], [1000, 'unknown']] as const) {
      const { time, conductor, contextOf } = setUp({ healLies })
      await time.run(async () => {
        await start(conductor, await nemesis.next(contextOf(1), variant.asked))
        await conductor.healAll()
      })
      t.equal(conductor.result(true)!.verdict, verdict)
    }
  })
}

for (const { nemesis, variant, name } of cases.filter((candidate) => candidate.nemesis.name === 'membership' && candidate.variant.kind !== 'grow')) {
  t.test(`${name}: who takes long to vote is waited for, not sent back to the start by each try`, async (t) => {
    const { time, conductor, contextOf, journal } = setUp({ votesAfterMs: 11_000, removedStayOut: true })
    await time.run(async () => {
      await start(conductor, await nemesis.next(contextOf(1), variant.asked))
      await conductor.healAll()
    })
    t.equal(conductor.result(true)!.verdict, 'valid', conductor.result(true)!.summary)
    t.ok(journal.done.filter((what) => what.startsWith('empty ')).length <= 1, journal.done.join(', '))
  })
}

t.test('where a capability is missing there is a sentence, before anything is started', async (t) => {
  const { environment } = fakeEnvironment({ memberCount: 3, random: seededRandom(1) }, { withoutCutLinks: true, withoutKill: true })
  const { plan } = setUp()
  const bare: System = { ...registry, name: 'bare' } as System
  delete (bare as { services?: unknown }).services
  delete (bare as { membership?: unknown }).membership
  for (const nemesis of families) t.match(nemesis.missing(environment, plan, bare), /\w+ \w+ \w+/, nemesis.name)
  for (const nemesis of families) t.equal(nemesis.missing(whole, plan, registry), null, nemesis.name)
})

t.test('--targets is for every family that strikes members', async (t) => {
  const { time, contextOf } = setUp({}, { nemesis: ['all'], targets: ['n2'] })
  await time.run(async () => {
    for (const nemesis of families) {
      if (['firewall', 'restart-all', 'rolling-restart'].includes(nemesis.name)) continue
      const asked = nemesis.name === 'membership' ? { kind: 'wipe' } : {}
      t.match((await nemesis.next(contextOf(3), asked)).value, { members: ['n2'] }, nemesis.name)
    }
  })
})

t.test('drawn faults: any seed draws what the environment has, and the same again', async (t) => {
  const { time, contextOf, environment } = setUp({}, { nemesis: ['all'] }, 5)
  await time.run(async () => {
    for (const nemesis of families) {
      for (let seed = 0; seed < 30; seed++) {
        const { value } = await nemesis.next(contextOf(seed))
        t.equal(nemesis.objection!(value, [...environment.members, ...environment.spareMembers!.spares]), null, `${nemesis.name} ${JSON.stringify(value)}`)
        t.same((await nemesis.next(contextOf(seed))).value, value)
      }
    }
  })
})

t.test('what only datagrams show is not drawn for streams alone, and refused where nothing else is wanted', async (t) => {
  const { time, contextOf, environment, plan } = setUp({}, { nemesis: ['all'] })
  const hiding = { ...environment, disturbLinks: { ...environment.disturbLinks!, datagramKinds: ['duplicate' as const] } }
  const [duplicate, loss] = ['duplicate', 'loss'].map((name) => families.find((family) => family.name === name)!) as [typeof families[0], typeof families[0]]
  t.match(duplicate.variants!(hiding).find(({ kind }) => kind === 'raft only')!.missing, /does not show in raft/)
  t.equal(loss.variants!(hiding).find(({ kind }) => kind === 'raft only')!.missing, null)
  const drawn = new Set<unknown>()
  await time.run(async () => {
    for (let seed = 0; seed < 60; seed++) drawn.add(((await duplicate.next({ ...contextOf(seed), environment: hiding })).value as { traffic: string }).traffic)
  })
  t.same([...drawn].sort(), ['all', 'gossip'])
  t.equal(duplicate.missing(hiding, plan, registry), null)
  const { plan: raftOnly } = setUp({}, { nemesis: ['duplicate'], traffic: ['raft'] })
  t.match(duplicate.missing(hiding, raftOnly, registry), /does not show in raft/)
  t.equal(duplicate.missing(environment, raftOnly, registry), null)
  t.equal(loss.missing(hiding, raftOnly, registry), null)
  const { plan: clientsOnly, contextOf: asking } = setUp({}, { nemesis: ['loss'], traffic: ['clients'] })
  const { disturbClients: _none, ...membersOnly } = environment.disturbLinks!
  t.match(loss.missing({ ...environment, disturbLinks: membersOnly }, clientsOnly, registry), /what clients ask members cannot be disturbed/)
  t.match(duplicate.missing(hiding, clientsOnly, registry), /does not show in what clients ask/)
  t.equal(loss.missing(environment, clientsOnly, registry), null)
  await time.run(async () => {
    const { value, impact } = await loss.next(asking(1))
    t.match(value, { traffic: 'clients', links: [] })
    t.match(impact, { layer: 'clients' })
  })
})

t.test('at intensity 0 faults are mild', async (t) => {
  const { time, contextOf } = setUp()
  const loss = families.find(({ name }) => name === 'loss')!
  await time.run(async () => {
    const drawn = async (intensity: number) => {
      const probabilities = []
      for (let seed = 0; seed < 40; seed++) {
        const { value } = await loss.next({ ...contextOf(seed), intensity: () => intensity })
        probabilities.push((value as { disturbance: { probability: number } }).disturbance.probability)
      }
      return Math.max(...probabilities)
    }
    t.equal(await drawn(0), 0.05)
    t.ok(await drawn(1) > 0.3)
  })
})

t.test('a script that asks for what makes no sense is told so', async (t) => {
  const refused: [string, object, RegExp][] = [
    ['loss', { disturbance: { kind: 'loss', probability: 2, burstLength: 1 } }, /probability/],
    ['loss', { disturbance: { kind: 'mtu', maxBytes: 500 } }, /must be loss/],
    ['clock', { skew: { kind: 'jump' } }, /offsetMs/],
    ['kill', { target: 'nobody' }, /"nobody" is no target/],
    ['kill', { members: ['n9'] }, /no member n9/],
    ['kill', { victims: ['n1'] }, /victims/],
    ['firewall', { rules: ['drop n1'] }, /does not say from where/],
    ['firewall', { rules: ['drop n1>n9'] }, /no member n9/],
    ['partition', { links: ['n1-n2'] }, /n1>n2/],
    ['damage', { damage: { kind: 'truncate', in: 'attic', bytes: 3 } }, /damage.in/],
  ]
  for (const [name, asked, sentence] of refused) t.match(families.find((nemesis) => nemesis.name === name)!.objection!(asked, ['n1', 'n2', 'n3']), sentence, `${name} ${JSON.stringify(asked)}`)
  for (const target of ['halves', 'isolate-leader', 'leader']) t.equal(families.find(({ name }) => name === 'partition')!.objection!({ target }, ['n1', 'n2', 'n3']), null, target)
})

t.test('nothing to damage yet: not begun, the member runs again, and no failure', async (t) => {
  const { time, conductor, contextOf, records, leftovers } = setUp({ nothingToDamage: Infinity })
  const damage = families.find(({ name }) => name === 'damage')!
  await time.run(async () => {
    t.same(await start(conductor, await damage.next(contextOf(1), { target: 'n1' })), { kind: 'skipped' })
    t.same(await leftovers(), [])
  })
  t.match(records, [{ step: 'skip', error: /n1: no (log|snapshot) to damage yet/ }])
  t.notMatch(conductor.result(true), { summary: /did not do what was asked/ })
})

t.test('a member that lost its disk and kept its id is found out', async (t) => {
  const { time, conductor, contextOf } = setUp({ keepsIdWithoutDisk: true })
  const membership = families.find(({ name }) => name === 'membership')!
  await time.run(async () => {
    t.match(await start(conductor, await membership.next(contextOf(1), { kind: 'wipe', target: 'n2' })), { kind: 'on' })
    await conductor.healAll()
  })
  t.match(conductor.result(true), { verdict: 'unknown', summary: /came back under its old id/ })
})

t.test('a removal whose answer is lost counts as begun, and the member is a voter again in the end, whether it happened or not', async (t) => {
  for (const kind of ['remove-leader', 'shrink', 'replace'] as const) {
    for (const happens of [true, false]) {
      const { time, conductor, contextOf, environment, leftovers } = setUp()
      const losing = Object.assign(Object.create(environment) as typeof environment, {
        request: async (...[member, request, timeoutMs]: Parameters<typeof environment.request>) => {
          if (request.method !== 'DELETE') return environment.request(member, request, timeoutMs)
          if (happens) await environment.request(member, request, timeoutMs)
          return { kind: 'lost', error: 'no answer' } as const
        },
      })
      const context = { ...contextOf(1), environment: losing }
      const membership = families.find(({ name }) => name === 'membership')!
      await time.run(async () => {
        t.match(await start(conductor, await membership.next(context, kind === 'remove-leader' ? { kind } : { kind, target: 'n2' })), { kind: 'on' }, `${kind}, ${happens}`)
        await conductor.healAll()
        t.same(await leftovers(), [])
        const seen = await registry.membership!.servers((request, timeoutMs) => environment.request('n1', request, timeoutMs))
        t.same(seen!.filter(({ votes }) => votes).map(({ name }) => name).sort(), ['n1', 'n2', 'n3'])
      })
      t.match(conductor.result(true), { verdict: 'valid' })
    }
  }
})

t.test('a damaged member comes back with an empty disk; a truncated one is not started on what is left', async (t) => {
  const { time, conductor, contextOf, journal } = setUp()
  const damage = families.find(({ name }) => name === 'damage')!
  await time.run(async () => {
    await start(conductor, await damage.next(contextOf(1), { target: 'n3', damage: { kind: 'truncate', in: 'log', bytes: 9 } }))
    await conductor.healAll()
  })
  t.same(journal.done, ['kill n3', 'truncate in log of n3', 'kill n3', 'empty n3'])
})

const start = (conductor: FaultConductor, fault: Fault) => conductor.start(async () => fault, 'unless-conflicting')
