import t from 'tap'
import { RecentlyMade } from './recently-made.ts'

t.test('made once for the very same bytes, again for equal ones, for others and for what is too long to be kept', async (t) => {
  const asked: Uint8Array[] = []
  const texts = new RecentlyMade((bytes) => {
    asked.push(bytes)
    return Buffer.from(bytes).toString()
  }, 4)
  const bytes = Buffer.from('abc')
  t.equal(texts.of(7, bytes), 'abc')
  t.equal(texts.of(7, bytes), 'abc')
  t.equal(asked.length, 1)
  t.equal(texts.of(7, Buffer.from('abc')), 'abc')
  t.equal(texts.of(7, Buffer.from('xyz')), 'xyz')
  t.equal(texts.of(7 + 256, bytes), 'abc')
  t.equal(asked.length, 4)
  const long = Buffer.from('too long')
  t.equal(texts.of(8, long), 'too long')
  t.equal(texts.of(8, long), 'too long')
  t.equal(asked.length, 6)
})
