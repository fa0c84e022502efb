/** A member whose every answer is checked: for tests that send it what no client of Consul sends. */
import { VirtualCluster } from '../../testing/virtual-cluster.ts'
import type { ApiResponse } from '../exchange.ts'

/** A set in a transaction, with other fields. */
export const kv = (fields: object) => ({ KV: { Verb: 'set', Key: 't', Value: 'YQ==', ...fields } })
/** Routes that take a body, with one that they take. */
export const bodies: readonly (readonly [target: string, body: unknown])[] = [
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

export class CheckedMember {
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
