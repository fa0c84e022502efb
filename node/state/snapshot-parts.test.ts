/** What goes into a snapshot comes out of it: every table of the state machine, also while it goes on changing. */
import t from 'tap'
import { type Command, encodeCommand } from './commands.ts'
import { StateMachine } from './state-machine.ts'
import { registration, sampleCheck, sampleNode, sampleService } from './testing/catalog-samples.ts'

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const value = (text: string) => Buffer.from(text)

/** Commands that leave something in every table, deletions included. */
const commands: readonly Command[] = [
  registration(sampleNode('n1', { id: uuid(1), meta: { rack: 'r1' }, taggedAddresses: { lan: '10.0.0.1' } }), sampleService('web', { tags: ['v1'], meta: { a: 'b' }, taggedAddresses: { lan: { address: '10.0.0.1', port: 80 } } }), [sampleCheck('serfHealth'), sampleCheck('web-ok', { serviceId: 'web', status: 'warning', definition: { HTTP: 'http://x' } })]),
  registration(sampleNode('N2'), sampleService('gone')),
  { kind: 'catalog-deregister', node: 'N2', serviceId: 'gone', checkId: null },
  { kind: 'set', key: 'a/1', value: value('one'), flags: 2n ** 64n - 1n },
  { kind: 'set', key: 'a/2', value: value(''), flags: 0n },
  { kind: 'session-create', session: { id: uuid(7), name: 'lock', node: 'n1', lockDelayNs: 15e9, behavior: 'delete', ttl: '30s', nodeChecks: ['serfHealth'], serviceChecks: [{ id: 'web-ok', namespace: '' }] } },
  { kind: 'session-create', session: { id: uuid(8), name: '', node: 'n1', lockDelayNs: 0, behavior: 'release', ttl: '', nodeChecks: [], serviceChecks: [] } },
  { kind: 'session-renew', id: uuid(7) },
  { kind: 'lock', key: 'held', value: value('x'), flags: 0n, session: uuid(7) },
  { kind: 'lock', key: 'held/too', value: value('y'), flags: 3n, session: uuid(8) },
  { kind: 'delete', key: 'a/2' },
]

/** What comes behind: it shows whether the tables work on, not only whether they look alike. */
const later: readonly Command[] = [
  { kind: 'lock', key: 'held', value: value('no'), flags: 0n, session: uuid(8) },
  { kind: 'session-expire', id: uuid(7), renewedIndex: 6 },
  { kind: 'session-expire', id: uuid(7), renewedIndex: 8 },
  { kind: 'catalog-deregister', node: 'n1', serviceId: 'web', checkId: null },
  registration(sampleNode('n3', { id: uuid(1) })),
  { kind: 'delete-tree', prefix: '' },
]

function applyAll(machine: StateMachine, all: readonly Command[]): unknown[] {
  return all.map((command) => machine.apply(machine.appliedIndex + 1, encodeCommand(command)))
}

/** All that readers can see. */
function shown({ kv, sessions, catalog, appliedIndex }: StateMachine): unknown {
  const prefixes = ['', 'a', 'a/', 'a/2', 'held', 'none']
  return {
    appliedIndex, kvIndex: kv.index, kv: prefixes.map((prefix) => kv.list(prefix)), missing: kv.get('missing'),
    sessionIndex: sessions.index, sessions: sessions.list().map((session) => ({ session, renewed: sessions.renewedIndex(session.id) })), ofNode: sessions.ofNode('n1'),
    nodes: catalog.nodes(), services: catalog.instances(), gone: catalog.serviceHealth('gone'), web: catalog.serviceHealth('WEB'), checks: catalog.checksInState('any'),
    tables: (['nodes', 'services', 'checks'] as const).map((kind) => catalog.indexOf({ kind })),
  }
}

function restored(sections: readonly (readonly [name: string, records: readonly Uint8Array[]])[], index: number): StateMachine {
  const machine = new StateMachine()
  // It is not empty before.
  applyAll(machine, [registration(sampleNode('old')), { kind: 'set', key: 'old', value: value('old'), flags: 0n }])
  for (const part of machine.parts) {
    const restore = part.restore()
    for (const record of sections.find(([name]) => name === part.name)?.[1] ?? []) restore.add(record)
    restore.finish()
  }
  machine.restoredTo(index)
  return machine
}

t.test('a restored machine shows the same and goes on the same', async (t) => {
  const original = new StateMachine()
  for (const result of applyAll(original, commands)) t.match(result, { succeeded: true })
  const before = shown(original)
  const captures = original.parts.map((part) => ({ name: part.name, capture: part.capture() }))
  // What changes while the records are made is not in them.
  const laterResults = applyAll(original, later)
  const sections = captures.map(({ name, capture }) => {
    const records = [...{ [Symbol.iterator]: () => capture.records }]
    capture.release()
    return [name, records] as const
  })
  const copy = restored(sections, commands.length)
  t.same(shown(copy), before)
  t.same(applyAll(copy, later), laterResults)
  t.same(shown(copy), shown(original))
})

t.test('a section that is not there leaves its table empty, and nothing of what was before', async (t) => {
  const machine = restored([], 5)
  t.same(shown(machine), { ...shown(new StateMachine()) as object, appliedIndex: 5 })
})

t.test('who waits is woken: the state is another one', async (t) => {
  const machine = new StateMachine()
  const causes: string[] = []
  machine.watches.add([{ kind: 'key', table: 'kv', key: 'a' }], (cause) => causes.push(cause))
  machine.restoredTo(9)
  t.same(causes, ['replaced'])
})

t.test('records that are none are refused with what is wrong', async (t) => {
  for (const part of new StateMachine().parts) {
    for (const bytes of ['', 'x', '{}', '{"index":-1}', '{"session":{"id":5},"renewedIndex":1}', '{"node":{}}', '\xff']) {
      t.throws(() => part.restore().add(Buffer.from(bytes, 'latin1')), { name: 'RangeError' }, `${part.name}: ${bytes}`)
    }
  }
})
