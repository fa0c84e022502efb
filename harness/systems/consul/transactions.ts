import { z } from 'zod'
import { unreachable } from '../../../node/base/assert.ts'
import type { TransactionClient, TransactionOperation, TransactionRead } from '../../../workloads/ports/transactions.ts'
import { bodyText, describeOutcome, failureOf } from '../../client/definiteness.ts'
import type { HttpOutcome } from '../../environments/environment.ts'
import type { ReadConsistency } from '../../plan/plan.ts'
import type { MemberRequest } from '../system.ts'

type Committed = Awaited<ReturnType<TransactionClient['transact']>>

/** A `get` of an absent key ends a transaction in Consul's API. Keys that are asked for are found absent once each, unless others make them meanwhile. */
const attemptsMax = 8

/**
 * Keys at one moment, by `PUT /v1/txn` (Consul's HTTP API, "Transactions").
 * There a `get` of an absent key fails the whole transaction, and the answer
 * says which. That one did nothing; the next attempt asks for these keys'
 * absence instead. Every attempt is a transaction of its own, and the answer is
 * that of the last.
 */
export class ConsulTransactions implements TransactionClient {
  readonly operationsMax = 64
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async transact(operations: readonly TransactionOperation[], consistency: ReadConsistency): Promise<Committed> {
    const absent = new Set<number>()
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#attempt(operations, consistency, absent)
      if (!('corrections' in answer)) return answer
      for (const { at, exists } of answer.corrections) {
        if (exists) absent.delete(at)
        else absent.add(at)
      }
      if (attempt === attemptsMax) return { type: 'fail', error: `keys came and went in each of ${attemptsMax} attempts: ${answer.why}` }
    }
  }

  async #attempt(operations: readonly TransactionOperation[], consistency: ReadConsistency, absent: ReadonlySet<number>): Promise<Committed | Corrections> {
    const effect = operations.some(({ verb }) => verb === 'set' || verb === 'cas') ? 'write' : 'read'
    const query = effect === 'write' || consistency === 'default' ? '' : `?${consistency}`
    const body = JSON.stringify(operations.map((operation, at) => ({ KV: absent.has(at) ? { Verb: 'check-not-exists', Key: operation.key } : encode(operation) })))
    const outcome = await this.#request({ method: 'PUT', target: `/v1/txn${query}`, body }, this.#timeoutMs)
    if (outcome.kind !== 'response' || (outcome.status !== 200 && outcome.status !== 409)) return failureOf(outcome, effect)
    if (outcome.status === 409) {
      const refused = decode(outcome, refusedSchema)
      return 'malformed' in refused ? failureOf(outcome, effect, refused.malformed) : refusal(operations, absent, refused.Errors)
    }
    const committed = decode(outcome, committedSchema)
    if ('malformed' in committed) return failureOf(outcome, effect, committed.malformed)
    const reads = readsOf(operations, absent, committed.Results)
    return 'malformed' in reads ? failureOf(outcome, effect, reads.malformed) : { type: 'ok', committed: true, reads }
  }
}

/** What is to be asked differently: a `get` of an absent key, or an absence that is none. */
interface Corrections {
  readonly corrections: readonly { readonly at: number, readonly exists: boolean }[]
  readonly why: string
}

function encode(operation: TransactionOperation): object {
  const base64 = (value: string) => Buffer.from(value).toString('base64')
  switch (operation.verb) {
    case 'get': return { Verb: 'get', Key: operation.key }
    case 'set': return { Verb: 'set', Key: operation.key, Value: base64(operation.value) }
    // Index 0: only if the key is absent.
    case 'cas': return { Verb: 'cas', Key: operation.key, Value: base64(operation.value), Index: operation.version }
    case 'check': return operation.version === 0 ? { Verb: 'check-not-exists', Key: operation.key } : { Verb: 'check-index', Key: operation.key, Index: operation.version }
    default: return unreachable(operation)
  }
}

const errorSchema = z.object({ OpIndex: z.int().min(0), What: z.string() })
const entrySchema = z.object({ KV: z.object({ Key: z.string(), Value: z.string().nullable(), ModifyIndex: z.int().min(0) }) })
const committedSchema = z.object({ Results: z.array(entrySchema).nullable().transform((results) => results ?? []), Errors: z.null() })
const refusedSchema = z.object({ Results: z.null(), Errors: z.array(errorSchema).min(1) })

function decode<T>(outcome: HttpOutcome, schema: z.ZodType<T>): T | { readonly malformed: string } {
  try {
    const parsed = schema.safeParse(JSON.parse(bodyText(outcome)))
    return parsed.success ? parsed.data : { malformed: `malformed answer: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}` }
  } catch {
    return { malformed: `malformed answer: ${describeOutcome(outcome)}` }
  }
}

const absentKey = / doesn't exist$/
const presentKey = / exists$/

function refusal(operations: readonly TransactionOperation[], absent: ReadonlySet<number>, errors: readonly z.infer<typeof errorSchema>[]): Committed | Corrections {
  const why = errors.map(({ OpIndex, What }) => `operation ${OpIndex}: ${What}`).join('; ').slice(0, 300)
  const corrections = errors.flatMap(({ OpIndex: at, What }) => {
    if (operations[at]?.verb !== 'get') return []
    return absent.has(at) ? (presentKey.test(What) ? [{ at, exists: true }] : []) : absentKey.test(What) ? [{ at, exists: false }] : []
  })
  return corrections.length === errors.length ? { corrections, why } : { type: 'ok', committed: false, why }
}

/** Every operation but `check-not-exists` has one result, in order; a write's and a check's has no value. */
function readsOf(operations: readonly TransactionOperation[], absent: ReadonlySet<number>, results: readonly z.infer<typeof entrySchema>[]): TransactionRead[] | { readonly malformed: string } {
  const reads: TransactionRead[] = []
  let next = 0
  for (const [at, operation] of operations.entries()) {
    if (absent.has(at)) reads.push({ key: operation.key, value: null, version: null })
    if (absent.has(at) || (operation.verb === 'check' && operation.version === 0)) continue
    const result = results[next++]?.KV
    if (result?.Key !== operation.key) return { malformed: `malformed answer: operation ${at} on ${operation.key} has the result of ${result?.Key ?? 'none'}` }
    if (operation.verb !== 'get') continue
    const bytes = Buffer.from(result.Value ?? '', 'base64')
    if (bytes.toString('base64') !== (result.Value ?? '')) return { malformed: 'malformed answer: Value is not base64' }
    reads.push({ key: operation.key, value: bytes.toString('utf8'), version: result.ModifyIndex })
  }
  return next === results.length ? reads : { malformed: `malformed answer: ${results.length} results where ${next} were asked for` }
}
