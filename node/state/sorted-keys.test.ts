import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { compareKeys, SortedKeys, sortKeys } from './sorted-keys.ts'

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
// From a small alphabet, so that keys share prefixes; with code points on both sides of the surrogates.
const key = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}'), maxLength: 6 })

t.test('the order is that of UTF-8 bytes', async (t) => {
  fc.assert(fc.property(key, key, (a, b) => Math.sign(compareKeys(a, b)) === Math.sign(byBytes(a, b))), { numRuns: 5000 })
  fc.assert(fc.property(fc.array(key), (keys) => assert.deepEqual(sortKeys(keys), [...keys].sort(byBytes))), { numRuns: 500 })
  t.pass()
})

t.test('equals a set that is sorted for each query', async (t) => {
  fc.assert(fc.property(fc.array(fc.record({ add: fc.boolean(), key }), { maxLength: 60, size: 'max' }), key, (steps, prefix) => {
    const keys = new SortedKeys()
    const model = new Set<string>()
    for (const step of steps) {
      if (step.add) {
        keys.add(step.key)
        model.add(step.key)
      } else {
        keys.remove(step.key)
        model.delete(step.key)
      }
    }
    assert.deepEqual(keys.withPrefix(prefix), [...model].filter((one) => one.startsWith(prefix)).sort(byBytes))
    assert.deepEqual(keys.withPrefix(''), [...model].sort(byBytes))
  }), { numRuns: 500 })
  t.pass()
})

t.test('many keys over many blocks, in and out', async (t) => {
  const keys = new SortedKeys()
  const name = (i: number) => `k/${(i * 7919) % 20011}/x`
  const all = Array.from({ length: 20011 }, (_, i) => name(i))
  for (const one of all) keys.add(one)
  for (const one of all) keys.add(one)
  t.same(keys.withPrefix(''), [...all].sort(byBytes))
  t.same(keys.withPrefix('k/1999'), all.filter((one) => one.startsWith('k/1999')).sort(byBytes))
  t.same(keys.withPrefix('z'), [])
  for (const one of all.slice(10)) keys.remove(one)
  t.same(keys.withPrefix('k/'), all.slice(0, 10).sort(byBytes))
  for (const one of all) keys.remove(one)
  t.same(keys.withPrefix(''), [])
  keys.add('again')
  t.same(keys.withPrefix('a'), ['again'])
})

t.test('copies stay as the set was, whatever changes while they are read', async (t) => {
  const keys = new SortedKeys()
  const name = (i: number) => `k/${(i * 7919) % 5003}${i % 500 === 0 ? '\ue000' : ''}`
  const model = new Set<string>()
  const copies: { readonly iterator: Iterator<string>, readonly read: string[], readonly expected: string[] }[] = []
  for (let i = 0; i < 9000; i++) {
    const one = name(i)
    if (i % 3 === 2) {
      keys.remove(name(i >> 1))
      model.delete(name(i >> 1))
    }
    keys.add(one)
    model.add(one)
    if (i % 1500 === 700) copies.push({ iterator: keys.capture()[Symbol.iterator](), read: [], expected: [...model].sort(byBytes) })
    for (const { iterator, read } of copies) {
      const next = iterator.next()
      if (next.done !== true) read.push(next.value)
    }
  }
  for (const { iterator, read, expected } of copies) t.ok(assert.deepEqual([...read, ...{ [Symbol.iterator]: () => iterator }], expected) === undefined)
  assert.deepEqual(keys.withPrefix(''), [...model].sort(byBytes))
})

t.test('keys in order are appended, and found again', async (t) => {
  const keys = new SortedKeys()
  const all = Array.from({ length: 10_000 }, (_, i) => `k${String(i).padStart(6, '0')}`)
  for (const one of all) keys.add(one)
  t.same(keys.withPrefix(''), all)
  for (const one of ['', 'k000500x', 'k', 'zz', 'k009999', 'k\uffff']) keys.add(one)
  t.same(keys.withPrefix(''), [...new Set([...all, '', 'k000500x', 'k', 'zz', 'k009999', 'k\uffff'])].sort(byBytes))
})
