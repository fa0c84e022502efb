import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { encodeCommand } from './commands.ts'
import type { KvTable } from './kv.ts'
import { StateMachine } from './state-machine.ts'
import { everythingRegistered } from './testing/catalog-samples.ts'
import { isWrite, readTransaction, type KvOperation, type TxnOutcome } from './txn.ts'
import { decodeTxnOutcome, encodeTxnOutcome } from './txn-bytes.ts'

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

function op(verb: string, key: string, fields: Partial<KvOperation> = {}): KvOperation {
  return { kind: 'kv', verb, key, value: Buffer.from(''), flags: 0n, index: 0, session: '', ...fields }
}

function machineWithSessions(count = 2): StateMachine {
  const machine = new StateMachine(null, everythingRegistered)
  for (let n = 1; n <= count; n++) {
    machine.apply(n, encodeCommand({
      kind: 'session-create',
      session: { id: uuid(n), name: '', node: 'n1', lockDelayNs: 0, behavior: 'release', ttl: '', nodeChecks: [], serviceChecks: [] },
    }))
  }
  return machine
}

function apply(machine: StateMachine, ...operations: KvOperation[]): TxnOutcome {
  const result = machine.apply(machine.appliedIndex + 1, encodeCommand({ kind: 'txn', operations }))
  assert.equal(result.kind, 'txn')
  return (result as { outcome: TxnOutcome }).outcome
}

/** All that a reader can see. */
function shown(machine: StateMachine) {
  return {
    index: machine.kv.index,
    entries: machine.kv.list('').entries.map((entry) => ({ ...entry, value: Buffer.from(entry.value).toString('hex') })),
    prefixes: ['a', 'a/', 'b', 'c'].map((prefix) => machine.kv.list(prefix).index),
  }
}

const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')

t.test('operations see what those before them did; one index for all', async (t) => {
  const machine = machineWithSessions()
  const value = Buffer.from('v')
  const { results, errors } = apply(machine,
    op('set', 'a/1', { value, flags: 5n }), op('get', 'a/1'), op('cas', 'a/2', { value }), op('check-index', 'a/2', { index: 3 }), op('lock', 'a/1', { value, session: uuid(1) }),
    op('check-session', 'a/1', { session: uuid(1) }), op('set', 'b', { value }), op('delete', 'b'), op('check-not-exists', 'b'), op('get-tree', 'a/'), op('delete-tree', 'a/2'))
  t.same(errors, [])
  t.same(results.map((one) => (one as Extract<typeof one, { kind: 'kv' }>).entry).map((entry) => `${entry.key} ${hex(entry.value)} ${entry.flags} ${entry.modifyIndex} ${entry.lockIndex}`), [
    'a/1  5 3 0', 'a/1 76 5 3 0', 'a/2  0 3 0', 'a/2  0 3 0', 'a/1  0 3 1', 'a/1  0 3 1', 'b  0 3 0', 'a/1 76 0 3 1', 'a/2 76 0 3 0',
  ], 'writes and checks without values; deletions and check-not-exists show nothing')
  t.same(machine.kv.list('').entries.map(({ key, session }) => [key, session]), [['a/1', uuid(1)]])
  t.equal(machine.kv.list('b').index, 3, 'what was made and deleted within leaves a grave')
})

t.test('every failure is told, in Consul\'s words, and nothing has happened', async (t) => {
  const machine = machineWithSessions()
  apply(machine, op('set', 'k'), op('lock', 'held', { session: uuid(1) }))
  const before = shown(machine)
  const wanted: [KvOperation, string][] = [
    [op('get', 'nope'), 'key "nope" doesn\'t exist'],
    [op('cas', 'k', { index: 99 }), 'failed to set key "k", index is stale'],
    [op('delete-cas', 'k', { index: 99 }), 'failed to delete key "k", index is stale'],
    [op('check-index', 'k', { index: 1 }), 'failed index check for key "k", current modify index 3 != 1'],
    [op('check-index', 'nope', { index: 1 }), 'failed to check index, key "nope" doesn\'t exist'],
    [op('check-not-exists', 'k'), 'key "k" exists'],
    [op('check-session', 'k', { session: uuid(1) }), `failed session check for key "k", current session "" != "${uuid(1)}"`],
    [op('check-session', 'nope', { session: uuid(1) }), 'failed to check session, key "nope" doesn\'t exist'],
    [op('lock', 'k', { session: uuid(9) }), `invalid session "${uuid(9)}"`],
    [op('lock', 'k'), 'missing session'],
    [op('lock', 'held', { session: uuid(2) }), 'failed to lock key "held", lock is already held'],
    [op('unlock', 'held', { session: uuid(2) }), 'failed to unlock key "held", lock isn\'t held, or is held by another session'],
    [op('unlock', 'k'), 'missing session'],
    [op('zap', 'k'), 'unknown KV verb "zap"'],
  ]
  const operations = wanted.flatMap(([one]) => [op('set', 'made', { value: Buffer.from('x') }), one])
  t.same(apply(machine, ...operations), { results: [], errors: wanted.map(([, what], i) => ({ opIndex: 2 * i + 1, what })) })
  t.same(shown(machine), before)
  t.same(apply(machine, op('set', 'x'), op('set', ''), op('get', ''), op('delete-tree', '')).errors, [{ opIndex: 1, what: 'Must provide key' }, { opIndex: 2, what: 'Must provide key' }])
  t.same(shown(machine), before)
  t.same(apply(machine), { results: [], errors: [] })
  t.same(shown(machine), before)
})

t.test('who watches is woken once for a transaction, and not for one that failed', async (t) => {
  const machine = machineWithSessions()
  apply(machine, op('set', 'a'))
  let woken = 0
  machine.watches.add([machine.kv.interestInKey('a'), machine.kv.interestInPrefix('a')], () => { woken++ })
  apply(machine, op('set', 'a', { flags: 1n }), op('get', 'nope'))
  machine.watches.flush()
  t.equal(woken, 0)
  apply(machine, op('set', 'a', { flags: 1n }), op('set', 'a', { flags: 2n }), op('delete', 'a'))
  machine.watches.flush()
  t.equal(woken, 1)
})

t.test('what a session holds is right behind a transaction that failed', async (t) => {
  const machine = machineWithSessions()
  apply(machine, op('lock', 'a', { session: uuid(1) }), op('lock', 'b', { session: uuid(1) }))
  apply(machine, op('unlock', 'a', { session: uuid(1) }), op('lock', 'a', { session: uuid(2) }), op('delete', 'b'), op('lock', 'c', { session: uuid(1) }), op('get', 'nope'))
  machine.apply(100, encodeCommand({ kind: 'session-destroy', id: uuid(1) }))
  t.same(machine.kv.list('').entries.map(({ key, session, modifyIndex }) => [key, session, modifyIndex]), [['a', null, 100], ['b', null, 100]])
})

const key = fc.constantFrom('a', 'a/', 'a/x', 'b', 'c')
const operation: fc.Arbitrary<KvOperation> = fc.record({
  kind: fc.constant('kv' as const),
  verb: fc.constantFrom('set', 'cas', 'lock', 'unlock', 'get', 'get-tree', 'check-index', 'check-session', 'check-not-exists', 'delete', 'delete-tree', 'delete-cas'),
  key, value: fc.uint8Array({ maxLength: 1, max: 1 }), flags: fc.constantFrom(0n, 1n), index: fc.nat(12), session: fc.constantFrom(uuid(1), uuid(2)),
})

// Goal: all or nothing, and when all, the same as one behind another.
t.test('equals its operations one by one, or nothing', async (t) => {
  let succeeded = 0
  fc.assert(fc.property(fc.array(operation, { maxLength: 8 }), fc.array(operation, { maxLength: 6 }), (setting, operations) => {
    const machine = machineWithSessions()
    const twin = machineWithSessions()
    for (const one of setting) for (const each of [machine, twin]) apply(each, one)
    const before = shown(machine)
    const outcome = apply(machine, ...operations)
    if (outcome.errors.length > 0) {
      assert.deepEqual(outcome.results, [])
      assert.deepEqual(shown(machine), before)
      // Nothing is left behind that would show later.
      twin.apply(machine.appliedIndex, encodeCommand({ kind: 'txn', operations: [] }))
    } else {
      succeeded++
      const index = machine.appliedIndex
      // The rules of the table alone, each operation kept at once.
      const results = operations.flatMap((one) => stepAlone(twin.kv as KvTable, index, one))
      assert.deepEqual(outcome.results.map((one) => (one as Extract<typeof one, { kind: 'kv' }>).entry).map((entry) => entry.key), results)
      assert.deepEqual(shown(machine), shown(twin))
    }
    for (const id of [1, 2]) for (const each of [machine, twin]) each.apply(Math.max(machine.appliedIndex, twin.appliedIndex, 100) + id, encodeCommand({ kind: 'session-destroy', id: uuid(id) }))
    assert.deepEqual(shown(machine).entries.map((entry) => ({ ...entry, modifyIndex: 0 })), shown(twin).entries.map((entry) => ({ ...entry, modifyIndex: 0 })))
  }), { numRuns: 1000 })
  t.ok(succeeded > 50, `${succeeded} transactions were carried out`)
})

/** Applies one operation as a plain command would be, at an index that is not checked; gives the keys that it shows. */
function stepAlone(kv: KvTable, index: number, one: KvOperation): string[] {
  switch (one.verb) {
    case 'set': kv.set(index, one.key, one.value, one.flags); return [one.key]
    case 'cas': assert.ok(kv.compareAndSet(index, one.key, one.value, one.flags, one.index)); return [one.key]
    case 'lock': assert.ok(kv.lock(index, one.key, one.value, one.flags, one.session)); return [one.key]
    case 'unlock': assert.ok(kv.unlock(index, one.key, one.value, one.flags, one.session)); return [one.key]
    case 'delete': kv.delete(index, one.key); return []
    case 'delete-cas': assert.ok(kv.compareAndDelete(index, one.key, one.index)); return []
    case 'delete-tree': kv.deleteTree(index, one.key); return []
    case 'get-tree': return kv.list(one.key).entries.map((entry) => entry.key)
    case 'check-not-exists': assert.equal(kv.get(one.key).entry, null); return []
    default: {
      const { entry } = kv.get(one.key)
      assert.ok(entry !== null)
      if (one.verb === 'check-index') assert.equal(entry.modifyIndex, one.index)
      if (one.verb === 'check-session') assert.equal(entry.session, one.session)
      return [one.key]
    }
  }
}

t.test('what reads only gives the same from the state as through the log', async (t) => {
  fc.assert(fc.property(fc.array(operation, { maxLength: 8 }), fc.array(operation, { maxLength: 6 }), (setting, operations) => {
    const machine = machineWithSessions()
    for (const one of setting) apply(machine, one)
    const reads = operations.filter((one) => !isWrite(one))
    assert.deepEqual(readTransaction(machine.kv, machine.catalog, reads), apply(machine, ...reads))
  }), { numRuns: 300 })
  t.pass()
})

t.test('an outcome travels in bytes', async (t) => {
  const text = fc.string({ unit: 'binary' })
  const outcome = fc.record({
    results: fc.array(fc.record({
      kind: fc.constant('kv' as const),
      entry: fc.record({
        key: text, value: fc.uint8Array().map((bytes) => Buffer.from(bytes)), flags: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        createIndex: fc.maxSafeNat(), modifyIndex: fc.maxSafeNat(), lockIndex: fc.maxSafeNat(), session: fc.option(text),
      }, { noNullPrototype: true }),
    }, { noNullPrototype: true })),
    errors: fc.array(fc.record({ opIndex: fc.nat(63), what: text }, { noNullPrototype: true })),
  }, { noNullPrototype: true })
  fc.assert(fc.property(outcome, (one) => assert.deepEqual(decodeTxnOutcome(encodeTxnOutcome(one)), one)))
  fc.assert(fc.property(fc.uint8Array(), (bytes) => { decodeTxnOutcome(bytes) }))
  t.equal(decodeTxnOutcome(Buffer.from('ffffffff', 'hex')), null)
})
