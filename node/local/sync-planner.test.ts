import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type CatalogReader, CatalogTable } from '../state/catalog.ts'
import type { CatalogCommand } from '../state/catalog-commands.ts'
import { registration, sampleCheck, sampleNode, sampleService } from '../state/testing/catalog-samples.ts'
import { syncIntervalFactor } from './anti-entropy.ts'
import type { CheckSpec } from './definitions.ts'
import { LocalState } from './local-state.ts'
import { outputDelayMs, SyncPlanner } from './sync-planner.ts'
import { naiveSyncPlan } from './testing/naive-sync-plan.ts'

const node = sampleNode('n1', { id: 'id-1' })

function spec(checkId: string, serviceId: string, parts: Partial<CheckSpec> = {}): CheckSpec {
  return {
    checkId, name: checkId, notes: '', serviceId, method: { kind: 'ttl', ttlMs: 1000 }, initialStatus: 'passing',
    successBeforePassing: 0, failuresBeforeCritical: 0, deregisterCriticalAfterMs: null, outputBytesMax: 4096, ...parts,
  }
}

function apply(table: CatalogTable, index: number, command: CatalogCommand): void {
  const outcome = command.kind === 'catalog-register' ? table.register(index, command) : table.deregister(index, command)
  assert.equal(outcome.kind, 'changed')
}

/** Everything compared, as an agent does that has just begun. */
const planSync = (state: LocalState, own: typeof node, table: CatalogTable, nowMs: number, registersNode = false) =>
  new SyncPlanner(state, own, table, registersNode).plan(nowMs, true)

type Local = (state: LocalState, nowMs: number) => void
// The catalog takes ids that differ by their case alone for one, the agent does not.
const serviceId = fc.constantFrom('a', 'b', 'c', 'A')
const checkId = fc.constantFrom('x', 'y', 'z', 'X')
const status = fc.constantFrom('passing' as const, 'warning' as const, 'critical' as const)
const localAction: fc.Arbitrary<Local> = fc.oneof(
  fc.tuple(serviceId, fc.constantFrom('web', 'db'), fc.boolean()).map(([id, name, enableTagOverride]): Local => (state) => state.putService(sampleService(name, { id, enableTagOverride, tags: ['mine'] }))),
  fc.tuple(checkId, fc.constantFrom('', 'a', 'b', 'A')).map(([id, service]): Local => (state, nowMs) => {
    if (service === '' || state.service(service) !== null) state.putCheck(spec(id, service), nowMs)
  }),
  serviceId.map((id): Local => (state) => { state.removeService(id) }),
  checkId.map((id): Local => (state) => { state.removeCheck(id) }),
  fc.tuple(checkId, status, fc.constantFrom('one', 'two')).map(([id, is, output]): Local => (state, nowMs) => { state.report(id, { status: is, output }, nowMs) }),
)
/** What others do to the catalog meanwhile. */
const tampering: fc.Arbitrary<CatalogCommand> = fc.oneof(
  fc.record({ name: fc.constantFrom('web', 'stray'), id: fc.constantFrom('a', 'b', 'stray', 'A'), enableTagOverride: fc.boolean() }).map(({ name, id, enableTagOverride }) => registration(node, sampleService(name, { id, enableTagOverride, tags: ['theirs'] }), [sampleCheck('x', { serviceId: id })])),
  checkId.map((id) => registration(node, null, [sampleCheck(id, { status: 'critical' })])),
  fc.constantFrom(null, { rack: '7' }).map((meta) => registration({ ...node, meta })),
  fc.record({ service: fc.option(serviceId), check: fc.option(checkId) }).map(({ service, check }): CatalogCommand => ({ kind: 'catalog-deregister', node: 'n1', serviceId: service, checkId: check })),
)
/** Its record of the node becomes another one. */
const replacing: fc.Arbitrary<(table: CatalogTable) => void> = fc.constantFrom(
  (table) => table.restore(table.dump()),
  (table) => table.restore(new CatalogTable().dump()),
  (table) => table.transact([node], () => {
    table.deregister(1_000_000, { kind: 'catalog-deregister', node: 'n1', serviceId: 'a', checkId: null })
    return false
  }),
)

const hasTwins = (state: LocalState) => {
  const ids = [state.services().map(({ id }) => id), state.checks().map((check) => check.spec.checkId)]
  return ids.some((row) => new Set(row.map((id) => id.toLowerCase())).size < row.length)
}

t.test('once done, nothing is left to do, and the catalog says what the agent knows', async (t) => {
  fc.assert(fc.property(fc.array(fc.oneof(localAction, tampering), { maxLength: 30 }), (actions) => {
    const state = new LocalState()
    const table = new CatalogTable()
    const planner = new SyncPlanner(state, node, table)
    let index = 0
    apply(table, ++index, registration(node, sampleService('consul'), [sampleCheck('serfHealth')]))
    for (const action of actions) {
      if (typeof action === 'function') action(state, 0)
      else apply(table, ++index, action)
    }
    fc.pre(!hasTwins(state))
    const settle = () => {
      const plan = planner.plan(outputDelayMs)
      for (const command of plan.commands) apply(table, ++index, command)
      for (const { serviceId: id, tags } of plan.overriddenTags) state.putService({ ...state.service(id)!, tags })
      return plan
    }
    settle()
    const again = settle()
    assert.deepEqual([again.commands, again.overriddenTags], [[], []])
    const found = table.node('n1').value
    const services = (found?.services ?? []).filter(({ id }) => id !== 'consul')
    assert.deepEqual(services.map(({ createIndex, modifyIndex, ...rest }) => rest), state.services())
    const checks = table.nodeChecks('n1').value.filter((check) => check.checkId !== 'serfHealth')
    assert.deepEqual(checks.map((check) => [check.checkId, check.status, check.output, check.serviceId]), state.checks().map((check) => [check.spec.checkId, check.status, check.output, check.spec.serviceId]))
  }), { numRuns: 500 })
  t.pass()
})

t.test('a plan from what has changed is the one that comparing everything makes', async (t) => {
  const step = fc.record({
    change: fc.oneof({ weight: 6, arbitrary: localAction.map((act) => ({ kind: 'here' as const, act })) },
      { weight: 3, arbitrary: tampering.map((command) => ({ kind: 'there' as const, command })) },
      { weight: 1, arbitrary: replacing.map((replace) => ({ kind: 'replaced' as const, replace })) },
      { weight: 2, arbitrary: fc.nat(2 * outputDelayMs).map((ms) => ({ kind: 'time' as const, ms })) }),
    plans: fc.boolean(), inFull: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    /** So many of the plan's commands reach the catalog. */
    applied: fc.nat(4),
  })
  let planned = 0
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, registersNode) => {
    const state = new LocalState()
    const table = new CatalogTable()
    const planner = new SyncPlanner(state, node, table, registersNode)
    let index = 0
    let nowMs = 0
    for (const { change, plans, inFull, applied } of steps) {
      switch (change.kind) {
        case 'here': change.act(state, nowMs); break
        case 'there': table[change.command.kind === 'catalog-register' ? 'register' : 'deregister'](++index, change.command as never); break
        case 'replaced': change.replace(table); break
        case 'time': nowMs += change.ms
      }
      if (!plans) continue
      const plan = planner.plan(nowMs, inFull)
      assert.deepEqual(plan, naiveSyncPlan(state, node, table, nowMs, registersNode))
      planned += plan.commands.length
      // The agent's disk may refuse them.
      if (applied > 0) for (const { serviceId: id, tags } of plan.overriddenTags) state.putService({ ...state.service(id)!, tags })
      for (const command of plan.commands.slice(0, applied)) {
        apply(table, ++index, command)
        if (command.kind === 'catalog-register') for (const { checkId: id, output } of command.checks) state.outputSynced(id, output, nowMs)
      }
    }
  }), { numRuns: 2000 })
  t.ok(planned > 1000, `${planned} commands were planned`)
})

t.test('one registration more is compared alone, however many there are', async (t) => {
  const state = new LocalState()
  const table = new CatalogTable()
  let compared = 0
  const counting: CatalogReader = Object.create(table, {
    record: {
      value: (name: string) => {
        const record = table.record(name)
        return record === null ? null : {
          node: record.node, mark: () => record.mark(), changesSince: (mark: Parameters<typeof record.changesSince>[0]) => record.changesSince(mark),
          serviceKeys: () => record.serviceKeys(), checkKeys: () => record.checkKeys(),
          service: (key: string) => { compared++; return record.service(key) },
          check: (key: string) => { compared++; return record.check(key) },
        }
      },
    },
  })
  const planner = new SyncPlanner(state, node, counting)
  let index = 0
  const sync = (inFull = false) => {
    compared = 0
    const { commands } = planner.plan(0, inFull)
    for (const command of commands) apply(table, ++index, command)
    return commands.length
  }
  const add = (i: number) => {
    state.putService(sampleService(`s${i}`))
    state.putCheck(spec(`c${i}`, `s${i}`), 0)
  }
  for (let i = 0; i < 500; i++) add(i)
  t.equal(sync(), 500)
  sync()
  add(500)
  t.equal(sync(), 1)
  t.ok(compared <= 5, `compared ${compared} entries for a registration`)
  t.equal(sync(), 0)
  t.ok(compared <= 5, `compared ${compared} entries once it was written`)
  t.equal(sync(), 0)
  t.equal(compared, 0, 'nothing, where nothing has changed')
  state.removeService('s7')
  t.equal(sync(), 1)
  t.ok(compared <= 5, `compared ${compared} entries for a removal`)
  t.equal(sync(true), 0)
  t.ok(compared >= 1000, `compared ${compared} entries in full`)
})

t.test('a service and its checks go in one command, a healthy catalog gets none', async (t) => {
  const state = new LocalState()
  const table = new CatalogTable()
  state.putService(sampleService('web'))
  state.putCheck(spec('a', 'web'), 0)
  state.putCheck(spec('b', 'web'), 0)
  const { commands } = planSync(state, node, table, 0)
  t.match(commands, [{ kind: 'catalog-register', skipNodeUpdate: false, service: { id: 'web' }, checks: [{ checkId: 'a' }, { checkId: 'b' }] }])
  t.equal(commands.length, 1)
})

t.test('words that change with every check are written once in five minutes', async (t) => {
  const state = new LocalState()
  const table = new CatalogTable()
  state.putCheck(spec('a', ''), 0)
  const planner = new SyncPlanner(state, node, table)
  let writes = 0
  for (let nowMs = 0; nowMs < 20 * 60_000; nowMs += 10_000) {
    state.report('a', { status: 'passing', output: `at ${nowMs}` }, nowMs)
    for (const command of planner.plan(nowMs).commands) {
      apply(table, ++writes, command)
      if (command.kind === 'catalog-register') for (const { checkId: id, output } of command.checks) state.outputSynced(id, output, nowMs)
    }
  }
  t.equal(writes, 4)
  const lastMs = 20 * 60_000
  state.report('a', { status: 'passing', output: 'the last' }, lastMs)
  t.equal(planner.plan(lastMs).commands.length, 0)
  t.equal(planner.plan(lastMs + outputDelayMs).commands.length, 1, 'also if nothing but the time has changed')
  state.report('a', { status: 'warning', output: 'x' }, 0)
  t.equal(planner.plan(0).commands.length, 1, 'another status does not wait')
})

t.test('tags that others set are taken over, asked for until they are', async (t) => {
  const state = new LocalState()
  const table = new CatalogTable()
  const planner = new SyncPlanner(state, node, table)
  state.putService(sampleService('web', { enableTagOverride: true, tags: ['mine'] }))
  for (const command of planner.plan(0).commands) apply(table, 1, command)
  t.same(planner.plan(0).overriddenTags, [])
  apply(table, 2, registration(node, sampleService('web', { enableTagOverride: true, tags: ['theirs'] })))
  for (const when of ['first', 'second']) t.same(planner.plan(0).overriddenTags, [{ serviceId: 'web', tags: ['theirs'] }], `the ${when} time`)
  state.putService({ ...state.service('web')!, tags: ['theirs'] })
  t.same(planner.plan(0), { commands: [], overriddenTags: [] })
})

t.test('large clusters synchronise less often', async (t) => {
  t.strictSame([1, 128, 129, 256, 257, 512, 1000].map(syncIntervalFactor), [1, 1, 2, 2, 3, 3, 4])
})

t.test('what the catalog says of the node is put right, once', async (t) => {
  const state = new LocalState()
  const table = new CatalogTable()
  const own = { ...node, taggedAddresses: { lan: 'x' }, meta: { rack: '7' } }
  t.same(planSync(state, own, table, 0).commands, [], 'without anything on it, the node is not entered')
  t.match(planSync(state, own, table, 0, true).commands, [{ kind: 'catalog-register', skipNodeUpdate: false, service: null, checks: [] }], 'unless that is wanted')
  apply(table, 1, registration({ ...own, taggedAddresses: null, meta: null }))
  const [alone, ...none] = planSync(state, own, table, 0).commands
  t.match(alone, { skipNodeUpdate: false, node: { meta: { rack: '7' } }, service: null })
  t.same(none, [])
  state.putService(sampleService('web'))
  state.putService(sampleService('db'))
  const { commands } = planSync(state, own, table, 0)
  t.match(commands, [{ skipNodeUpdate: false, service: {} }, { skipNodeUpdate: true, service: {} }], 'with the first registration, if there is one')
  commands.forEach((command, i) => apply(table, 2 + i, command))
  t.same(planSync(state, own, table, 0).commands, [])
  t.match(table.node('n1').value?.node, { taggedAddresses: { lan: 'x' }, meta: { rack: '7' } })
})
