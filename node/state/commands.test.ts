import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Command, decodeCommand, encodeCommand } from './commands.ts'

const key = fc.string({ unit: 'binary' })
const flags = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const value = fc.uint8Array()
const modifyIndex = fc.maxSafeNat()
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), key, value, flags }),
  fc.record({ kind: fc.constant('cas' as const), key, value, flags, modifyIndex }),
  fc.record({ kind: fc.constant('delete' as const), key }),
  fc.record({ kind: fc.constant('delete-cas' as const), key, modifyIndex }),
  fc.record({ kind: fc.constant('delete-tree' as const), prefix: key }),
  fc.record({ kind: fc.constantFrom('lock' as const, 'unlock' as const), key, session: key, value, flags }),
  fc.record({ kind: fc.constantFrom('session-destroy' as const, 'session-renew' as const), id: key }),
  fc.record({ kind: fc.constant('session-expire' as const), id: key, renewedIndex: modifyIndex }),
  fc.record({
    kind: fc.constant('txn' as const),
    operations: fc.array(fc.record({
      kind: fc.constant('kv' as const), verb: fc.constantFrom('set', 'get', 'zap'), key, value: value.map((bytes) => Buffer.from(bytes)), flags, index: modifyIndex, session: key,
    }, { noNullPrototype: true })),
  }),
  fc.record({
    kind: fc.constant('session-create' as const),
    session: fc.record({
      id: key, name: key, node: key, lockDelayNs: fc.maxSafeNat(), behavior: fc.constantFrom('release' as const, 'delete' as const), ttl: key,
      nodeChecks: fc.array(key), serviceChecks: fc.array(fc.record({ id: key, namespace: key }, { noNullPrototype: true })),
    }, { noNullPrototype: true }),
  }),
)

const shown = (decoded: object) => ({ ...decoded, ...('value' in decoded ? { value: [...decoded.value as Uint8Array] } : {}) })

t.test('what is encoded is decoded', async (t) => {
  fc.assert(fc.property(command, (one) => assert.deepEqual(shown(decodeCommand(encodeCommand(one))), shown(one))))
  t.pass()
})

// Goal: a log written by one version is applied alike by the next.
t.test('golden bytes', async (t) => {
  const golden: [Command, string][] = [
    [{ kind: 'set', key: 'a/é', value: Buffer.from('hi'), flags: 2n ** 64n - 1n }, '0101' + '04000000' + '612fc3a9' + 'ffffffffffffffff' + '6869'],
    [{ kind: 'cas', key: 'k', value: Buffer.from(''), flags: 42n, modifyIndex: 2 ** 32 + 1 }, '0102' + '01000000' + '6b' + '0100000001000000' + '2a00000000000000'],
    [{ kind: 'delete', key: 'k' }, '0103' + '01000000' + '6b'],
    [{ kind: 'delete-cas', key: 'k', modifyIndex: 7 }, '0104' + '01000000' + '6b' + '0700000000000000'],
    [{ kind: 'delete-tree', prefix: '' }, '0105' + '00000000'],
    [{ kind: 'lock', key: 'k', session: 's', flags: 42n, value: Buffer.from('hi') }, '010a' + '01000000' + '6b' + '01000000' + '73' + '2a00000000000000' + '02000000' + '6869'],
    [{ kind: 'unlock', key: 'k', session: 's', flags: 0n, value: Buffer.from('') }, '010b' + '01000000' + '6b' + '01000000' + '73' + '0000000000000000' + '00000000'],
    [{
      kind: 'session-create',
      session: { id: 'i', name: 'n', node: 'o', lockDelayNs: 15e9, behavior: 'delete', ttl: '10s', nodeChecks: ['c'], serviceChecks: [{ id: 'w', namespace: '' }] },
    }, '010c' + '01000000' + '69' + '01000000' + '6e' + '01000000' + '6f' + '00d6117e03000000' + '01' + '03000000' + '313073' + '01000000' + '01000000' + '63' + '01000000' + '01000000' + '77' + '00000000'],
    [{ kind: 'txn', operations: [{ kind: 'kv', verb: 'set', key: 'k', value: Buffer.from('hi'), flags: 42n, index: 7, session: '' }] },
      '0114' + '01000000' + '01' + '03000000' + '736574' + '01000000' + '6b' + '02000000' + '6869' + '2a00000000000000' + '0700000000000000' + '00000000'],
    [{ kind: 'session-destroy', id: 'i' }, '010d' + '01000000' + '69'],
    [{ kind: 'session-renew', id: 'i' }, '010e' + '01000000' + '69'],
    [{ kind: 'session-expire', id: 'i', renewedIndex: 7 }, '010f' + '01000000' + '69' + '0700000000000000'],
  ]
  for (const [one, hex] of golden) t.equal(Buffer.from(encodeCommand(one)).toString('hex'), hex, one.kind)
})

t.test('bytes that are no command are a value that says why', async (t) => {
  const cases: [hex: string, problem: RegExp][] = [
    ['', /0 bytes is too short/],
    ['0203000000006b', /version 2 is unknown/],
    ['0163000000006b', /command 99 is unknown/],
    ['0103ff0000006b', /key should end at byte 261/],
    ['010301000000ff', /not UTF-8/],
    ['0101010000006b00', /set with 1 bytes/],
    ['0102010000006b0000000000000000', /cas with 8 bytes/],
    ['0102010000006b' + 'ff'.repeat(16), /above 2\^53/],
    ['0103010000006b00', /delete has nothing/],
    ['0105010000006b00', /delete-tree has nothing/],
    ['0104010000006b', /delete-cas has 8 bytes/],
    ['010d010000006b00', /command 13: 1 bytes are left over/],
    ['010e0200000069', /command 14: 2 bytes should stand at 6/],
    ['010e01000000ff', /command 14: .*not UTF-8/],
    ['010f0100000069' + 'ff'.repeat(8), /above 2\^53/],
    ['010c' + '00000000'.repeat(3) + '00'.repeat(8) + '02' + '00000000'.repeat(3), /behavior of a session is unknown/],
    ['011d00000000', /command 29 is unknown/],
    ['01140100000005', /command 20: an operation of kind 5 is unknown/],
    ['01140100000002' + '02000000' + '7b7d', /command 20: an operation of the catalog is malformed at kind/],
    ['0114ffffffff', /command 20: 1 bytes should stand at 6/],
  ]
  for (const [hex, problem] of cases) t.match(decodeCommand(Buffer.from(hex, 'hex')), { kind: 'invalid', problem })
})

t.test('no bytes make decoding throw', async (t) => {
  const header = fc.constantFrom([], [1], [1, 1], [1, 2], [1, 4], [1, 2, 1, 0, 0, 0], [1, 10, 1, 0, 0, 0], [1, 12], [1, 12, 0, 0, 0, 0, 0, 0, 0, 0], [1, 15], [1, 20], [1, 20, 1, 0, 0, 0])
  fc.assert(fc.property(header, fc.uint8Array({ maxLength: 40 }), (head, tail) => {
    decodeCommand(new Uint8Array([...head, ...tail]))
  }), { numRuns: 5000 })
  t.pass()
})

t.test('numbers out of range are a bug of the caller', async (t) => {
  t.throws(() => encodeCommand({ kind: 'set', key: 'k', value: Buffer.from(''), flags: 2n ** 64n }), { name: 'InvariantError' })
  t.throws(() => encodeCommand({ kind: 'delete-cas', key: 'k', modifyIndex: 2 ** 53 }), { name: 'InvariantError' })
})
