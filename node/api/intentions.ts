import { uuidProblem } from '../base/uuid.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { DecodeError, JsonFields, parseJson } from './json-body.ts'
import { awaitConsistency, checkDatacenter, checkReadParameters, isSet, parseConsistency } from './query.ts'
import { errorResponse, jsonResponse } from './responses.ts'
import type { Action, Route } from './routes.ts'

/**
 * `/v1/connect/intentions/…`: there are none, and without ACLs every
 * connection is allowed where no intention speaks of it (Consul's HTTP API,
 * Intentions). None can be made: nobody here would enforce it.
 */
export function intentionRoutes(context: ApiContext): [path: string, actions: Route['actions']][] {
  const reading = (answer: (query: URLSearchParams, wildcard: string) => ApiResponse): Action => (_request, wildcard, query, respond) => {
    const consistency = parseConsistency(query)
    if (typeof consistency === 'object') return respond(consistency)
    const refusal = checkReadParameters(query) ?? checkDatacenter(query, context)
    if (refusal !== null) return respond(refusal)
    awaitConsistency(context, consistency, respond, () => respond(answer(query, wildcard)))
  }
  return [
    ['/v1/connect/intentions/check', { GET: reading(check) }],
    ['/v1/connect/intentions/match', { GET: reading(match) }],
    ['/v1/connect/intentions/*', { GET: reading((_query, id) => lookUp(id)), PUT: change, DELETE: change }],
  ]
}

/** POST `/v1/connect/intentions`. */
export const createIntention: Action = ({ body }, _wildcard, _query, respond) => {
  const fields = decodedFields(body)
  if (typeof fields === 'string') return respond(errorResponse(500, `Failed to decode request body: ${fields}`))
  respond(errorResponse(500, 'This server keeps no intentions'))
}

const notSet = (name: string) => errorResponse(500, `required query parameter '${name}' not set`)

function check(query: URLSearchParams): ApiResponse {
  for (const name of ['source', 'destination']) if (!query.has(name)) return notSet(name)
  const type = query.get('source-type') ?? 'consul'
  if (type !== 'consul') return errorResponse(500, `unsupported SourceType: ${JSON.stringify(type)}`)
  return jsonResponse({ Allowed: true }, isSet(query, 'pretty'))
}

function match(query: URLSearchParams): ApiResponse {
  const by = query.get('by')
  if (by === null) return notSet('by')
  if (by !== 'source' && by !== 'destination') return errorResponse(500, "'by' parameter must be one of 'source' or 'destination'")
  const names = query.getAll('name')
  if (names.length === 0) return notSet('name')
  return jsonResponse(Object.fromEntries(names.map((name) => [name, null])), isSet(query, 'pretty'))
}

const lookupProblem = (id: string) => {
  const problem = uuidProblem(id)
  return problem === null ? null : `failed intention lookup: index error: ${problem}`
}

function lookUp(id: string): ApiResponse {
  const problem = lookupProblem(id)
  return problem === null ? errorResponse(404, 'Intention not found') : errorResponse(400, `Bad request: ${problem}`)
}

const change: Action = ({ method, body }, id, _query, respond) => {
  const fields = method === 'PUT' ? decodedFields(body) : null
  if (typeof fields === 'string') return respond(errorResponse(400, `Bad request: Request decode failed: ${fields}`))
  const problem = lookupProblem(id)
  respond(errorResponse(500, problem === null ? `Cannot ${method === 'PUT' ? 'modify' : 'delete'} non-existent intention: '${id}'` : `Intention lookup failed: ${problem}`))
}

/** Or what is wrong with the body. */
function decodedFields(body: Uint8Array): JsonFields | string {
  try {
    return new JsonFields(parseJson(body))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return error.message
  }
}
