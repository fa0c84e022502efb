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
  ]
  for (const [hex, problem] of cases) t.match(decodeCommand(Buffer.from(hex, 'hex')), { kind: 'invalid', problem })
})

t.test('no bytes make decoding throw', async (t) => {
  const header = fc.constantFrom([], [1], [1, 1], [1, 2], [1, 4], [1, 2, 1, 0, 0, 0])
  fc.assert(fc.property(header, fc.uint8Array({ maxLength: 40 }), (head, tail) => {
    decodeCommand(new Uint8Array([...head, ...tail]))
  }), { numRuns: 5000 })
  t.pass()
})

t.test('numbers out of range are a bug of the caller', async (t) => {
  t.throws(() => encodeCommand({ kind: 'set', key: 'k', value: Buffer.from(''), flags: 2n ** 64n }), { name: 'InvariantError' })
  t.throws(() => encodeCommand({ kind: 'delete-cas', key: 'k', modifyIndex: 2 ** 53 }), { name: 'InvariantError' })
})
