/** The map that snapshots read while it changes, against a plain one. */
import fc from 'fast-check'
import t from 'tap'
import { CopyOnWriteMap } from './copy-on-write-map.ts'

t.test('a copy is the map as it was, whatever changes while it is read', async (t) => {
  const key = fc.integer({ min: 0, max: 12 }).map((n) => `k${n}`)
  const change = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), key, value: fc.nat() }),
    fc.record({ kind: fc.constant('delete' as const), key }),
    fc.record({ kind: fc.constant('read' as const) }),
  )
  fc.assert(fc.property(fc.array(fc.tuple(key, fc.nat())), fc.array(change, { maxLength: 60 }), (start, changes) => {
    const map = new CopyOnWriteMap<number>()
    const model = new Map<string, number>()
    for (const [k, value] of start) {
      map.set(k, value)
      model.set(k, value)
    }
    const expected = new Map(model)
    const capture = map.capture()
    const asItWas = () => new Map(Array.from({ length: 13 }, (_, n) => `k${n}`).flatMap((k) => {
      const value = capture.get(k)
      return value === undefined ? [] : [[k, value] as const]
    }))
    for (const step of changes) {
      if (step.kind === 'read') t.strictSame(sorted(asItWas()), sorted(expected))
      else if (step.kind === 'set') {
        map.set(step.key, step.value)
        model.set(step.key, step.value)
      } else if (map.delete(step.key) !== model.delete(step.key)) throw new Error(`delete of ${step.key}`)
    }
    t.strictSame(sorted(asItWas()), sorted(expected))
    capture.release()
    t.strictSame(sorted(map), sorted(model))
    t.equal(map.size, model.size)
  }), { numRuns: 300 })
})

function sorted(pairs: Iterable<readonly [string, number]>): (readonly [string, number])[] {
  return [...pairs].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)
}

t.test('two copies at a time, each as the map was when it was begun', async (t) => {
  const map = new CopyOnWriteMap<number>()
  map.set('a', 1).set('b', 2)
  const first = map.capture()
  map.set('a', 10).delete('b')
  const second = map.capture()
  map.set('a', 100).set('c', 3)
  const all = (capture: typeof first) => ['a', 'b', 'c'].map((key) => capture.get(key))
  t.strictSame(all(first), [1, 2, undefined])
  first.release()
  t.strictSame(all(second), [10, undefined, undefined])
  second.release()
})

t.test('many keys of every kind are all found again', async (t) => {
  const map = new CopyOnWriteMap<number>()
  const keys = Array.from({ length: 20_000 }, (_, i) => i % 3 === 0 ? `n/${i}` : i % 3 === 1 ? `${i}/the same end that is longer than what is hashed` : '\ud83d'.repeat(i % 50) + i)
  for (const [i, key] of keys.entries()) map.set(key, i)
  t.equal(map.size, keys.length)
  t.ok(keys.every((key, i) => map.get(key) === i && map.has(key)))
  for (const key of keys) map.delete(key)
  t.equal(map.size, 0)
  t.strictSame([...map], [])
})
