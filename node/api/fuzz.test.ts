/**
 * Requests that no client of Consul sends: every answer is in Consul's form, the
 * member goes on, and what was refused left nothing behind.
 */
import fc from 'fast-check'
import t from 'tap'
import { fuzz } from '../testing/fuzz/property.ts'
import { mutate, mutations } from '../testing/fuzz/mutations.ts'
import { oddChange, withOdd } from '../testing/fuzz/odd-values.ts'
import { bodies, CheckedMember } from './testing/checked-member.ts'

const runs = 100_000

const texts = bodies.map(([, body]) => Buffer.from(JSON.stringify(body)))

t.test('bodies with fields of other types, missing, or too many', async (t) => {
  const member = new CheckedMember()
  let refused = 0
  fuzz(t, runs, fc.property(fc.nat(bodies.length - 1), fc.array(oddChange, { minLength: 1, maxLength: 2 }), (which, changes) => {
    const [target, body] = bodies[which]!
    const response = member.ask('PUT', target, JSON.stringify(changes.reduce(withOdd, body)) ?? '')
    if (response !== null && response.status >= 400) refused++
  }))
  t.ok(refused > runs / 4, `${refused} of ${runs} were refused`)
  t.equal(({} as { polluted?: boolean }).polluted, undefined)
  t.equal(member.ask('GET', '/v1/kv/kept?raw&stale')!.status, 200)
})

t.test('bodies that are cut, flipped and spliced', async (t) => {
  const member = new CheckedMember()
  fuzz(t, runs, fc.property(fc.nat(bodies.length - 1), fc.nat(bodies.length - 1), mutations, (which, donor, changes) => {
    member.ask('PUT', bodies[which]![0], mutate(texts[which]!, changes, texts[donor]!))
  }))
})

const paths = [
  '/v1/kv/k', '/v1/kv/', '/v1/kv/kept', '/v1/session/info/x', '/v1/session/node/n1', '/v1/session/list', '/v1/session/destroy/x', '/v1/session/renew/x', '/v1/txn',
  '/v1/catalog/services', '/v1/catalog/service/web', '/v1/catalog/nodes', '/v1/catalog/node/n1', '/v1/catalog/datacenters', '/v1/health/service/web', '/v1/health/state/any',
  '/v1/health/node/n1', '/v1/health/checks/web', '/v1/status/leader', '/v1/status/peers', '/v1/agent/self', '/v1/agent/members', '/v1/agent/metrics', '/v1/agent/services', '/v1/agent/checks',
  '/v1/agent/service/deregister/x', '/v1/agent/check/pass/x', '/v1/agent/maintenance', '/v1/operator/raft/configuration', '/v1/operator/raft/peer', '/v1/nothing', '/', '',
]
const names = ['index', 'wait', 'cas', 'flags', 'acquire', 'release', 'recurse', 'keys', 'separator', 'raw', 'pretty', 'dc', 'stale', 'consistent', 'max_stale', 'filter', 'near', 'tag', 'passing', 'node-meta', 'id', 'address', 'enable', 'reason', 'format', 'token', 'ns']
const values = fc.oneof(
  fc.constantFrom('', '0', '1', '-1', '18446744073709551615', '18446744073709551616', '1e3', '0x10', '１', '9'.repeat(400), '10s', '-1s', '1h', '99999999999h', '1.5.5s', 's', '1', '5x', 'NaN', 'true', 'dc9', '%00', '%ff', '%', '%zz', 'a b', '/', '😀', '(', 'Meta.x == 1', 'not ('.repeat(50), '((((', '"'),
  fc.string({ maxLength: 12, unit: 'binary' }).map((text) => { try { return encodeURIComponent(text) } catch { return '%ED%A0%80' } }),
)

t.test('queries: bad indexes, durations, checks and flags, names with odd characters', async (t) => {
  const member = new CheckedMember()
  const query = fc.array(fc.tuple(fc.constantFrom(...names), values), { maxLength: 3 })
  fuzz(t, runs, fc.property(fc.constantFrom(...paths), fc.constantFrom('GET', 'GET', 'PUT', 'DELETE', 'POST', 'HEAD', 'OPTIONS', 'PATCH', 'constructor'), query, values, (path, method, parameters, tail) => {
    const odd = tail.length % 3 === 0 ? tail : ''
    member.ask(method, `${path}${odd}${parameters.length === 0 ? '' : `?${parameters.map(([name, value]) => `${name}=${value}`).join('&')}`}`, method === 'PUT' && path === '/v1/txn' ? '[]' : '')
  }))
})

t.test('a wrong method on any route is a 405 that names the right ones', async (t) => {
  const member = new CheckedMember()
  for (const path of [...paths, ...bodies.map(([target]) => target)]) {
    const response = member.ask('PATCH', path)!
    if (['/v1/nothing', '/', ''].includes(path)) t.equal(response.status, 404)
    else t.match(response, { status: 405, body: 'method PATCH not allowed', headers: { Allow: /^OPTIONS,/ } }, path)
  }
})
