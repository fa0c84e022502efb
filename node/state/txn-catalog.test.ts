/** Transactions on nodes, services and checks: all or nothing, and what sessions hear of it. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { CatalogTable } from './catalog.ts'
import { decodeCommand, encodeCommand } from './commands.ts'
import { StateMachine } from './state-machine.ts'
import type { TxnOperation, TxnOutcome } from './txn.ts'
import { decodeTxnOutcome, encodeTxnOutcome } from './txn-bytes.ts'
import type { CatalogOperation, CheckOperation, NodeOperation, ServiceOperation } from './txn-catalog.ts'

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const node = (verb: string, name: string, change: Partial<NodeOperation['node']> & { index?: number } = {}): NodeOperation => {
  const { index = 0, ...fields } = change
  return { kind: 'node', verb, index, node: { name, id: '', address: '10.0.0.1', taggedAddresses: null, meta: null, ...fields } }
}
const service = (verb: string, onNode: string, id: string, change: Partial<ServiceOperation['service']> & { index?: number } = {}): ServiceOperation => {
  const { index = 0, ...fields } = change
  return {
    kind: 'service', verb, node: onNode, index,
    service: { id, name: 'web', tags: [], address: '', taggedAddresses: null, port: 80, meta: null, weights: { passing: 1, warning: 1 }, enableTagOverride: false, ...fields },
  }
}
const check = (verb: string, onNode: string, checkId: string, change: Partial<CheckOperation['check']> & { index?: number } = {}): CheckOperation => {
  const { index = 0, ...fields } = change
  return { kind: 'check', verb, node: onNode, index, check: { checkId, name: checkId, status: 'passing', notes: '', output: '', serviceId: '', type: '', definition: {}, ...fields } }
}

function apply(machine: StateMachine, ...operations: TxnOperation[]): TxnOutcome {
  const result = machine.apply(machine.appliedIndex + 1, encodeCommand({ kind: 'txn', operations }))
  assert.equal(result.kind, 'txn')
  return (result as { outcome: TxnOutcome }).outcome
}
const whats = ({ errors }: TxnOutcome) => errors.map(({ opIndex, what }) => `${opIndex} ${what}`)
const dump = (machine: StateMachine) => (machine.catalog as CatalogTable).dump()
const restore = (machine: StateMachine, from: ReturnType<CatalogTable['dump']>) => (machine.catalog as CatalogTable).restore(from)

t.test('operations see what those before them did; one index for all', async (t) => {
  const machine = new StateMachine()
  const { results, errors } = apply(machine, node('set', 'a', { id: uuid(1) }), service('set', 'a', 'web1'), check('set', 'a', 'c', { serviceId: 'web1' }), service('get', 'a', 'WEB1'), node('get', '', { id: uuid(1) }))
  t.same(errors, [])
  t.match(results, [
    { node: { name: 'a', createIndex: 1 } }, { service: { id: 'web1', modifyIndex: 1 } }, { check: { node: 'a', serviceName: 'web', status: 'passing' } },
    { kind: 'service', service: { id: 'web1' } }, { kind: 'node', node: { name: 'a' } },
  ])
  t.same(apply(machine, service('delete', 'a', 'web1'), node('delete', 'gone')), { results: [], errors: [] })
  t.same(machine.catalog.nodeChecks('a').value, [], 'with the service its checks')
})

t.test('cas: by the index of what stands there; 0 is for what does not', async (t) => {
  const machine = new StateMachine()
  t.same(whats(apply(machine, node('cas', 'a'), service('cas', 'a', 's'), check('cas', 'a', 'c'))), [])
  t.same(whats(apply(machine, node('cas', 'a'), service('cas', 'a', 's', { index: 9 }), check('cas', 'a', 'c'), node('delete-cas', 'a', { index: 9 }), service('delete-cas', 'a', 'none', { index: 0 }), check('delete-cas', 'a', 'c', { index: 9 }))), [
    '0 failed to set node "a", index is stale', '1 failed to set service "s" on node "a", index is stale', '2 failed to set check "c" on node "a", index is stale',
    '3 failed to delete node "a", index is stale', '4 failed to delete service "none" on node "a", index is stale', '5 failed to delete check "c" on node "a", index is stale',
  ])
  t.same(whats(apply(machine, service('cas', 'a', 's', { port: 81, index: 1 }), check('delete-cas', 'a', 'c', { index: 1 }))), [])
  t.match(machine.catalog.node('a').value?.services, [{ port: 81, createIndex: 1, modifyIndex: 3 }])
  t.same(whats(apply(machine, service('delete-cas', 'a', 's', { index: 3 }), node('delete-cas', 'a', { index: 1 }))), [])
  t.equal(machine.catalog.node('a').value, null)
})

t.test('every failure is told in Consul\'s words', async (t) => {
  const machine = new StateMachine()
  apply(machine, node('set', 'a'))
  t.same(whats(apply(machine, node('get', 'x'), service('get', 'a', 'x'), check('get', 'x', 'y'), service('set', 'x', 's'), check('set', 'a', 'c', { serviceId: 'x' }), node('zap', 'a'), service('zap', 'a', 's'), check('', 'a', 'c'), service('set', 'a', '', { name: '' }), check('set', 'a', ''))), [
    '0 node "x" doesn\'t exist', '1 service "x" on node "a" doesn\'t exist', '2 check "y" on node "x" doesn\'t exist', '3 Missing node registration', '4 Missing service registration',
    '5 unknown Node verb "zap"', '6 unknown Service verb "zap"', '7 unknown Check verb ""', '8 failed inserting service: object missing primary index', '9 failed inserting check: object missing primary index',
  ])
  t.same(whats(apply(machine, node('set', ''), node('set', 'b', { id: 'short' }), service('delete', 'a', 's', { name: '' }), node('get', 'x'))), [
    '0 Must provide node', '1 Bad node ID: uuid string is wrong length', '2 Must provide service name with ID',
  ], 'these before anything is tried')
})

t.test('a transaction that fails leaves the catalog, its indexes and the keys as they were', async () => {
  const names = fc.constantFrom('a', 'b', 'C')
  const ids = fc.constantFrom('s', 't')
  const verbs = fc.constantFrom('set', 'set', 'cas', 'delete', 'delete-cas', 'get')
  const index = fc.nat(4)
  const operation: fc.Arbitrary<CatalogOperation> = fc.oneof(
    fc.record({ verb: verbs, name: names, id: fc.constantFrom('', uuid(1), uuid(2)), index }).map(({ verb, name, id, index }) => node(verb, name, { id, index })),
    fc.record({ verb: verbs, name: names, id: ids, port: fc.nat(2), service: fc.constantFrom('web', 'db'), index }).map(({ verb, name, id, port, service: called, index }) => service(verb, name, id, { port, name: called, index })),
    fc.record({ verb: verbs, name: names, id: ids, serviceId: fc.constantFrom('', 's'), status: fc.constantFrom('passing' as const, 'critical' as const), index })
      .map(({ verb, name, id, serviceId, status, index }) => check(verb, name, `c${id}`, { serviceId, status, index })),
  )
  let failed = 0
  let succeeded = 0
  fc.assert(fc.property(fc.array(fc.array(operation, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), (transactions) => {
    const machine = new StateMachine()
    for (const operations of transactions) {
      const before = dump(machine)
      const outcome = apply(machine, { kind: 'kv', verb: 'set', key: 'k', value: Buffer.from(String(machine.appliedIndex)), flags: 0n, index: 0, session: '' }, ...operations)
      if (outcome.errors.length > 0) {
        failed++
        assert.deepEqual(dump(machine), before)
        assert.notEqual(machine.kv.get('k').entry?.modifyIndex, machine.appliedIndex)
        // Carriers of services are no part of a dump: they show in what is found by name.
        const twin = new StateMachine()
        restore(twin, before)
        for (const name of ['web', 'db']) assert.deepEqual(machine.catalog.serviceHealth(name), twin.catalog.serviceHealth(name))
        for (const id of [1, 2]) assert.deepEqual(machine.catalog.nodeById(uuid(id)), twin.catalog.nodeById(uuid(id)))
      } else {
        succeeded++
      }
      const travelled = decodeTxnOutcome(encodeTxnOutcome(outcome))!
      // The first is of the key.
      assert.deepEqual([travelled.results.slice(1), travelled.errors], [outcome.results.slice(1), outcome.errors])
    }
  }), { numRuns: 200 })
  assert.ok(failed > 50 && succeeded > 50, `${failed} failed, ${succeeded} succeeded`)
})

t.test('sessions end with what a transaction takes from them, and only if it succeeds', async (t) => {
  const machine = new StateMachine()
  apply(machine, node('set', 'a'), check('set', 'a', 'alive'))
  const create = (n: number) => machine.apply(machine.appliedIndex + 1, encodeCommand({
    kind: 'session-create', session: { id: uuid(n), name: '', node: 'a', lockDelayNs: 0, behavior: 'release', ttl: '', nodeChecks: ['alive'], serviceChecks: [] },
  }))
  create(1)
  apply(machine, check('set', 'a', 'alive', { status: 'critical' }), node('get', 'nowhere'))
  t.not(machine.sessions.get(uuid(1)), null, 'nothing has happened')
  apply(machine, check('set', 'a', 'alive', { status: 'critical' }))
  t.equal(machine.sessions.get(uuid(1)), null)
  apply(machine, check('set', 'a', 'alive'))
  create(2)
  apply(machine, node('delete', 'a'))
  t.equal(machine.sessions.get(uuid(2)), null)
})

t.test('operations travel in bytes', async (t) => {
  const operations = [node('cas', 'a', { id: uuid(1), meta: { k: 'v' }, index: 5 }), service('set', 'a', 's', { tags: ['x'], taggedAddresses: { lan: { address: '1.2.3.4', port: 5 } } }), check('set', 'a', 'c', { definition: { HTTP: 'http://x' } })]
  t.same(decodeCommand(encodeCommand({ kind: 'txn', operations })), { kind: 'txn', operations })
  const swapped = Buffer.from(encodeCommand({ kind: 'txn', operations: [operations[0]!] }))
  swapped[6] = 3
  t.match(decodeCommand(swapped), { kind: 'invalid', problem: /of kind 3 says that it is a node/ })
})
