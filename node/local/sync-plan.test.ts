import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { CatalogTable } from '../state/catalog.ts'
import type { CatalogCommand } from '../state/catalog-commands.ts'
import { registration, sampleCheck, sampleNode, sampleService } from '../state/testing/catalog-samples.ts'
import { syncIntervalFactor } from './anti-entropy.ts'
import type { CheckSpec } from './definitions.ts'
import { LocalState } from './local-state.ts'
import { outputDelayMs, planSync } from './sync-plan.ts'

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

type Local = (state: LocalState) => void
const serviceId = fc.constantFrom('a', 'b', 'c')
const checkId = fc.constantFrom('x', 'y', 'z')
const status = fc.constantFrom('passing' as const, 'warning' as const, 'critical' as const)
const localAction: fc.Arbitrary<Local> = fc.oneof(
  fc.tuple(serviceId, fc.constantFrom('web', 'db'), fc.boolean()).map(([id, name, enableTagOverride]): Local => (state) => state.putService(sampleService(name, { id, enableTagOverride, tags: ['mine'] }))),
  fc.tuple(checkId, fc.constantFrom('', 'a', 'b')).map(([id, service]): Local => (state) => {
    if (service === '' || state.service(service) !== null) state.putCheck(spec(id, service), 0)
  }),
  serviceId.map((id): Local => (state) => { state.removeService(id) }),
  checkId.map((id): Local => (state) => { state.removeCheck(id) }),
  fc.tuple(checkId, status, fc.constantFrom('one', 'two')).map(([id, is, output]): Local => (state) => { state.report(id, { status: is, output }, 0) }),
)
/** What others do to the catalog meanwhile. */
const tampering: fc.Arbitrary<CatalogCommand> = fc.oneof(
  fc.record({ name: fc.constantFrom('web', 'stray'), id: fc.constantFrom('a', 'b', 'stray') }).map(({ name, id }) => registration(node, sampleService(name, { id, tags: ['theirs'] }), [sampleCheck('x', { serviceId: id })])),
  checkId.map((id) => registration(node, null, [sampleCheck(id, { status: 'critical' })])),
  fc.record({ service: fc.option(serviceId), check: fc.option(checkId) }).map(({ service, check }): CatalogCommand => ({ kind: 'catalog-deregister', node: 'n1', serviceId: service, checkId: check })),
)

t.test('once done, nothing is left to do, and the catalog says what the agent knows', async (t) => {
  fc.assert(fc.property(fc.array(fc.oneof(localAction, tampering), { maxLength: 30 }), (actions) => {
    const state = new LocalState()
    const table = new CatalogTable()
    let index = 0
    apply(table, ++index, registration(node, sampleService('consul'), [sampleCheck('serfHealth')]))
    for (const action of actions) {
      if (typeof action === 'function') action(state)
      else apply(table, ++index, action)
    }
    const settle = () => {
      const plan = planSync(state, node, table, outputDelayMs)
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
  let writes = 0
  for (let nowMs = 0; nowMs < 20 * 60_000; nowMs += 10_000) {
    state.report('a', { status: 'passing', output: `at ${nowMs}` }, nowMs)
    for (const command of planSync(state, node, table, nowMs).commands) {
      apply(table, ++writes, command)
      if (command.kind === 'catalog-register') for (const { checkId: id, output } of command.checks) state.outputSynced(id, output, nowMs)
    }
  }
  t.equal(writes, 4)
  state.report('a', { status: 'warning', output: 'x' }, 0)
  t.equal(planSync(state, node, table, 0).commands.length, 1, 'another status does not wait')
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
