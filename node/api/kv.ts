import { encodeCommand } from '../state/commands.ts'
import type { KvEntry, KvReader } from '../state/kv.ts'
import { answerRead, type Found } from './blocking.ts'
import type { ApiContext } from './context.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { checkDatacenter, encodeQuery, isSet } from './query.ts'
import { bodyLimitName, defaultApiLimits } from './limits.ts'
import { emptyResponse, errorResponse, jsonResponse, writeResponse } from './responses.ts'

/** `/v1/kv/<key>` (Consul's HTTP API, KV store). */

const flagsMax = (1n << 64n) - 1n

type Respond = (response: ApiResponse) => void

export function getKv(context: ApiContext, key: string, query: URLSearchParams, request: ApiRequest, respond: Respond): void {
  const wantsKeys = isSet(query, 'keys')
  const wantsTree = !wantsKeys && isSet(query, 'recurse')
  const missing = key === '' && !wantsKeys && !wantsTree
  const find = wantsKeys ? findKeys : wantsTree ? findTree : findEntry
  answerRead(context, request, query, respond, () => find(context.kv, key, query), missing ? errorResponse(400, 'Missing key name') : null)
}

function findKeys(kv: KvReader, prefix: string, query: URLSearchParams): Found {
  const { index, keys } = kv.keys(prefix, query.get('separator') ?? '')
  return {
    index, interests: () => [kv.interestInPrefix(prefix)],
    answer: (headers) => keys.length === 0 && prefix !== '' ? emptyResponse(404, headers) : jsonResponse(keys, isSet(query, 'pretty'), headers),
  }
}

function findTree(kv: KvReader, prefix: string, query: URLSearchParams): Found {
  const { index, entries } = kv.list(prefix)
  return {
    index, interests: () => [kv.interestInPrefix(prefix)],
    answer: (headers) => entries.length === 0 ? emptyResponse(404, headers) : jsonResponse(entries.map(kvToJson), isSet(query, 'pretty'), headers),
  }
}

function findEntry(kv: KvReader, key: string, query: URLSearchParams): Found {
  const { index, entry } = kv.get(key)
  return {
    index, interests: () => [kv.interestInKey(key)],
    answer: (headers) => {
      if (entry === null) return emptyResponse(404, headers)
      if (!isSet(query, 'raw')) return jsonResponse([kvToJson(entry)], isSet(query, 'pretty'), headers)
      return {
        status: 200,
        headers: {
          Vary: 'Accept-Encoding', 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff',
          'Content-Security-Policy': 'sandbox', ...headers,
        },
        body: entry.value,
      }
    },
  }
}

/** Digits that JSON.stringify writes as they are. Not yet in TypeScript's library. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON
const safeMax = BigInt(Number.MAX_SAFE_INTEGER)

/** Keys in Consul's order; flags beyond 2^53 keep all their digits; an empty value is null. */
export function kvToJson({ lockIndex: LockIndex, key: Key, flags, value, session, createIndex: CreateIndex, modifyIndex: ModifyIndex }: KvEntry): object {
  const Flags = flags <= safeMax ? Number(flags) : rawJson(flags.toString())
  const Value = value.length === 0 ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  return session === null ? { LockIndex, Key, Flags, Value, CreateIndex, ModifyIndex } : { LockIndex, Key, Flags, Value, Session: session, CreateIndex, ModifyIndex }
}

export function putKv(context: ApiContext, key: string, query: URLSearchParams, request: ApiRequest, respond: Respond): void {
  if (key === '') return respond(errorResponse(400, 'Missing key name'))
  const conflict = conflictingFlags(query, ['cas', 'acquire', 'release'])
  if (conflict !== null) return respond(conflict)
  const { kvValueBytesMax } = context.limits ?? defaultApiLimits
  if (request.body.length > kvValueBytesMax) return respond(bodyTooLarge(request.body.length, kvValueBytesMax, request.target))
  const givenFlags = query.get('flags')
  const flags = givenFlags === null ? 0n : parseUnsigned(givenFlags)
  if (typeof flags === 'object') return respond(flags)
  const expected = query.get('cas')
  const modifyIndex = expected === null ? null : parseUnsigned(expected)
  if (modifyIndex !== null && typeof modifyIndex === 'object') return respond(modifyIndex)
  const refusal = checkDatacenter(query, context)
  if (refusal !== null) return respond(refusal)
  const pretty = isSet(query, 'pretty')
  const done = (outcome: Parameters<typeof writeResponse>[0]) => respond(writeResponse(outcome, pretty))
  for (const [parameter, kind] of lockParameters) {
    const session = query.get(parameter)
    if (session !== null) return context.write(encodeCommand({ kind, key, session, flags, value: request.body }), done)
  }
  if (modifyIndex === null) return context.write(encodeCommand({ kind: 'set', key, value: request.body, flags }), done)
  context.write(encodeCommand({ kind: 'cas', key, value: request.body, flags, modifyIndex: toIndex(modifyIndex) }), done)
}

const lockParameters = [['acquire', 'lock'], ['release', 'unlock']] as const

export function deleteKv(context: ApiContext, key: string, query: URLSearchParams, respond: Respond): void {
  const conflict = conflictingFlags(query, ['cas', 'recurse'])
  if (conflict !== null) return respond(conflict)
  const recurse = isSet(query, 'recurse')
  if (key === '' && !recurse) return respond(errorResponse(400, 'Missing key name'))
  const expected = query.get('cas')
  const modifyIndex = expected === null ? null : parseUnsigned(expected)
  if (modifyIndex !== null && typeof modifyIndex === 'object') return respond(modifyIndex)
  const refusal = checkDatacenter(query, context)
  if (refusal !== null) return respond(refusal)
  const done = (outcome: Parameters<typeof writeResponse>[0]) => respond(writeResponse(outcome, isSet(query, 'pretty')))
  if (recurse) return context.write(encodeCommand({ kind: 'delete-tree', prefix: key }), done)
  if (modifyIndex === null) return context.write(encodeCommand({ kind: 'delete', key }), done)
  // Deleting what is absent succeeds whatever was expected; no entry has index 0.
  context.write(encodeCommand({ kind: 'delete-cas', key, modifyIndex: toIndex(modifyIndex) }), done)
}

/** 413, with the connection closed: the rest of the body is not read. `target`: as on the request line. */
export function bodyTooLarge(bytes: number, bytesMax: number, target: string): ApiResponse {
  return errorResponse(413, `Request body(${bytes} bytes) too large, max size: ${bytesMax} bytes. See https://www.consul.io/docs/agent/options.html#${bodyLimitName(target)}.`, { Connection: 'close' })
}

function conflictingFlags(query: URLSearchParams, names: readonly string[]): ApiResponse | null {
  if (names.filter((name) => query.has(name)).length < 2) return null
  // Consul shows the whole query, not only what is in conflict.
  return errorResponse(400, `Conflicting flags: ${encodeQuery(query)}`)
}

/** An unsigned 64-bit number, or the error of Go's parser. */
function parseUnsigned(text: string): bigint | ApiResponse {
  if (!/^\d+$/.test(text)) return errorResponse(500, `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`)
  const value = BigInt(text)
  return value <= flagsMax ? value : errorResponse(500, `strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`)
}

/** No entry can have an index above 2^53 - 1, so that one stands for all of them. */
export function toIndex(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
}
