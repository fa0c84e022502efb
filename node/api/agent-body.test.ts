import t from 'tap'
import { parseCheckRegistration } from './agent-body.ts'
import { DecodeError } from './json-body.ts'

const parse = (fields: object) => parseCheckRegistration(Buffer.from(JSON.stringify({ Name: 'c', ...fields })), false)

t.test('a check\'s timeout is one that timers take', async (t) => {
  for (const [timeout, wanted] of [['1500us', 2], ['1ns', 1], ['2500000h', 2 ** 31 - 1], ['3s', 3000], ['', 10_000]] as const) {
    t.match(parse({ HTTP: 'http://127.0.0.1:1/', Interval: '10s', Timeout: timeout }), { spec: { method: { timeoutMs: wanted } } }, timeout)
  }
})

t.test('durations that are no durations are refused with a sentence', async (t) => {
  t.match(parse({ TTL: 9007199254740993 }), { kind: 'check' }, 'a number of more than 53 bits is a number')
  const big = (text: string) => () => parseCheckRegistration(Buffer.from(`{"Name":"c","TTL":${text}}`), false)
  t.doesNotThrow(big('9007199254740993'))
  for (const text of ['99999999999999999999', '"5x"']) t.throws(big(text), DecodeError, text)
  // As Consul: no duration at all, so a check of none of the kinds, and never the end of the process.
  for (const text of ['{"a":9007199254740993}', '[9007199254740993]', '{"toString":1}', 'true']) t.match(big(text)(), { kind: 'bad' }, text)
})
