import fc from 'fast-check'
import t from 'tap'
import { ByteReader, ByteWriter, WireError } from './byte-buffer.ts'

const text = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 300 }).filter((text) => text.isWellFormed()),
  // Of ASCII but for one letter: what was written before it is written again.
  fc.tuple(fc.string({ maxLength: 140 }), fc.constantFrom('é', '€', '🙂', '\u0080'), fc.string({ maxLength: 20 })).map((parts) => parts.join('')),
)
const part = fc.oneof(
  text.map((value) => ({ kind: 'text' as const, value })),
  fc.maxSafeNat().map((value) => ({ kind: 'number' as const, value })),
  fc.uint8Array({ maxLength: 300 }).map((value) => ({ kind: 'bytes' as const, value })),
)

t.test('law: what was written is read as it was, from a writer that is used again', async (t) => {
  const writer = new ByteWriter(4)
  fc.assert(fc.property(fc.array(part, { maxLength: 12 }), fc.boolean(), (parts, asBuffer) => {
    writer.clear()
    for (const { kind, value } of parts) {
      if (kind === 'text') writer.string(value, 'text', 2000)
      else if (kind === 'number') writer.varint(value)
      else writer.bytes(value, 'bytes', 300)
    }
    const copy = writer.copy()
    writer.clear().raw(new Uint8Array(copy.length).fill(0xff))
    const reader = new ByteReader(asBuffer ? Buffer.from(copy) : copy)
    for (const { kind, value } of parts) {
      if (kind === 'text' && reader.string('text', 2000) !== value) return false
      if (kind === 'number' && reader.varint('number', Number.MAX_SAFE_INTEGER) !== value) return false
      if (kind === 'bytes' && Buffer.compare(reader.bytes('bytes', 300), value) !== 0) return false
    }
    reader.end('the parts')
    return true
  }))
  t.pass()
})

t.test('a text is as long as its bytes, however it is written', async (t) => {
  const writer = new ByteWriter()
  fc.assert(fc.property(text, fc.nat(400), (text, bytesMax) => {
    writer.clear()
    const fits = Buffer.byteLength(text) <= bytesMax
    try {
      writer.string(text, 'text', bytesMax)
    } catch (error) {
      return error instanceof WireError && !fits
    }
    return fits && new ByteReader(writer.copy()).string('text', bytesMax) === text
  }))
  t.pass()
})

t.test('copies share no byte', async (t) => {
  const writer = new ByteWriter()
  const copies: Uint8Array[] = []
  const size = (i: number) => i * 37 % 1500
  for (let i = 0; i < 200; i++) {
    writer.clear()
    for (let n = 0; n < size(i); n++) writer.u8(i)
    copies.push(writer.copy())
  }
  t.ok(copies.every((copy, i) => copy.length === size(i) && copy.every((byte) => byte === i)))
})

t.test('a reader inside others keeps to its bytes', async (t) => {
  const writer = new ByteWriter()
  writer.bytes(Uint8Array.of(1, 2), 'inner', 10)
  writer.u8(3)
  const reader = new ByteReader(writer.copy())
  const inner = reader.inner('inner', 10)
  t.same([inner.u8('one'), inner.u8('two'), inner.remaining], [1, 2, 0])
  t.throws(() => inner.u8('three'), WireError)
  t.throws(() => reader.from(0).skip('inner', 1), WireError)
  t.equal(reader.u8('three'), 3)
  t.throws(() => new ByteReader(Uint8Array.of(5, 1)).inner('too long', 10), WireError)
  t.throws(() => new ByteReader(Uint8Array.of(2, 0xc3, 0x28)).string('text', 10), /text is not UTF-8/)
})
