import fc from 'fast-check'
import t from 'tap'
import { cpuMs } from '../testing/cpu-time.ts'
import { DecodeError, JsonFields, parseJson } from './json-body.ts'
import { scanFirstValue } from './json-scan.ts'

const parse = (text: string) => parseJson(Buffer.from(text))

t.test('what is no JSON, in the words of Go', async (t) => {
  const table: [string, string][] = [
    ['{bad}', `invalid character 'b' looking for beginning of object key string`],
    ['nope', `invalid character 'o' in literal null (expecting 'u')`],
    ['[1,x]', `invalid character 'x' looking for beginning of value`],
    ['{"a":', 'unexpected EOF'],
    ['{"a', 'unexpected EOF'],
    ['  ', 'EOF'],
    ['{"a":1,}', `invalid character '}' looking for beginning of object key string`],
    ['{"a" 1}', `invalid character '1' after object key`],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['[1 2]', `invalid character '2' after array element`],
    ['[01]', `invalid character '1' after array element`],
    ['[1.x]', `invalid character 'x' after decimal point in numeric literal`],
    ['[-x]', `invalid character 'x' in numeric literal`],
    ['[1e+]', `invalid character ']' in exponent of numeric literal`],
    ['"\\x"', `invalid character 'x' in string escape code`],
    ['"\\u00g0"', `invalid character 'g' in \\u hexadecimal character escape`],
    ['"a\nb"', `invalid character '\\n' in string literal`],
    ["'a'", `invalid character '\\'' looking for beginning of value`],
    ['ü', `invalid character 'Ã' looking for beginning of value`],
    ['['.repeat(10_001), `invalid character '[' exceeded max depth`],
  ]
  for (const [text, message] of table) t.throws(() => parse(text), { name: 'DecodeError', message }, text)
})

t.test('the culprit in a large body is found soon', async (t) => {
  const begunMs = cpuMs()
  t.throws(() => parse(`[${'1,'.repeat(250_000)}x`), { message: /invalid character 'x'/ })
  t.ok(cpuMs() - begunMs < 5000)
})

t.test('the first value counts, whatever follows it', async (t) => {
  t.same([' {"a":[1,{}]} x', '[]]', '"x"y', '5 6', 'null{', '-1.5e3,'].map(parse), [{ a: [1, {}] }, [], 'x', 5, null, -1500])
})

t.test('what V8 takes the scanner takes whole; what it does not take has a problem or something behind it', async (t) => {
  const texts = fc.oneof(fc.json(), fc.json().chain((text) => fc.nat(text.length).map((end) => text.slice(0, end))), fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0e-+.tfn 1a') }))
  fc.assert(fc.property(texts, (text) => {
    const bytes = Buffer.from(text)
    const scanned = scanFirstValue(bytes)
    const whole = scanned.kind === 'value' && bytes.subarray(scanned.end).toString().trim() === ''
    let taken = true
    try {
      JSON.parse(text)
    } catch {
      taken = false
    }
    t.equal(whole, taken, text)
    if (scanned.kind === 'value') JSON.parse(bytes.subarray(scanned.start, scanned.end).toString())
  }))
})

t.test('fields in any case, null as absent, whole numbers with all their digits', async (t) => {
  const fields = new JsonFields(parse('{"name":"a","NODE":"b","TTL":null,"Flags":18446744073709551615,"small":3,"list":["x"],"Value":"aGk="}'))
  t.equal(fields.text('Name'), 'a')
  t.equal(fields.text('Node'), 'b')
  t.equal(fields.text('TTL'), undefined)
  t.equal(fields.unsigned('Flags'), 18446744073709551615n)
  t.equal(fields.unsigned('Small'), 3n)
  t.same(fields.texts('List'), ['x'])
  t.equal(Buffer.from(fields.bytes('Value')!).toString(), 'hi')
  t.equal(fields.bytes('absent'), undefined)
})

t.test('what a field cannot be', async (t) => {
  const fields = new JsonFields(parse('{"text":5,"list":"x","texts":[1],"u":-1,"big":18446744073709551616,"half":0.5,"word":"x"}'))
  t.throws(() => fields.text('text'), { message: 'json: cannot unmarshal number into Go struct field .text of type string' })
  t.throws(() => fields.texts('list'), { message: /cannot unmarshal string/ })
  t.throws(() => fields.texts('texts'), { message: /cannot unmarshal number/ })
  for (const [name, shown] of [['u', 'number -1'], ['big', 'number 18446744073709551616'], ['half', 'number 0.5'], ['word', 'string']] as const) {
    t.throws(() => fields.unsigned(name), { message: `json: cannot unmarshal ${shown} into Go struct field .${name} of type uint64` })
  }
  t.throws(() => new JsonFields(parse('[1]')), DecodeError)
  t.same([...['', 'aA==', 'YWI=', 'YWJj', 'YW\\nJj'].map((text) => Buffer.from(new JsonFields(parse(`{"v":"${text}"}`)).bytes('v')!).toString('hex'))], ['', '68', '6162', '616263', '616263'])
  // Offsets as Go 1.15 names them.
  for (const [text, at] of [['a', 0], ['a===', 1], ['aGk', 0], ['aGkaG', 4], ['!!!!', 0], ['aGk=aGk=', 4], ['====', 0], ['aG=', 3], ['aG=x', 2], ['aGkx=', 4]] as const) {
    t.throws(() => new JsonFields(parse(`{"v":"${text}"}`)).bytes('v'), { message: `illegal base64 data at input byte ${at}` }, text)
  }
  t.same([...new JsonFields(parse('{"v":[1,255,null]}')).bytes('v')!], [1, 255, 0])
})

t.test('types by the names that Go gives them; fields that nobody knows', async (t) => {
  const goNames = { object: 'Go value of type api.Thing', fields: { Checks: '[]types.CheckID' } }
  const fields = (text: string) => new JsonFields(parse(text), 'Thing', goNames)
  t.throws(() => fields('5'), { message: 'json: cannot unmarshal number into Go value of type api.Thing' })
  t.throws(() => fields('{"checks":5}').texts('Checks'), { message: 'json: cannot unmarshal number into Go struct field Thing.Checks of type []types.CheckID' })
  t.throws(() => fields('{"checks":[true]}').texts('Checks'), { message: 'json: cannot unmarshal bool into Go struct field Thing.Checks of type types.CheckID' })
  fields('{"A":1,"b":2}').refuseOthers(['a', 'B'])
  t.throws(() => fields('{"A":1,"c<":2}').refuseOthers(['a', 'B']), { message: 'json: unknown field "c<"' })
})
