/** `/v1/txn` (Consul's HTTP API, Transactions). */
import { encodeCommand } from '../state/commands.ts'
import { isWrite, readTransaction, type TxnOperation, type TxnOutcome } from '../state/txn.ts'
import type { ApiContext } from './context.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { DecodeError, JsonFields, parseJson } from './json-body.ts'
import { bodyTooLarge, kvToJson, toIndex, valueBytesMax } from './kv.ts'
import { awaitConsistency, checkDatacenter, isSet, parseConsistency } from './query.ts'
import { errorResponse, jsonResponse, writeResponse } from './responses.ts'

type Respond = (response: ApiResponse) => void

const operationsMax = 64

export function putTxn(context: ApiContext, query: URLSearchParams, request: ApiRequest, respond: Respond): void {
  const refusal = checkDatacenter(query, context)
  if (refusal !== null) return respond(refusal)
  if (request.body.length > valueBytesMax) return respond(bodyTooLarge(request.body.length, request.target))
  let operations: TxnOperation[] | ApiResponse
  try {
    operations = parseOperations(request.body)
  } catch (error) {
    if (error instanceof DecodeError) return respond(errorResponse(400, `Failed to parse body: ${error.message}`))
    throw error
  }
  if (!Array.isArray(operations)) return respond(operations)
  const pretty = isSet(query, 'pretty')
  if (!operations.some(isWrite)) return readOnly(context, query, operations, pretty, respond)
  context.write(encodeCommand({ kind: 'txn', operations }), (outcome) => {
    if (outcome.kind !== 'applied' || outcome.txn === undefined) return respond(writeResponse(outcome, pretty))
    respond(answer(outcome.txn, {}, pretty, {}))
  })
}

/** Without the log, from this member's state, as fresh as is asked for. */
function readOnly(context: ApiContext, query: URLSearchParams, operations: readonly TxnOperation[], pretty: boolean, respond: Respond): void {
  const consistency = parseConsistency(query)
  if (typeof consistency === 'object') return respond(consistency)
  awaitConsistency(context, consistency, respond, (freshness) => {
    const meta = {
      Index: 0, LastContact: Number(freshness['X-Consul-Lastcontact']) * 1e6,
      KnownLeader: freshness['X-Consul-Knownleader'] === 'true', ConsistencyLevel: '',
    }
    respond(answer(readTransaction(context.kv, operations), meta, pretty, freshness))
  })
}

function answer({ results, errors }: TxnOutcome, meta: object, pretty: boolean, headers: Readonly<Record<string, string>>): ApiResponse {
  if (errors.length === 0) return jsonResponse({ Results: results.map(({ entry }) => ({ KV: kvToJson(entry) })), Errors: null, ...meta }, pretty, headers)
  const response = jsonResponse({ Results: null, Errors: errors.map(({ opIndex, what }) => ({ OpIndex: opIndex, What: what })), ...meta }, pretty, headers)
  return { ...response, status: 409 }
}

/** Or what to answer to a body that is understood, but too much. Throws DecodeError. */
function parseOperations(body: Uint8Array): TxnOperation[] | ApiResponse {
  const items = parseJson(body)
  if (items === null) return []
  if (!Array.isArray(items)) throw new DecodeError(`json: cannot unmarshal ${typeof items === 'object' ? 'object' : typeof items} into Go value of type api.TxnOps`)
  const parsed = items.map((item) => new JsonFields(item))
  if (items.length > operationsMax) return errorResponse(413, `Transaction contains too many operations (${items.length} > ${operationsMax})`)
  if (parsed.some((fields) => ['Node', 'Service', 'Check'].some((name) => fields.has(name)))) {
    return errorResponse(500, 'This server takes only KV operations in transactions')
  }
  // One with nothing in it does nothing.
  return parsed.filter((fields) => fields.has('KV')).map((fields) => parseKv(new JsonFields(fields.get('KV'), '.KV')))
}

function parseKv(fields: JsonFields): TxnOperation {
  return {
    kind: 'kv',
    verb: fields.text('Verb') ?? '',
    key: fields.text('Key') ?? '',
    value: fields.bytes('Value') ?? new Uint8Array(0),
    flags: fields.unsigned('Flags') ?? 0n,
    index: toIndex(fields.unsigned('Index') ?? 0n),
    session: fields.text('Session') ?? '',
  }
}
