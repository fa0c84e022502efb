import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { ByteCopies } from './byte-copies.ts'

t.test('each copy keeps its bytes, whatever is copied later and whatever becomes of the source', async (t) => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.nat(40), fc.integer({ min: 1500, max: 9000 })), { maxLength: 60, size: 'max' }), (lengths) => {
    const copies = new ByteCopies()
    const source = Buffer.alloc(9100)
    const made = lengths.map((length, i) => {
      source.fill(i)
      return copies.copy(source, i, i + length)
    })
    source.fill(255)
    for (const [i, copy] of made.entries()) {
      assert.equal(copy.length, lengths[i])
      assert.ok(copy.every((byte) => byte === i), `copy ${i}`)
    }
  }))
  t.pass()
})
