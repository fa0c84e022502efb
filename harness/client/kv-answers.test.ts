import fc from 'fast-check'
import t from 'tap'
import { z } from 'zod'
import { decodeBoolean, decodeEntry } from './kv-answers.ts'

const body = (value: unknown) => Buffer.from(JSON.stringify(value))
const sound = { LockIndex: 0, Key: 'k', Flags: 0, Value: Buffer.from('17').toString('base64'), CreateIndex: 3, ModifyIndex: 9 }

t.test('an entry, with an empty value too', async (t) => {
  t.same(decodeEntry(body([sound]), 'k'), { value: '17', version: 9 })
  t.same(decodeEntry(body([{ ...sound, Value: null }]), 'k'), { value: '', version: 9 })
})

t.test('what is no entry of this key is said in a sentence', async (t) => {
  for (const [wrong, words] of [
    [body([]), /0 entries for one key/], [body([sound, sound]), /2 entries for one key/], [body(sound), /expected array/], [body([null]), /expected object/],
    [body([{ ...sound, Key: 'other' }]), /asked for key k, got other/], [body([{ ...sound, ModifyIndex: 0 }]), /Too small/], [body([{ ...sound, ModifyIndex: 1.5 }]), /expected int/],
    [body([{ ...sound, ModifyIndex: 2 ** 60 }]), /Too big|int/], [body([{ ...sound, Value: 17 }]), /expected string/], [body([{ ...sound, Value: undefined }]), /expected string/],
    [body([{ ...sound, Value: 'a-b_' }]), /not base64/], [body([{ ...sound, Value: 'QR==' }]), /not base64/], [Buffer.from('{'), /JSON/],
    [Buffer.concat([body([sound]).subarray(0, -1), Buffer.from([0xff, 0x5d])]), /not valid|invalid/i],
  ] as const) t.match(decodeEntry(wrong, 'k'), { malformed: words }, wrong.toString('latin1'))
})

/** Dumb twin: by the schema alone. */
const schema = z.array(z.object({ Key: z.literal('k'), Value: z.string().nullable(), ModifyIndex: z.int().positive() })).length(1)

t.test('it takes exactly what its schema takes', async () => {
  const odd = fc.oneof(fc.jsonValue(), fc.constantFrom('k', null, 1, 0, -1, 1.5, 2 ** 53, 2 ** 53 - 1, 'QQ=='))
  const entry = fc.oneof(odd, fc.record({ Key: fc.oneof(fc.constant('k'), odd), Value: fc.oneof(fc.constant('QQ=='), fc.constant(null), odd), ModifyIndex: fc.oneof(fc.nat(), odd) }, { requiredKeys: [] }))
  fc.assert(fc.property(fc.oneof(fc.array(entry, { maxLength: 2 }), odd), (value) => {
    const decoded = decodeEntry(body(value), 'k')
    const expected = schema.safeParse(JSON.parse(JSON.stringify(value)))
    const isBase64 = expected.success && Buffer.from(expected.data[0]!.Value ?? '', 'base64').toString('base64') === (expected.data[0]!.Value ?? '')
    return 'version' in decoded ? isBase64 && decoded.version === expected.data![0]!.ModifyIndex : !isBase64
  }))
})

t.test('true, false, and nothing else', async (t) => {
  for (const [text, value] of [['true', true], ['false', false], ['true\n', true], [' false ', false], ['', null], ['TRUE', null], ['truefalse', null], ['null', null]] as const) {
    t.equal(decodeBoolean(Buffer.from(text)), value, JSON.stringify(text))
  }
})
