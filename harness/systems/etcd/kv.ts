import { z } from 'zod'
import type { KvClient, KvResult } from '../../../workloads/workload.ts'
import { describeOutcome, failureOf } from '../../client/definiteness.ts'
import type { MemberRequest } from '../system.ts'
import { base64, decode, entrySchema, header, post, textOf } from './gateway.ts'

const rangeSchema = z.object({ header, kvs: z.array(entrySchema).max(1).default([]) })
const putSchema = z.object({ header: header.required({ revision: true }) })
const txnSchema = z.object({ header, succeeded: z.boolean().default(false) })

export class EtcdKvClient implements KvClient {
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
    if (entry.key !== base64(key)) return failureOf(outcome, 'read', `malformed answer: asked for key ${key}, got ${textOf(entry.key)}`)
    return { type: 'ok', value: textOf(entry.value), version: Number(entry.mod_revision) }
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
