/**
 * Requests that no client of Consul sends: every answer is in Consul's form, the
 * member goes on, and what was refused left nothing behind.
 */
import fc from 'fast-check'
import t from 'tap'
import { fuzz } from '../testing/fuzz/property.ts'
import { mutate, mutations } from '../testing/fuzz/mutations.ts'
import { oddChange, withOdd } from '../testing/fuzz/odd-values.ts'
import { VirtualCluster } from '../testing/virtual-cluster.ts'
import type { ApiResponse } from './exchange.ts'

const runs = 100_000

const kv = (fields: object) => ({ KV: { Verb: 'set', Key: 't', Value: 'YQ==', ...fields } })
/** Routes that take a body, with one that they take. */
const bodies: readonly (readonly [target: string, body: unknown])[] = [
  ['/v1/txn', [kv({}), kv({ Verb: 'get' }), kv({ Verb: 'cas', Index: 7, Flags: 3 })]],
  ['/v1/txn', [kv({ Verb: 'lock', Session: 'none' }), kv({ Verb: 'delete-tree', Key: 'none/' })]],
  ['/v1/session/create', { Name: 'n', LockDelay: '15s', TTL: '30s', Behavior: 'release', Checks: ['serfHealth'], NodeChecks: [] }],
  ['/v1/catalog/register', {
    Node: 'other', Address: '10.0.0.1', Datacenter: 'dc1', TaggedAddresses: { lan: '10.0.0.1' }, NodeMeta: { rack: 'r1' },
    Service: { ID: 'web1', Service: 'web', Tags: ['a'], Address: '10.0.0.1', Port: 80, Meta: { v: '1' }, Weights: { Passing: 1, Warning: 1 } },
    Check: { Node: 'other', CheckID: 'c', Name: 'c', Status: 'passing', ServiceID: 'web1', Definition: { Interval: '10s' } },
  }],
  ['/v1/catalog/deregister', { Node: 'other', ServiceID: 'web1', CheckID: 'c', Datacenter: 'dc1' }],
  ['/v1/agent/service/register', {
    ID: 's1', Name: 'svc', Tags: ['a'], Address: '10.0.0.2', Port: 81, Meta: { v: '1' }, EnableTagOverride: false, Weights: { Passing: 2, Warning: 1 },
    Checks: [{ TTL: '30s', Status: 'passing' }, { TCP: '127.0.0.1:1', Interval: '10s', Timeout: '1s', DeregisterCriticalServiceAfter: '90m' }],
  }],
  ['/v1/agent/check/register', { ID: 'ck', Name: 'ck', TTL: '15s', Notes: 'n', ServiceID: '' }],
  ['/v1/agent/check/update/ck', { Status: 'passing', Output: 'fine' }],
]
const texts = bodies.map(([, body]) => Buffer.from(JSON.stringify(body)))

class Member {
  cluster = new VirtualCluster(1)
  #handled = 0
  #known: { readonly index: number, readonly text: string } | null = null

  constructor() {
    this.#begin()
  }

  #begin(): void {
    this.cluster = new VirtualCluster(1)
    this.#known = null
    this.cluster.elect()
    for (const key of ['kept', 'kept/below']) this.cluster.ask('n1', 'PUT', `/v1/kv/${key}`, 'value')
  }

  /** The answer, or null: none by the time that a write takes. Throws for an answer that is not in Consul's form, or that should have changed nothing and did. */
  ask(method: string, target: string, body: Uint8Array | string = ''): ApiResponse | null {
    const { cluster } = this
    const before = this.#state()
    const indexBefore = cluster.status('n1').lastIndex
    let answers = 0
    let response: ApiResponse | null = null
    let goneNow = () => {}
    cluster.nodes.get('n1')!.handle({ method, target, headers: {}, body: Buffer.from(body), onGone: (gone) => { goneNow = gone } }, (answer) => {
      answers++
      response = answer
    })
    // Most of what is wrong is refused at once.
    if (response === null) cluster.time.runUntil(() => response !== null, 20)
    if (response === null) goneNow()
    else checkForm(method, target, response)
    if (answers > 1) throw new Error(`${answers} answers`)
    if (response !== null && (response as ApiResponse).status >= 400 && cluster.status('n1').lastIndex !== indexBefore) {
      const after = this.#state()
      if (after !== before) throw new Error(`refused with ${(response as ApiResponse).status} ${String((response as ApiResponse).body)}, and yet there was ${before}, and is ${after}`)
    }
    // What was taken adds up, and makes the next slower.
    if (++this.#handled % 500 === 0) this.#begin()
    return response
  }

  /** Keys and sessions: nothing but requests changes those. */
  #state(): string {
    const index = this.cluster.status('n1').lastIndex
    if (this.#known?.index === index) return this.#known.text
    const text = ['/v1/kv/?recurse&stale', '/v1/session/list?stale'].map((target) => String(this.cluster.request('n1', 'GET', target).response!.body)).join('\n')
    this.#known = { index, text }
    return text
  }
}

/** Throws for what Consul would not say. */
function checkForm(method: string, target: string, { status, headers, body }: ApiResponse): void {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString()
  const what = `${method} ${target.slice(0, 200)}: ${status} ${text.slice(0, 300)}`
  if (![200, 301, 400, 404, 405, 409, 413, 500].includes(status)) throw new Error(`a status that Consul does not send: ${what}`)
  if (status < 400) return
  if (/TypeError|RangeError|SyntaxError|undefined|\[object |Cannot read|is not a function|not iterable|at .*\.ts:/.test(text)) throw new Error(`not a sentence for a client: ${what}`)
  if (status === 409) return void JSON.parse(text)
  const type = headers['Content-Type']
  if (text !== '' && type !== 'text/plain; charset=utf-8') throw new Error(`an error of type ${type}: ${what}`)
  if (status === 405 && !/^OPTIONS(,[A-Z]+)+$/.test(headers['Allow'] ?? '')) throw new Error(`no Allow: ${what}`)
}

t.test('bodies with fields of other types, missing, or too many', async (t) => {
  const member = new Member()
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
  const member = new Member()
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
  const member = new Member()
  const query = fc.array(fc.tuple(fc.constantFrom(...names), values), { maxLength: 3 })
  fuzz(t, runs, fc.property(fc.constantFrom(...paths), fc.constantFrom('GET', 'GET', 'PUT', 'DELETE', 'POST', 'HEAD', 'OPTIONS', 'PATCH', 'constructor'), query, values, (path, method, parameters, tail) => {
    const odd = tail.length % 3 === 0 ? tail : ''
    member.ask(method, `${path}${odd}${parameters.length === 0 ? '' : `?${parameters.map(([name, value]) => `${name}=${value}`).join('&')}`}`, method === 'PUT' && path === '/v1/txn' ? '[]' : '')
  }))
})
