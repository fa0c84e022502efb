import fc from 'fast-check'
import t from 'tap'
import { BroadcastQueue } from './broadcast-queue.ts'

const text = (taken: Uint8Array[]) => taken.map((bytes) => Buffer.from(bytes).toString())

t.test('the least sent goes first, of those the longest, of those the newest', async (t) => {
  const queue = new BroadcastQueue()
  queue.add('a', Buffer.from('old'))
  t.same(text(queue.take(100, 0, 10)), ['old'])
  queue.add('b', Buffer.from('x1'))
  queue.add('c', Buffer.from('x2'))
  queue.add('d', Buffer.from('longest'))
  t.same(text(queue.take(100, 0, 10)), ['longest', 'x2', 'x1', 'old'])
  t.same(text(queue.take(9, 0, 10)), ['longest', 'x2'], 'what fits')
  t.same(text(queue.take(4, 1, 10)), ['x1'], 'with what each takes besides; sent as often as others, but less than the last two')
})

t.test('newer news of the same key replaces older', async (t) => {
  const queue = new BroadcastQueue()
  queue.add('a', Buffer.from('suspect'))
  queue.add(null, Buffer.from('event'))
  queue.add('a', Buffer.from('alive'))
  t.ok(queue.has('a'))
  t.same(text(queue.take(100, 0, 1)).sort(), ['alive', 'event'])
  t.notOk(queue.has('a'), 'sent as often as it may')
  t.equal(queue.size, 0)
})

t.test('a full queue drops what was sent most', async (t) => {
  const queue = new BroadcastQueue(2)
  queue.add('a', Buffer.from('a'))
  queue.take(100, 0, 10)
  queue.add('b', Buffer.from('b'))
  queue.add('c', Buffer.from('c'))
  t.notOk(queue.has('a'))
  t.ok(queue.has('b') && queue.has('c'))
})

t.test('everything is sent exactly as often as it may, in whatever pieces', async (t) => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), fc.integer({ min: 42, max: 120 }), fc.integer({ min: 1, max: 8 }), (sizes, bytesMax, transmitsMax) => {
    const queue = new BroadcastQueue()
    const sent = sizes.map(() => 0)
    sizes.forEach((size, i) => queue.add(`${i}`, new Uint8Array(size).fill(i)))
    for (let rounds = 0; queue.size > 0; rounds++) {
      const taken = queue.take(bytesMax, 2, transmitsMax)
      if (taken.length === 0 || rounds > 1000 || taken.reduce((sum, { length }) => sum + length + 2, 0) > bytesMax) return false
      for (const bytes of taken) sent[bytes[0]!]!++
    }
    return sent.every((count) => count === transmitsMax)
  }))
  t.pass()
})
