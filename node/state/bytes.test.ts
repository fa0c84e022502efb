import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { ByteReader, ByteWriter, MalformedError } from './bytes.ts'

type Field = readonly ['u8' | 'u32' | 'count', number] | readonly ['u64', bigint] | readonly ['text', string] | readonly ['bytes', Uint8Array]

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.tuple(fc.constant('u8' as const), fc.nat(255)),
  fc.tuple(fc.constant('u32' as const), fc.nat(2 ** 32 - 1)),
  fc.tuple(fc.constant('count' as const), fc.maxSafeNat()),
  fc.tuple(fc.constant('u64' as const), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  fc.tuple(fc.constant('text' as const), fc.string({ unit: 'binary', maxLength: 300, size: 'max' })),
  fc.tuple(fc.constant('bytes' as const), fc.uint8Array({ maxLength: 300, size: 'max' })),
)

function write(fields: readonly Field[]): Uint8Array {
  const writer = new ByteWriter()
  for (const [kind, value] of fields) (writer[kind] as (value: unknown) => unknown)(value)
  return writer.done()
}

t.test('what is written is read, however long', async (t) => {
  fc.assert(fc.property(fc.array(field, { maxLength: 40, size: 'max' }), (fields) => {
    const reader = new ByteReader(write(fields))
    for (const [kind, value] of fields) {
      const read = reader[kind]()
      if (kind === 'bytes') assert.deepEqual([...read as Uint8Array], [...value as Uint8Array])
      else assert.equal(read, value)
    }
    reader.end()
  }), { numRuns: 300 })
  t.pass()
})

t.test('bytes that end early are malformed, never read past', async (t) => {
  fc.assert(fc.property(fc.array(field, { minLength: 1, maxLength: 5 }), fc.nat(), (fields, cut) => {
    const whole = write(fields)
    const bytes = whole.subarray(0, cut % whole.length)
    assert.throws(() => {
      const reader = new ByteReader(bytes)
      for (const [kind] of fields) reader[kind]()
    }, MalformedError)
  }))
  t.throws(() => new ByteReader(Buffer.from([1])).end(), { message: '1 bytes are left over' })
})

t.test('numbers out of range are a bug of the caller', async (t) => {
  t.throws(() => new ByteWriter().u64(2n ** 64n), { name: 'InvariantError' })
  t.throws(() => new ByteWriter().count(2 ** 53), { name: 'InvariantError' })
  t.throws(() => new ByteWriter().count(-1), { name: 'InvariantError' })
})
