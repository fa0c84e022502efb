import fc from 'fast-check'
import t from 'tap'
import { CopyOnWriteMap } from './copy-on-write-map.ts'

t.test('a copy is the map as it was, whatever changes while it is read', async (t) => {
  const key = fc.integer({ min: 0, max: 12 })
  const change = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), key, value: fc.nat() }),
    fc.record({ kind: fc.constant('delete' as const), key }),
    fc.record({ kind: fc.constant('read' as const) }),
  )
  fc.assert(fc.property(fc.array(fc.tuple(key, fc.nat())), fc.array(change, { maxLength: 60 }), (start, changes) => {
    const map = new CopyOnWriteMap<number, number>()
    const model = new Map<number, number>()
    for (const [k, value] of start) {
      map.set(k, value)
      model.set(k, value)
    }
    const expected = new Map(model)
    const capture = map.capture()
    const copy = new Map<number, number>()
    const read = () => {
      const next = capture.pairs.next()
      if (next.done === true) return false
      const [k, value] = next.value
      if (copy.has(k) && copy.get(k) !== value) throw new Error(`key ${k} comes with ${copy.get(k)} and ${value}`)
      copy.set(k, value)
      return true
    }
    for (const step of changes) {
      if (step.kind === 'read') read()
      else if (step.kind === 'set') {
        map.set(step.key, step.value)
        model.set(step.key, step.value)
      } else if (map.delete(step.key) !== model.delete(step.key)) throw new Error(`delete of ${step.key}`)
    }
    while (read());
    capture.release()
    t.strictSame(new Map([...copy].sort(([a], [b]) => a - b)), new Map([...expected].sort(([a], [b]) => a - b)))
    t.strictSame([...map], [...model])
  }), { numRuns: 300 })
})

t.test('one copy at a time', async (t) => {
  const map = new CopyOnWriteMap<string, number>()
  const first = map.capture()
  t.throws(() => map.capture(), { name: 'InvariantError' })
  first.release()
  map.capture().release()
})
