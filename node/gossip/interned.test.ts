import t from 'tap'
import { Interned } from './interned.ts'

t.test('what is known is not read again, until more came than is kept', async (t) => {
  let reads = 0
  const interned = new Interned<{ readonly said: string }>(2)
  const get = (key: string) => interned.get(key, () => {
    reads++
    return { said: key }
  })
  const first = get('a')
  t.equal(get('a'), first)
  get('b')
  t.equal(reads, 2)
  get('c')
  t.not(get('a'), first, 'all was forgotten')
  t.equal(reads, 4)
})

t.test('what cannot be read is tried anew', async (t) => {
  const interned = new Interned<string>(2)
  t.throws(() => interned.get('a', () => { throw new Error('nonsense') }), /nonsense/)
  t.equal(interned.get('a', () => 'sense'), 'sense')
})
