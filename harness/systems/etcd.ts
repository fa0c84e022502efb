import { z } from 'zod'
import type { KvClient, KvResult } from '../../workloads/workload.ts'
import { bodyText, describeOutcome, failureOf } from '../client/definiteness.ts'
import type { HttpOutcome } from '../environments/environment.ts'
import { etcdDeployment } from './etcd-deployment.ts'
import { etcdMembership } from './etcd-membership.ts'
import type { MemberRequest, System } from './system.ts'

const statusTimeoutMs = 1000

/** etcd by the JSON gateway of its v3 API: keys and values in base64, 64-bit numbers as text, fields that are zero or false left out. */
export const etcd: System = {
  name: 'etcd',
  deployment: etcdDeployment,
  membership: etcdMembership,
  client: (request, operationTimeoutMs) => new EtcdKvClient(request, operationTimeoutMs),

  async leaderSeen(request) {
    const outcome = await post(request, '/v3/maintenance/status', {}, statusTimeoutMs)
    const status = decode(outcome, statusSchema)
    if (status === null) return { none: describeOutcome(outcome) }
    return status.leader === '0' ? { none: 'knows no leader' } : { leader: status.leader }
  },

  async leadership(request) {
    const status = decode(await post(request, '/v3/maintenance/status', {}, statusTimeoutMs), statusSchema)
    return status === null ? null : { leads: status.leader === status.header.member_id, term: Number(status.header.raft_term) }
  },
}

const int64 = z.string().regex(/^\d+$/)
const header = z.object({ member_id: int64, revision: int64.optional(), raft_term: int64 })
const statusSchema = z.object({ header, leader: int64.default('0') })
const rangeSchema = z.object({
  header,
  kvs: z.array(z.object({ key: z.base64(), value: z.base64().default(''), mod_revision: int64 })).max(1).default([]),
})
const putSchema = z.object({ header: header.required({ revision: true }) })
const txnSchema = z.object({ header, succeeded: z.boolean().default(false) })

class EtcdKvClient implements KvClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  /** `serializable` is answered from the member's own state; everything else is linearizable. */
  async read(key: string, consistency: 'default' | 'consistent' | 'stale'): Promise<KvResult<{ value: string | null, version: number | null }>> {
    const outcome = await post(this.#request, '/v3/kv/range', { key: base64(key), serializable: consistency === 'stale' }, this.#timeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'read')
    const answer = decode(outcome, rangeSchema)
    if (answer === null) return failureOf(outcome, 'read', `malformed answer: ${describeOutcome(outcome)}`)
    const [entry] = answer.kvs
    if (entry === undefined) return { type: 'ok', value: null, version: null }
    if (entry.key !== base64(key)) return failureOf(outcome, 'read', `malformed answer: asked for key ${key}, got ${Buffer.from(entry.key, 'base64').toString()}`)
    return { type: 'ok', value: Buffer.from(entry.value, 'base64').toString(), version: Number(entry.mod_revision) }
  }

  async write(key: string, value: string): Promise<KvResult<{ version?: number }>> {
    const outcome = await post(this.#request, '/v3/kv/put', { key: base64(key), value: base64(value) }, this.#timeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'write')
    const answer = decode(outcome, putSchema)
    if (answer === null) return failureOf(outcome, 'write', `malformed answer: ${describeOutcome(outcome)}`)
    // A put has a revision of its own, which becomes the key's.
    return { type: 'ok', version: Number(answer.header.revision) }
  }

  async compareAndSet(key: string, value: string, version: number): Promise<KvResult<{ swapped: boolean }>> {
    // A key that is absent has revision 0.
    const outcome = await post(this.#request, '/v3/kv/txn', {
      compare: [{ target: 'MOD', result: 'EQUAL', key: base64(key), mod_revision: String(version) }],
      success: [{ request_put: { key: base64(key), value: base64(value) } }],
    }, this.#timeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'write')
    const answer = decode(outcome, txnSchema)
    if (answer === null) return failureOf(outcome, 'write', `malformed answer: ${describeOutcome(outcome)}`)
    return { type: 'ok', swapped: answer.succeeded }
  }
}

function post(request: MemberRequest, target: string, body: object, timeoutMs: number): Promise<HttpOutcome> {
  return request({ method: 'POST', target, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }, timeoutMs)
}

/** Null: not a 200, not JSON, or not of this shape. */
function decode<T>(outcome: HttpOutcome, schema: z.ZodType<T>): T | null {
  if (outcome.kind !== 'response' || outcome.status !== 200) return null
  try {
    return schema.safeParse(JSON.parse(bodyText(outcome))).data ?? null
  } catch {
    return null
  }
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
