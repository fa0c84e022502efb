import { z } from 'zod'
import { unreachable } from '../../../node/base/assert.ts'
import type { TransactionClient, TransactionOperation, TransactionRead } from '../../../workloads/ports/transactions.ts'
import { describeOutcome, failureOf } from '../../client/definiteness.ts'
import type { ReadConsistency } from '../../plan/plan.ts'
import type { MemberRequest } from '../system.ts'
import { base64, decode, entrySchema, header, post, textOf } from './gateway.ts'

type Committed = Awaited<ReturnType<TransactionClient['transact']>>

const responseSchema = z.union([
  z.object({ response_range: z.object({ kvs: z.array(entrySchema).max(1).default([]) }) }),
  z.object({ response_put: z.object({}) }),
])
const txnSchema = z.object({ header, succeeded: z.boolean().default(false), responses: z.array(responseSchema).default([]) })

/**
 * `POST /v3/kv/txn` (etcd documentation, "API", transactions): conditions on
 * revisions are compared first, and all operations done if all hold. A
 * transaction that only reads is linearizable unless its reads say that they
 * need not be. A key may be written once in one: etcd refuses more.
 */
export class EtcdTransactions implements TransactionClient {
  // etcd's own default of --max-txn-ops is 128.
  readonly operationsMax = 64
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async transact(operations: readonly TransactionOperation[], consistency: ReadConsistency): Promise<Committed> {
    const effect = operations.some(({ verb }) => verb === 'set' || verb === 'cas') ? 'write' : 'read'
    const serializable = effect === 'read' && consistency === 'stale'
    const outcome = await post(this.#request, '/v3/kv/txn', {
      // The key of a condition that is absent has revision 0.
      compare: operations.flatMap((operation) => 'version' in operation ? [{ target: 'MOD', result: 'EQUAL', key: base64(operation.key), mod_revision: String(operation.version) }] : []),
      success: operations.flatMap((operation) => requestOf(operation, serializable)),
    }, this.#timeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, effect)
    const malformed = (why: string) => failureOf(outcome, effect, `malformed answer: ${why}`)
    const answer = decode(outcome, txnSchema)
    if (answer === null) return malformed(describeOutcome(outcome))
    if (!answer.succeeded) return { type: 'ok', committed: false, why: 'a key has no longer the version that was asked for' }
    const reads = readsOf(operations, answer.responses)
    return typeof reads === 'string' ? malformed(reads) : { type: 'ok', committed: true, reads }
  }
}

function requestOf(operation: TransactionOperation, serializable: boolean): object[] {
  switch (operation.verb) {
    case 'get': return [{ request_range: { key: base64(operation.key), serializable } }]
    case 'set':
    case 'cas': return [{ request_put: { key: base64(operation.key), value: base64(operation.value) } }]
    case 'check': return []
    default: return unreachable(operation)
  }
}

/** One response an operation, in order, but none for a mere check. A sentence where they do not fit. */
function readsOf(operations: readonly TransactionOperation[], responses: readonly z.infer<typeof responseSchema>[]): TransactionRead[] | string {
  const answered = operations.filter(({ verb }) => verb !== 'check')
  if (answered.length !== responses.length) return `${responses.length} responses where ${answered.length} were asked for`
  const reads: TransactionRead[] = []
  for (const [at, { verb, key }] of answered.entries()) {
    const response = responses[at]!
    if (('response_range' in response) !== (verb === 'get')) return `operation ${at} on ${key} has another's response`
    if (!('response_range' in response)) continue
    const entry = response.response_range.kvs[0]
    if (entry !== undefined && textOf(entry.key) !== key) return `operation ${at} on ${key} has the response of ${textOf(entry.key)}`
    reads.push(entry === undefined ? { key, value: null, version: null } : { key, value: textOf(entry.value), version: Number(entry.mod_revision) })
  }
  return reads
}
