import t from 'tap'
import { DecodeError, JsonFields, parseJson } from './json-body.ts'

const parse = (text: string) => parseJson(Buffer.from(text))

t.test('what is no JSON, in the words of Go', async (t) => {
  const table: [string, string][] = [
    ['{bad}', `invalid character 'b' looking for beginning of object key string`],
    ['nope', `invalid character 'o' looking for beginning of value`],
    ['[1,x]', `invalid character 'x' looking for beginning of value`],
    ['{"a":', 'unexpected EOF'],
    ['{"a', 'unexpected EOF'],
    ['  ', 'EOF'],
  ]
  for (const [text, message] of table) t.throws(() => parse(text), { name: 'DecodeError', message }, text)
})

t.test('the culprit in a large body is found soon', async (t) => {
  const begunMs = performance.now()
  t.throws(() => parse(`[${'1,'.repeat(250_000)}x`), { message: /invalid character 'x'/ })
  t.ok(performance.now() - begunMs < 5000)
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
  for (const text of ['a', 'a===', 'aGk', '!!!!', 'aGk=aGk=', '====']) t.throws(() => new JsonFields(parse(`{"v":"${text}"}`)).bytes('v'), { message: /^illegal base64 data at input byte \d+$/ }, text)
})
