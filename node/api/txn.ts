/** `/v1/txn` (Consul's HTTP API, Transactions). */
import { encodeCommand } from '../state/commands.ts'
import { isWrite, readTransaction, type TxnOperation, type TxnOutcome } from '../state/txn.ts'
import type { ApiContext } from './context.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { DecodeError, JsonFields, parseJson, typeName } from './json-body.ts'
import { bodyTooLarge, toIndex } from './kv.ts'
import { bodyBytesMax, defaultApiLimits } from './limits.ts'
import { awaitConsistency, checkDatacenter, checkReadParameters, isSet, parseConsistency } from './query.ts'
import { errorResponse, jsonResponse, writeResponse } from './responses.ts'
import { parseCatalogOperations, resultJson } from './txn-catalog.ts'

type Respond = (response: ApiResponse) => void

const operationsMax = 64

export function putTxn(context: ApiContext, query: URLSearchParams, request: ApiRequest, respond: Respond): void {
  const limits = context.limits ?? defaultApiLimits
  const bytesMax = bodyBytesMax(request.target, limits)
  if (request.body.length > bytesMax) return respond(bodyTooLarge(request.body.length, bytesMax, request.target))
  let operations: TxnOperation[] | ApiResponse
  try {
    operations = parseOperations(request.body)
  } catch (error) {
    if (error instanceof DecodeError) return respond(errorResponse(400, `Failed to parse body: ${error.message}`))
    throw error
  }
  if (!Array.isArray(operations)) return respond(operations)
  const tooLarge = operations.find((operation) => 'value' in operation && operation.value.length > limits.kvValueBytesMax)
  if (tooLarge !== undefined && 'value' in tooLarge) {
    return respond(errorResponse(413, `Value for key ${JSON.stringify(tooLarge.key)} is too large (${tooLarge.value.length} > ${limits.kvValueBytesMax} bytes)`))
  }
  const refusal = checkDatacenter(query, context)
  if (refusal !== null) return respond(refusal)
  const pretty = isSet(query, 'pretty')
  if (!operations.some(isWrite)) return readOnly(context, query, operations, pretty, respond)
  context.write(encodeCommand({ kind: 'txn', operations }), (outcome) => {
    if (outcome.kind !== 'applied' || outcome.txn === undefined) return respond(writeResponse(outcome, pretty))
    respond(answer(context, outcome.txn, {}, pretty, {}))
  })
}

/** Without the log, from this member's state, as fresh as is asked for. */
function readOnly(context: ApiContext, query: URLSearchParams, operations: readonly TxnOperation[], pretty: boolean, respond: Respond): void {
  const consistency = parseConsistency(query)
  if (typeof consistency === 'object') return respond(consistency)
  const refusal = checkReadParameters(query)
  if (refusal !== null) return respond(refusal)
  awaitConsistency(context, consistency, respond, (freshness) => {
    const meta = {
      Index: 0, LastContact: Number(freshness['X-Consul-Lastcontact']) * 1e6,
      KnownLeader: freshness['X-Consul-Knownleader'] === 'true', ConsistencyLevel: '',
    }
    respond(answer(context, readTransaction(context.kv, context.catalog, operations), meta, pretty, freshness))
  })
}

function answer({ datacenter }: ApiContext, { results, errors }: TxnOutcome, meta: object, pretty: boolean, headers: Readonly<Record<string, string>>): ApiResponse {
  if (errors.length === 0) return jsonResponse({ Results: results.map((result) => resultJson(result, datacenter)), Errors: null, ...meta }, pretty, headers)
  const response = jsonResponse({ Results: null, Errors: errors.map(({ opIndex, what }) => ({ OpIndex: opIndex, What: what })), ...meta }, pretty, headers)
  return { ...response, status: 409 }
}

/** Or what to answer to a body that is understood, but too much. Throws DecodeError. */
function parseOperations(body: Uint8Array): TxnOperation[] | ApiResponse {
  const items = parseJson(body)
  if (items === null) return []
  if (!Array.isArray(items)) throw new DecodeError(`json: cannot unmarshal ${typeName(items)} into Go value of type api.TxnOps`)
  const parsed = items.map((item) => {
    const fields = new JsonFields(item, 'TxnOp', { object: 'Go value of type api.TxnOp' })
    fields.refuseOthers(operationFields)
    const kv = fields.has('KV') ? parseKv(fields.get('KV')) : null
    const others = parseCatalogOperations(fields)
    // Of several in one operation the first of these counts.
    return { operation: kv ?? others[0] ?? null }
  })
  if (items.length > operationsMax) return errorResponse(413, `Transaction contains too many operations (${items.length} > ${operationsMax})`)
  // One with nothing in it does nothing.
  return parsed.flatMap(({ operation }) => operation ?? [])
}

const operationFields = ['KV', 'Node', 'Service', 'Check']
const kvFields = ['Verb', 'Key', 'Value', 'Flags', 'Index', 'Session', 'Namespace']

function parseKv(value: unknown): TxnOperation {
  const fields = new JsonFields(value, 'KVTxnOp.KV', { object: 'Go struct field TxnOp.KV of type api.KVTxnOp', fields: { Verb: 'api.KVOp' } })
  fields.refuseOthers(kvFields)
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
