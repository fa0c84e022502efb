import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { CatalogCommand } from './catalog-commands.ts'
import type { CatalogWatch } from './catalog-indexes.ts'
import { CatalogTable, type CatalogRead } from './catalog.ts'
import { decodeCommand, encodeCommand } from './commands.ts'
import { StateMachine } from './state-machine.ts'
import { registration, sampleCheck, sampleNode, sampleService } from './testing/catalog-samples.ts'

const deregister = (node: string, serviceId: string | null = null, checkId: string | null = null): CatalogCommand => ({ kind: 'catalog-deregister', node, serviceId, checkId })

function apply(table: CatalogTable, index: number, command: CatalogCommand) {
  return command.kind === 'catalog-register' ? table.register(index, command) : table.deregister(index, command)
}

/** Applies each at the next index, from 1. */
function tableOf(...commands: CatalogCommand[]): CatalogTable {
  const table = new CatalogTable()
  for (const [i, command] of commands.entries()) assert.equal(apply(table, i + 1, command).kind, 'changed')
  return table
}

t.test('an instance with its node and checks, whatever the case of its name', async (t) => {
  const table = tableOf(
    registration(sampleNode('n2'), sampleService('web', { id: 'web-b' })),
    registration(sampleNode('n1'), sampleService('Web', { id: 'web-a', tags: ['v1'] }), [sampleCheck('serfHealth'), sampleCheck('c', { serviceId: 'web-a' })]),
    registration(sampleNode('n1'), sampleService('db'), [sampleCheck('db-check', { serviceId: 'db' })]),
  )
  t.match(table.serviceHealth('WEB').value, [
    { node: { name: 'n1', createIndex: 2 }, service: { id: 'web-a' }, checks: [{ checkId: 'c', serviceName: 'Web', serviceTags: ['v1'] }, { checkId: 'serfHealth', serviceName: '' }] },
    { node: { name: 'n2' }, service: { id: 'web-b' }, checks: [] },
  ])
  t.equal(table.serviceHealth('web').value[0]!.checks.length, 2, 'the check of another service on the node is none of its')
  t.match(table.node('N1').value, { node: { name: 'n1' }, services: [{ id: 'db' }, { id: 'web-a' }] })
  t.same(table.serviceChecks('web').value.map((check) => check.checkId), ['c'])
  t.same(table.nodeChecks('n1').value.map((check) => check.checkId), ['c', 'db-check', 'serfHealth'])
  t.equal(table.checksInState('critical').value.length, 0)
})

t.test('all or nothing: a check without its service, and a name that belongs to another', async (t) => {
  const table = tableOf(registration(sampleNode('n1', { id: 'id-1' }), null, [sampleCheck('serfHealth')]))
  const before = table.dump()
  t.same(table.register(2, registration(sampleNode('n2'), null, [sampleCheck('c', { serviceId: 'web' })])),
    { kind: 'refused', problem: 'failed inserting check: Missing service registration on node "n2"' })
  t.same(table.register(3, registration(sampleNode('n1', { id: 'id-2' }))),
    { kind: 'refused', problem: 'failed inserting node: Error while renaming Node ID: "id-2": Node name n1 is reserved by node id-1 with name n1 (10.0.0.1)' })
  t.same(table.dump(), before)
  table.register(4, registration(sampleNode('n1', { id: 'id-1' }), null, [sampleCheck('serfHealth', { status: 'critical' })]))
  t.equal(table.register(5, registration(sampleNode('n1', { id: 'id-2' }))).kind, 'changed', 'the name of a dead node is free')
})

t.test('a node with a new name and its old id is renamed, and keeps its CreateIndex', async (t) => {
  const table = tableOf(registration(sampleNode('old', { id: 'id-1' }), sampleService('web')), registration(sampleNode('new', { id: 'ID-1' })))
  t.match(table.nodes().value, [{ name: 'new', createIndex: 1, modifyIndex: 2 }])
  t.same(table.serviceInstances('web').value, [])
})

t.test('skipNodeUpdate leaves a known node alone', async (t) => {
  const table = tableOf(registration(sampleNode('n1', { address: '10.0.0.9' })),
    { ...registration(sampleNode('n1', { address: '' }), sampleService('web')), skipNodeUpdate: true })
  t.match(table.serviceInstances('web').value, [{ node: { address: '10.0.0.9', modifyIndex: 1 } }])
})

// Consul 1.8, observed: which change moves whose index.
t.test('indexes move for what they stand for, and for nothing else', async (t) => {
  const table = tableOf(
    registration(sampleNode('n1'), sampleService('web'), [sampleCheck('c', { serviceId: 'web' }), sampleCheck('serfHealth')]),
    registration(sampleNode('n2'), sampleService('db')),
  )
  const watches: Record<string, CatalogWatch> = {
    nodes: { kind: 'nodes' }, services: { kind: 'services' }, checks: { kind: 'checks' },
    web: { kind: 'service', name: 'web' }, webHealth: { kind: 'service-health', name: 'web' }, db: { kind: 'service-health', name: 'db' },
    unknown: { kind: 'service', name: 'unknown' },
  }
  const movedBy = (index: number, command: CatalogCommand) => {
    apply(table, index, command)
    return Object.keys(watches).filter((name) => table.indexOf(watches[name]!) === index)
  }
  t.same(movedBy(10, registration(sampleNode('n1'), sampleService('web'), [sampleCheck('serfHealth')])), [], 'the same again')
  t.same(movedBy(11, registration(sampleNode('n1'), null, [sampleCheck('c', { serviceId: 'web', status: 'critical' })])), ['checks', 'webHealth'])
  t.same(movedBy(12, registration(sampleNode('n1'), null, [sampleCheck('serfHealth', { output: 'x' })])), ['checks', 'webHealth'])
  t.same(movedBy(13, registration(sampleNode('n1', { address: '10.0.0.7' }))), ['nodes', 'web', 'webHealth'])
  t.same(movedBy(14, registration(sampleNode('n1', { address: '10.0.0.7' }), sampleService('web', { id: 'web-2' }))), ['services', 'web', 'webHealth'])
  t.same(movedBy(15, deregister('n1', 'web-2')), ['services', 'web', 'webHealth'])
  t.same(movedBy(16, deregister('n1', 'web-2')), [], 'what is gone goes no more')
  t.same(movedBy(17, deregister('n2', 'db')), ['services', 'db', 'unknown'], 'who waits for an unknown service hears of the last one to go')
  t.same(movedBy(18, deregister('n1', null, 'serfHealth')), ['checks', 'webHealth'])
  t.same(movedBy(19, deregister('n1')), ['nodes', 'services', 'checks', 'web', 'webHealth', 'db', 'unknown'])
  t.same(table.nodes().value.map(({ name }) => name), ['n2'])
})

t.test('tells what sessions must know', async (t) => {
  const table = tableOf(registration(sampleNode('n1'), null, [sampleCheck('a'), sampleCheck('b')]))
  t.match(table.register(2, registration(sampleNode('n1'), null, [sampleCheck('a', { status: 'critical' }), sampleCheck('b', { status: 'warning' })])),
    { change: { failedChecks: [{ node: 'n1', checkId: 'a' }], removedNodes: [] } })
  t.same(table.deregister(3, { kind: 'catalog-deregister', node: 'N1', serviceId: null, checkId: null }),
    { kind: 'changed', change: { failedChecks: [{ node: 'n1', checkId: 'a' }, { node: 'n1', checkId: 'b' }], removedNodes: ['n1'] } })
})

const nodeName = fc.constantFrom('n1', 'N1', 'n2', 'n3')
const serviceName = fc.constantFrom('web', 'Web', 'db')
const serviceId = fc.constantFrom('a', 'A', 'b')
const checkId = fc.constantFrom('c', 'd', 'serfHealth')
const status = fc.constantFrom('passing' as const, 'warning' as const, 'critical' as const)
const command: fc.Arbitrary<CatalogCommand> = fc.oneof(
  { weight: 4, arbitrary: fc.record({
    kind: fc.constant('catalog-register' as const),
    node: fc.record({ name: nodeName, id: fc.constantFrom('', 'id-1', 'id-2'), address: fc.constantFrom('10.0.0.1', '10.0.0.2') }).map(({ name, ...parts }) => sampleNode(name, parts)),
    skipNodeUpdate: fc.boolean(),
    service: fc.option(fc.record({ name: serviceName, id: serviceId, tags: fc.subarray(['x', 'y']), meta: fc.constantFrom(null, { k: 'v' }) }).map(({ name, ...parts }) => sampleService(name, parts))),
    checks: fc.array(fc.record({ id: checkId, status, serviceId: fc.constantFrom('', 'a', 'b') }).map(({ id, ...parts }) => sampleCheck(id, parts)), { maxLength: 2 }),
  }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('catalog-deregister' as const), node: nodeName, serviceId: fc.option(serviceId), checkId: fc.option(checkId) }) },
)

function reads(table: CatalogTable): CatalogRead<unknown>[] {
  return [
    table.nodes(), table.instances(), ...['web', 'db'].flatMap((name) => [table.serviceInstances(name), table.serviceHealth(name), table.serviceChecks(name)]),
    ...['n1', 'n2'].flatMap((name) => [table.node(name), table.nodeChecks(name)]), table.checksInState('any'), table.checksInState('critical'),
  ]
}

t.test('whoever reads another value reads a higher index: no watcher sleeps through a change', async (t) => {
  fc.assert(fc.property(fc.array(command, { maxLength: 40, size: 'max' }), (commands) => {
    let touched = new Set<string>()
    const table = new CatalogTable((name, key) => { touched.add(`${name} ${key}`) })
    let before = reads(table)
    for (const [i, one] of commands.entries()) {
      // From 2: 1 is the index of nothing at all.
      touched = new Set()
      apply(table, i + 2, one)
      const after = reads(table)
      for (const [k, { index, value, watch }] of after.entries()) {
        const was = before[k]!
        assert.ok(index >= was.index, `${JSON.stringify(watch)} fell from ${was.index} to ${index}`)
        assert.equal(index, table.indexOf(watch))
        if (index === was.index) assert.deepEqual(value, was.value)
        const isTouched = table.interestsOf(watch).some((interest) => interest.kind === 'key'
          ? touched.has(`${interest.table} ${interest.key}`) : [...touched].some((one) => one.startsWith(`${interest.table} `)))
        // Who waits for what is not there may sleep through the end of something else.
        const isAbsent = Array.isArray(value) && value.length === 0 && Array.isArray(was.value) && was.value.length === 0
        if (!isAbsent) assert.equal(isTouched, index > was.index, `${JSON.stringify(watch)} is touched when it moves`)
      }
      before = after
    }
  }), { numRuns: 300 })
  t.pass()
})

t.test('a dump restored goes on as the original does', async (t) => {
  fc.assert(fc.property(fc.array(command, { maxLength: 20 }), fc.array(command, { maxLength: 20 }), (first, then) => {
    const original = new CatalogTable()
    first.forEach((one, i) => apply(original, i + 1, one))
    const restored = new CatalogTable()
    restored.restore(JSON.parse(JSON.stringify(original.dump())))
    then.forEach((one, i) => assert.deepEqual(apply(restored, 100 + i, one), apply(original, 100 + i, one)))
    assert.deepEqual(restored.dump(), original.dump())
    assert.deepEqual(reads(restored), reads(original))
  }), { numRuns: 200 })
  t.pass()
})

t.test('what is encoded is decoded; no bytes make decoding throw', async (t) => {
  fc.assert(fc.property(command, (one) => assert.deepEqual(decodeCommand(encodeCommand(one)), structuredClone(one))))
  fc.assert(fc.property(fc.constantFrom(30, 31, 49), fc.oneof(fc.uint8Array(), fc.json().map((text) => Buffer.from(text))), (code, rest) => {
    const head = Buffer.from([1, code, 0, 0, 0, 0])
    assert.equal(decodeCommand(Buffer.concat([head, rest])).kind, 'invalid')
  }))
  t.pass()
})

// Goal: a log written by one version is applied alike by the next.
t.test('golden bytes', async (t) => {
  t.equal(Buffer.from(encodeCommand(deregister('n1', 'web'))).toString('latin1'), '\x01\x1f\x02\0\0\0n1{"serviceId":"web","checkId":null}')
  t.equal(Buffer.from(encodeCommand(registration(sampleNode('n1'), null, [sampleCheck('c')]))).toString('latin1'),
    '\x01\x1e\x02\0\0\0n1{"id":"","address":"10.0.0.1","taggedAddresses":null,"meta":null,"skipNodeUpdate":false,"service":null,"checks":[' +
    '{"checkId":"c","name":"c","status":"passing","notes":"","output":"","serviceId":"","type":"","definition":{}}]}')
})

t.test('the state machine applies them and says what was refused', async (t) => {
  const machine = new StateMachine()
  t.same(machine.apply(5, encodeCommand(registration(sampleNode('n1'), sampleService('web')))), { kind: 'kv', succeeded: true })
  t.match(machine.apply(6, encodeCommand(registration(sampleNode('n1'), null, [sampleCheck('c', { serviceId: 'no' })]))), { kind: 'invalid', problem: /Missing service registration/ })
  t.match(machine.catalog.serviceInstances('web'), { index: 5, value: [{ service: { createIndex: 5, modifyIndex: 5 } }] })
  t.equal(machine.kv.index, 1, 'the key-value table has indexes of its own')
})
