/** Requests as large as the limits allow, and one more. */
import t from 'tap'
import { cpuMs } from '../testing/cpu-time.ts'
import { bodies, CheckedMember, kv } from './testing/checked-member.ts'

t.test('bodies, numbers and nesting as large as a body may be are answered soon, and nothing is stored', async (t) => {
  const member = new CheckedMember()
  const limit = 512 * 1024
  const huge = [
    '['.repeat(limit), '{"a":'.repeat(100_000), `[${'{},'.repeat(170_000)}{}]`, '9'.repeat(limit), `[{"KV":{"Flags":${'9'.repeat(limit - 100)}}}]`,
    `{"Name":"x","TTL":${'9'.repeat(limit - 100)}}`, `"${'\\u0000'.repeat(80_000)}"`, `[${'1,'.repeat(250_000)}1]`, `[${'['.repeat(5000)}${']'.repeat(5000)}]`,
    `{"Checks":${'['.repeat(9000)}${']'.repeat(9000)}}`,
  ]
  for (const [i, body] of huge.entries()) {
    for (const [target] of bodies) {
      const startMs = cpuMs()
      const response = member.ask('PUT', target, body)!
      if (response.status < 400 && !(i === 9 && target === '/v1/session/create')) t.fail(`${target} takes body ${i}: ${response.status} ${String(response.body).slice(0, 100)}`)
      t.ok(cpuMs() - startMs < 10_000)
    }
  }
  t.equal(member.ask('PUT', '/v1/kv/large', Buffer.alloc(limit))!.status, 200)
  t.equal(member.ask('PUT', '/v1/kv/larger', Buffer.alloc(limit + 1))!.status, 413)
  t.equal(member.ask('GET', '/v1/kv/larger?stale')!.status, 404)
  const operations = (count: number) => JSON.stringify(Array.from({ length: count }, (_, i) => kv({ Key: `t${count}/${i}` })))
  t.equal(member.ask('PUT', '/v1/txn', operations(64))!.status, 200)
  t.match(member.ask('PUT', '/v1/txn', operations(65)), { status: 413, body: 'Transaction contains too many operations (65 > 64)' })
  t.equal(member.ask('GET', '/v1/kv/t65/?keys&stale')!.status, 404)
  for (const target of [`/v1/kv/k?cas=${'9'.repeat(900_000)}`, `/v1/kv/k?flags=${'9'.repeat(900_000)}`]) t.equal(member.ask('PUT', target)!.status, 500)
  t.equal(member.ask('GET', `/v1/kv/k?index=${'9'.repeat(900_000)}`)!.status, 400)
  const key = 'k'.repeat(900_000)
  t.equal(member.ask('PUT', `/v1/kv/${key}`, 'x')!.status, 200)
  t.equal(Buffer.from(member.ask('GET', `/v1/kv/${key}?raw&stale`)!.body).toString(), 'x')
})
