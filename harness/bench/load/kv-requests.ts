import type { Random } from '../../../node/base/random.ts'
import type { HttpRequest } from '../../environments/environment.ts'
import type { ReadConsistency, SystemName } from '../../plan/plan.ts'

/** One request that may be sent any number of times; its body is text. */
export interface LoadRequest {
  readonly method: HttpRequest['method']
  /** Path and query. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** How a system is asked for single keys over HTTP. */
export interface KvRequests {
  put(key: string, value: string): LoadRequest
  get(key: string, consistency: ReadConsistency): LoadRequest
  /** What it tells apart, in the order of cost. */
  readonly consistencies: readonly ReadConsistency[]
  /** Extra keys of a member's config: it must take any number of connections from one address. */
  readonly memberConfig: Readonly<Record<string, unknown>>
}

const consulKv: KvRequests = {
  put: (key, value) => ({ method: 'PUT', target: `/v1/kv/${key}`, headers: {}, body: value }),
  get: (key, consistency) => ({ method: 'GET', target: `/v1/kv/${key}${consistency === 'default' ? '' : `?${consistency}`}`, headers: {} }),
  consistencies: ['default', 'consistent', 'stale'],
  // Consul's own default is 200 (`limits.http_max_conns_per_client`); 0 is no limit.
  memberConfig: { limits: { http_max_conns_per_client: 0 } },
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
const etcdPost = (target: string, body: object): LoadRequest => ({ method: 'POST', target, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

/** etcd's JSON gateway, as `harness/systems/etcd.ts` uses it. It knows linearizable and serializable reads, no third kind. */
const etcdKv: KvRequests = {
  put: (key, value) => etcdPost('/v3/kv/put', { key: base64(key), value: base64(value) }),
  get: (key, consistency) => etcdPost('/v3/kv/range', { key: base64(key), serializable: consistency === 'stale' }),
  consistencies: ['consistent', 'stale'],
  memberConfig: {},
}

export const kvRequestsOf: Readonly<Record<SystemName, KvRequests>> = { registry: consulKv, consul: consulKv, etcd: etcdKv }

export type KvOperation = { readonly kind: 'write' } | { readonly kind: 'read', readonly consistency: ReadConsistency }

export interface KvLoad {
  readonly system: SystemName
  readonly operation: KvOperation
  readonly valueBytes: number
  readonly keyCount: number
}

export const benchKey = (valueBytes: number, key: number) => `splitbrain-bench/${valueBytes}/${key}`

/** Every connection keeps its own copy of its requests, so that many connections of large values must have few. */
const bytesPerConnectionMax = 256 * 1024
const requestsMax = 64

/** Of each connection what it sends, again and again: keys and values drawn from its chance. Made before any time is taken. */
export function requestsOfConnections(load: KvLoad, connections: number, random: Random): LoadRequest[][] {
  const values = new ValuePool(load.valueBytes, random.split('values'))
  return Array.from({ length: connections }, (_, at) => connectionRequests(load, values, random.split(`connection ${at}`)))
}

function connectionRequests({ system, operation, valueBytes, keyCount }: KvLoad, values: ValuePool, random: Random): LoadRequest[] {
  const kv = kvRequestsOf[system]
  const count = operation.kind === 'read' ? requestsMax : Math.max(2, Math.min(requestsMax, Math.floor(bytesPerConnectionMax / valueBytes)))
  return Array.from({ length: count }, () => {
    const key = benchKey(valueBytes, random.between(0, keyCount))
    switch (operation.kind) {
      case 'write': return kv.put(key, values.draw(random))
      case 'read': return kv.get(key, operation.consistency)
      default: return operation satisfies never
    }
  })
}

/** For reads: every key has a value of this size. */
export function fillRequests({ system, valueBytes, keyCount }: Omit<KvLoad, 'operation'>, random: Random): LoadRequest[] {
  const values = new ValuePool(valueBytes, random)
  return Array.from({ length: keyCount }, (_, key) => kvRequestsOf[system].put(benchKey(valueBytes, key), values.draw(random)))
}

const poolOffsets = 64 * 1024

/** Values of exactly so many bytes of text that hardly repeat: pieces of one long text, as drawing each anew would take seconds where they are large and many. */
export class ValuePool {
  readonly #bytes: number
  readonly #text: string

  constructor(bytes: number, random: Random) {
    this.#bytes = bytes
    this.#text = Array.from({ length: Math.ceil((bytes + poolOffsets) / 8) }, () => random.uint32().toString(16).padStart(8, '0')).join('')
  }

  draw(random: Random): string {
    const at = random.between(0, poolOffsets)
    return this.#text.slice(at, at + this.#bytes)
  }
}
