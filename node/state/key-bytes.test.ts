import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { KeyBytes } from './key-bytes.ts'

t.test('has the UTF-8 bytes of one key after another, short and long', async (t) => {
  const key = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.string({ unit: 'binary-ascii' }), fc.tuple(fc.constantFrom('a', 'é', '\uffff', '😀'), fc.nat(1500)).map(([unit, count]) => unit.repeat(count)))
  fc.assert(fc.property(fc.array(key), (keys) => {
    const bytes = new KeyBytes()
    for (const one of keys) {
      bytes.set(one)
      const expected = Buffer.from(one)
      assert.deepEqual(bytes.bytes.subarray(0, bytes.length), expected)
      assert.equal(bytes.isAscii, expected.every((byte) => byte < 0x80))
    }
  }))
  t.pass()
})
