/** Changes to values, rather than to bytes: a field of another type, one that is missing, one too many. */
import fc from 'fast-check'

/** Where in a value, as turns to take at each level, and what to put there; undefined: take it away. */
export interface OddChange {
  readonly turns: readonly number[]
  readonly value: unknown
}

/** Of every type that JSON and msgpack have. */
export const oddValues: readonly unknown[] = [
  null, true, false, -1, 0, 1.5, 2 ** 53, -(2 ** 53), 1e300, '', 'x', '\u0000', '\ud800', 'ü'.repeat(300), '__proto__', [], [[]], [null], {}, { length: 1 },
  { toString: 1, valueOf: 1 }, JSON.parse('{"__proto__": {"polluted": true}}'), '9'.repeat(30), '1h', '-5s', undefined,
]

export const oddChange: fc.Arbitrary<OddChange> = fc.record({
  turns: fc.array(fc.nat(31), { minLength: 1, maxLength: 4 }),
  value: fc.constantFrom(...oddValues),
})

/** A copy with the change made; bytes stay bytes. */
export function withOdd(original: unknown, { turns, value }: OddChange): unknown {
  const copy = structuredClone(original)
  let at: unknown = copy
  for (const [depth, turn] of turns.entries()) {
    if (typeof at !== 'object' || at === null || ArrayBuffer.isView(at)) return value
    const keys = Object.keys(at)
    if (keys.length === 0) return copy
    const key = keys[turn % keys.length]!
    const fields = at as Record<string, unknown>
    const inner = fields[key]
    if (depth === turns.length - 1 || typeof inner !== 'object' || inner === null || ArrayBuffer.isView(inner)) {
      if (value === undefined && Array.isArray(at)) at.splice(turn % keys.length, 1)
      else if (value === undefined) Reflect.deleteProperty(fields, key)
      else Object.defineProperty(fields, key, { value, enumerable: true, writable: true, configurable: true })
      return copy
    }
    at = inner
  }
  return copy
}
