import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Command, encodeCommand, type KvCommand } from './commands.ts'
import { KvTable } from './kv.ts'
import { StateMachine } from './state-machine.ts'

const value = (text: string) => Buffer.from(text)
const set = (key: string, text: string, flags = 0n): Command => ({ kind: 'set', key, value: value(text), flags })
const cas = (key: string, text: string, modifyIndex: number, flags = 0n): Command => ({ kind: 'cas', key, value: value(text), flags, modifyIndex })

/** Applies each command at the next index, from 1, and gives what they answered. */
function applyAll(machine: StateMachine, commands: readonly Command[], from = 1): unknown[] {
  return commands.map((command, i) => {
    const result = machine.apply(from + i, encodeCommand(command))
    return result.kind === 'kv' ? result.succeeded : result.problem
  })
}

t.test('set: create and modify index, flags, and a write of the same bytes', async (t) => {
  const machine = new StateMachine()
  t.equal(machine.kv.get('a').index, 1, 'an index is never below 1')
  applyAll(machine, [set('x', ''), set('a', 'one', 42n), set('a', 'two')], 10)
  t.match(machine.kv.get('a'), { index: 12, entry: { key: 'a', flags: 0n, createIndex: 11, modifyIndex: 12, lockIndex: 0, session: null } })
  applyAll(machine, [set('a', 'two')], 13)
  t.equal(machine.kv.get('a').index, 12, 'the same bytes change nothing')
  applyAll(machine, [set('a', 'two', 1n)], 14)
  t.equal(machine.kv.get('a').index, 14, 'other flags do')
  t.equal(machine.kv.get('missing').index, 14, 'a missing key has the index of the table')
  t.equal(machine.appliedIndex, 14)
})

t.test('cas: 0 creates only, otherwise the ModifyIndex must match', async (t) => {
  const machine = new StateMachine()
  t.same(applyAll(machine, [cas('a', '1', 5), cas('a', '1', 0), cas('a', '2', 0), cas('a', '2', 2), cas('a', '3', 2), cas('a', '2', 4)]), [false, true, false, true, false, true])
  t.match(machine.kv.get('a').entry, { createIndex: 2, modifyIndex: 4 }, 'a cas that writes the same bytes changes nothing')
})

t.test('delete, delete-cas, delete-tree', async (t) => {
  const machine = new StateMachine()
  t.same(applyAll(machine, [
    set('a/1', 'x'), set('a/2', 'x'), set('b', 'x'),
    { kind: 'delete', key: 'absent' },
    { kind: 'delete-cas', key: 'b', modifyIndex: 0 },
    { kind: 'delete-cas', key: 'b', modifyIndex: 2 },
    { kind: 'delete-cas', key: 'b', modifyIndex: 3 },
    { kind: 'delete-cas', key: 'b', modifyIndex: 3 },
  ]), [true, true, true, true, false, false, true, true])
  t.equal(machine.kv.index, 7, 'deleting what is absent changes nothing')
  applyAll(machine, [set('c', 'x')], 20)
  t.match(machine.kv.list('b'), { index: 7, entries: [] }, 'a deletion is the last change under its prefix')
  t.equal(machine.kv.list('a/').index, 2, 'an unrelated write does not touch a prefix')
  applyAll(machine, [{ kind: 'delete-tree', prefix: 'a/' }, { kind: 'delete-tree', prefix: 'a/' }], 21)
  t.match(machine.kv.list('a/'), { index: 21, entries: [] })
  t.equal(machine.kv.list('a/1').index, 21)
  t.equal(machine.kv.list('never').index, 21)
  t.equal(machine.kv.size, 1)
  applyAll(machine, [{ kind: 'delete-tree', prefix: '' }], 30)
  t.equal(machine.kv.size, 0)
  t.equal(machine.kv.list('').index, 30)
})

t.test('a prefix never goes back when a tree above it is deleted', async (t) => {
  const machine = new StateMachine()
  applyAll(machine, [set('a/b/x', '1'), { kind: 'delete', key: 'a/b/x' }, set('a/b/y', '1'), { kind: 'delete-tree', prefix: 'a/' }])
  t.equal(machine.kv.list('a/b/').index, 4)
})

t.test('list in the order of bytes; keys cut at the separator', async (t) => {
  const machine = new StateMachine()
  applyAll(machine, ['a/y/2', 'a/z', 'a/x/1', 'b', 'a/y/1', 'a', 'a/😀', 'a/\uffff'].map((key) => set(key, key)))
  t.same(machine.kv.list('a/').entries.map(({ key }) => key), ['a/x/1', 'a/y/1', 'a/y/2', 'a/z', 'a/\uffff', 'a/😀'])
  t.same(machine.kv.keys('a/', '/').keys, ['a/x/', 'a/y/', 'a/z', 'a/\uffff', 'a/😀'])
  t.same(machine.kv.keys('a', '/').keys, ['a', 'a/'])
  t.same(machine.kv.keys('', '').keys.length, 8)
  t.same(machine.kv.keys('a/y', '/').keys, ['a/y/'])
  t.same(machine.kv.keys('a/', '/y').keys, ['a/x/1', 'a/y/1', 'a/y/2', 'a/z', 'a/\uffff', 'a/😀'], 'a separator that begins with the end of the prefix')
  t.same(machine.kv.keys('a', '/y/').keys, ['a', 'a/x/1', 'a/y/', 'a/z', 'a/\uffff', 'a/😀'])
})

t.test('a value is a copy of what was applied', async (t) => {
  const machine = new StateMachine()
  const command = encodeCommand(set('a', 'kept'))
  machine.apply(1, command)
  command.fill(0)
  t.equal(Buffer.from(machine.kv.get('a').entry!.value).toString(), 'kept')
})

t.test('garbage is refused and changes nothing, and an index applied twice is a bug', async (t) => {
  const machine = new StateMachine()
  t.match(machine.apply(1, Buffer.from('garbage')), { kind: 'invalid', problem: /version 103/ })
  t.equal(machine.kv.index, 1)
  t.throws(() => machine.apply(1, encodeCommand(set('a', ''))), { name: 'InvariantError' })
})

/** The rules once more, as plainly as can be: everything scanned for every question. */
class NaiveKv {
  index = 0
  entries: { key: string, text: string, flags: bigint, createIndex: number, modifyIndex: number }[] = []
  graves: { key: string, index: number }[] = []

  apply(index: number, command: KvCommand): boolean {
    switch (command.kind) {
      case 'set':
      case 'cas': {
        const old = this.entries.find(({ key }) => key === command.key)
        if (command.kind === 'cas' && command.modifyIndex !== (old?.modifyIndex ?? 0)) return false
        const text = Buffer.from(command.value).toString('hex')
        if (old?.text === text && old.flags === command.flags) return true
        this.entries = this.entries.filter((entry) => entry !== old)
        this.entries.push({ key: command.key, text, flags: command.flags, createIndex: old?.createIndex ?? index, modifyIndex: index })
        this.index = index
        return true
      }
      case 'delete': return this.#remove(index, ({ key }) => key === command.key)
      case 'delete-cas': {
        const old = this.entries.find(({ key }) => key === command.key)
        if (old !== undefined && old.modifyIndex !== command.modifyIndex) return false
        return this.#remove(index, (entry) => entry === old)
      }
      case 'delete-tree': return this.#remove(index, ({ key }) => key.startsWith(command.prefix))
    }
  }

  #remove(index: number, matches: (entry: NaiveKv['entries'][number]) => boolean): boolean {
    for (const entry of this.entries.filter(matches)) {
      this.graves.push({ key: entry.key, index })
      this.index = index
    }
    this.entries = this.entries.filter((entry) => !matches(entry))
    return true
  }

  list(prefix: string) {
    const entries = this.entries.filter(({ key }) => key.startsWith(prefix)).sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
    const graves = this.graves.filter(({ key }) => key.startsWith(prefix)).map(({ index }) => index)
    const highest = prefix === '' ? 0 : Math.max(0, ...entries.map(({ modifyIndex }) => modifyIndex), ...graves)
    return { index: Math.max(1, highest || this.index), entries }
  }
}

// Few, so that commands meet; each the prefix of some other.
const key = fc.constantFrom('', 'a', 'a/', 'a/a', 'a/é', 'a/é/b', 'b', 'b/')
const flags = fc.constantFrom(0n, 1n, 2n ** 64n - 1n)
const bytes = fc.uint8Array({ maxLength: 1, max: 1 })
const command: fc.Arbitrary<KvCommand> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), key, value: bytes, flags }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('cas' as const), key, value: bytes, flags, modifyIndex: fc.nat(30) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete-cas' as const), key, modifyIndex: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete-tree' as const), prefix: key }) },
)

t.test('equals a naive model', async (t) => {
  fc.assert(fc.property(fc.array(command, { maxLength: 40, size: 'max' }), fc.array(key, { minLength: 3, maxLength: 8 }), (commands, questions) => {
    const machine = new StateMachine()
    const model = new NaiveKv()
    for (const [i, one] of commands.entries()) {
      const result = machine.apply(i + 1, encodeCommand(one))
      assert.deepEqual(result, { kind: 'kv', succeeded: model.apply(i + 1, one) })
    }
    for (const question of ['', ...questions]) {
      const { index, entries } = machine.kv.list(question)
      const shown = entries.map(({ value, key, flags, createIndex, modifyIndex }) => ({ key, text: Buffer.from(value).toString('hex'), flags, createIndex, modifyIndex }))
      assert.deepEqual({ index, entries: shown }, model.list(question))
      const one = model.entries.find(({ key }) => key === question)
      assert.equal(machine.kv.get(question).index, one?.modifyIndex ?? Math.max(1, model.index))
      assert.equal(machine.kv.get(question).entry?.createIndex, one?.createIndex)
    }
  }), { numRuns: 500 })
  t.pass()
})

t.test('with few tombstones a prefix may count as changed too often, but never too seldom', async (t) => {
  fc.assert(fc.property(fc.array(command, { maxLength: 60, size: 'max' }), key, fc.integer({ min: 1, max: 3 }), (commands, prefix, tombstonesMax) => {
    const small = new KvTable(tombstonesMax)
    const exact = new KvTable()
    let before = 1
    let beforeKeys = ''
    for (const [i, one] of commands.entries()) {
      for (const table of [small, exact]) {
        if (one.kind === 'set') table.set(i + 1, one.key, one.value, one.flags)
        if (one.kind === 'delete') table.delete(i + 1, one.key)
        if (one.kind === 'delete-tree') table.deleteTree(i + 1, one.prefix)
      }
      const { index, entries } = small.list(prefix)
      const keys = JSON.stringify(entries.map(({ key }) => key))
      assert.ok(index >= exact.list(prefix).index)
      if (keys !== beforeKeys && i > 0) assert.ok(index > before || index === 1, `the keys under ${JSON.stringify(prefix)} changed at ${i + 1} but the index went from ${before} to ${index}`)
      before = index
      beforeKeys = keys
    }
  }), { numRuns: 500 })
  t.pass()
})
