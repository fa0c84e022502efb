import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { z } from 'zod'
import { checkSchema, serviceSchema, textMapSchema } from './catalog-commands.ts'
import { readCheck, readIndexed, readNode, readService } from './catalog-shapes.ts'
import { sampleCheck, sampleNode, sampleService } from './testing/catalog-samples.ts'

const index = z.int().min(0)
const indexed = { createIndex: index, modifyIndex: index }
const nodeSchema = z.object({ name: z.string(), id: z.string(), address: z.string(), taggedAddresses: textMapSchema, meta: textMapSchema, ...indexed })

const text = fc.constantFrom('', 'a', 'é', '\ud800')
const texts = fc.option(fc.dictionary(text, text))
const uint16 = fc.nat(65535)
const indexes = { createIndex: fc.nat(), modifyIndex: fc.nat() }
const odd = fc.oneof(
  fc.constantFrom(null, true, -1, 65535, 65536, 1.5, -0, 2 ** 53, '', 'passing', 'maintenance'), fc.constantFrom([], {}, [1], [null], { a: 1 }, { a: null }, { a: { address: '', port: 1 } }, { a: { address: '', port: 1, more: 2 } }),
  fc.constant(JSON.parse('{"__proto__":"x"}') as unknown),
)

const kinds = [
  {
    name: 'node', schema: nodeSchema, read: readIndexed(readNode),
    usual: fc.record({ ...indexes, taggedAddresses: texts, meta: texts }).map((parts) => sampleNode('n1', parts)),
  },
  {
    name: 'service', schema: serviceSchema.extend(indexed), read: readIndexed(readService),
    usual: fc.record({
      ...indexes, tags: fc.array(text), meta: texts, port: uint16, enableTagOverride: fc.boolean(), weights: fc.record({ warning: uint16, passing: uint16 }),
      taggedAddresses: fc.option(fc.dictionary(text, fc.record({ port: uint16, address: text }))),
    }).map((parts) => sampleService('web', parts)),
  },
  {
    name: 'check', schema: checkSchema.extend(indexed), read: readIndexed(readCheck),
    usual: fc.record({ ...indexes, status: fc.constantFrom('passing' as const, 'warning' as const, 'critical' as const), definition: fc.dictionary(text, odd) }).map((parts) => sampleCheck('c', parts)),
  },
]

/** What JSON with one of its parts made something else, left out, or added gives. */
function changed(value: unknown, path: number, how: 'replace' | 'drop' | 'add', by: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(value)) as unknown
  const places: { readonly at: Record<string, unknown>, readonly key: string }[] = []
  const walk = (at: unknown) => {
    if (typeof at !== 'object' || at === null) return
    for (const key of [...Object.keys(at), 'more']) {
      places.push({ at: at as Record<string, unknown>, key })
      walk((at as Record<string, unknown>)[key])
    }
  }
  walk(copy)
  const { at, key } = places[path % places.length]!
  if (how === 'drop') delete at[key]
  else at[how === 'add' ? 'more' : key] = by
  return JSON.parse(JSON.stringify(copy))
}

for (const { name, schema, read, usual } of kinds) {
  t.test(`a ${name} is read by hand as by its schema`, async (t) => {
    fc.assert(fc.property(usual, (value) => {
      const parsed: unknown = JSON.parse(JSON.stringify(value))
      // A key that no honest client uses is left to the schema.
      fc.pre(!JSON.stringify(value).includes('__proto__'))
      assert.equal(JSON.stringify(read(parsed)), JSON.stringify(schema.parse(parsed)), 'with its fields in the same order')
    }))
    let quick = 0
    fc.assert(fc.property(usual, fc.nat(), fc.constantFrom('replace' as const, 'drop' as const, 'add' as const), odd, (value, path, how, by) => {
      const given = changed(value, path, how, by)
      const byHand = read(given)
      if (byHand === undefined) return
      quick++
      const bySchema = schema.safeParse(given)
      assert.ok(bySchema.success, `${JSON.stringify(given)} is none by the schema`)
      assert.equal(JSON.stringify(byHand), JSON.stringify(bySchema.data))
    }), { numRuns: 1000 })
    t.ok(quick > 100, `${quick} of 1000 were read by hand`)
  })
}
