import { uuidProblem } from '../base/uuid.ts'
import { answerRead } from './blocking.ts'
import { decoded } from './catalog.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { createIntention, intentionRoutes } from './intentions.ts'
import { DecodeError, JsonFields, parseJson } from './json-body.ts'
import { unknownFreshness } from './query.ts'
import { emptyResponse, errorResponse, jsonResponse } from './responses.ts'
import { isSet } from './query.ts'
import type { Action, Route } from './routes.ts'

/**
 * What this registry does not have, answered as by a Consul that has it
 * switched off, or holds nothing of it: ACLs, prepared queries, network
 * coordinates, Connect. Clients ask for these without being asked to.
 */
export function switchedOffRoutes(context: ApiContext): [path: string, actions: Route['actions']][] {
  const nothing = (value: unknown, refusal: (wildcard: string) => ApiResponse | null = () => null, extraHeaders: Readonly<Record<string, string>> = {}): Action =>
    (request, wildcard, query, respond) => answerRead(context, request, query, respond, () => ({
      index: 1, interests: () => [],
      answer: (headers) => jsonResponse(value, isSet(query, 'pretty'), { ...headers, ...extraHeaders }),
    }), refusal(wildcard), { errorHeaders: unknownFreshness })
  const connectRead = (missing: ApiResponse | null): Action => (request, wildcard, query, respond) =>
    answerRead(context, request, query, respond, () => { throw new Error('refused before') }, wildcard === '' ? missing : null, { refusal: connectDisabled, errorHeaders: unknownFreshness })
  const fixed = (response: ApiResponse): Action => (_request, _wildcard, _query, respond) => respond(response)
  const body = (prefix: string, answer: (value: unknown) => ApiResponse): Action => ({ body: bytes }, _wildcard, _query, respond) => {
    try {
      respond(answer(parseJson(bytes)))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      respond(errorResponse(400, `${prefix}${error.message}`))
    }
  }
  return [
    ...aclRoutes(fixed(errorResponse(401, 'ACL support disabled'))),
    ...queryRoutes(context, nothing),
    ['/v1/coordinate/datacenters', { GET: (_request, _wildcard, query, respond) => respond(jsonResponse(wideArea(context), isSet(query, 'pretty'))) }],
    ['/v1/coordinate/nodes', { GET: nothing([]) }],
    ['/v1/coordinate/node/*', { GET: fixed(emptyResponse(404)) }],
    ['/v1/coordinate/update', { PUT: body('Request decode failed: ', () => errorResponse(500, 'This server keeps no network coordinates')) }],
    ['/v1/agent/connect/ca/roots', { GET: fixed(connectDisabled) }],
    ['/v1/agent/connect/ca/leaf/*', { GET: fixed(connectDisabled) }],
    ['/v1/connect/ca/roots', { GET: connectRead(null) }],
    ['/v1/connect/ca/configuration', { GET: fixed(connectDisabled), PUT: body('Bad request: Request decode failed: ', () => connectDisabled) }],
    ['/v1/connect/intentions', { GET: nothing([]), POST: createIntention }],
    ...intentionRoutes(context),
    ['/v1/discovery-chain/*', { GET: connectRead(errorResponse(400, 'Bad request: Missing chain name')), POST: connectRead(errorResponse(400, 'Bad request: Missing chain name')) }],
    ['/v1/catalog/gateway-services/*', { GET: nothing(null, (name) => name === '' ? errorResponse(400, 'Missing gateway name') : null, effective) }],
    ['/v1/health/ingress/*', { GET: nothing([], (name) => name === '' ? errorResponse(400, 'Missing service name') : null, effective) }],
    ['/v1/config', { PUT: body('Bad request: Request decoding failed: ', () => errorResponse(500, 'This server keeps no config entries')) }],
    ['/v1/config/*', { GET: (request, path, query, respond) => readConfigEntries(path, nothing, context)(request, path, query, respond) }],
    ['/v1/internal/ui/gateway-services-nodes/*', { GET: nothing([], (name) => name === '' ? errorResponse(400, 'Missing gateway name') : null) }],
  ]
}

type Nothing = (value: unknown, refusal?: (wildcard: string) => ApiResponse | null, headers?: Readonly<Record<string, string>>) => Action

const effective = { 'X-Consul-Effective-Consistency': 'leader' }
const connectDisabled = errorResponse(500, 'Connect must be enabled in order to use this endpoint')

function aclRoutes(off: Action): [path: string, actions: Route['actions']][] {
  const one = { GET: off, PUT: off, DELETE: off }
  return [
    ...['bootstrap', 'create', 'update', 'destroy/*', 'clone/*', 'policy', 'role', 'binding-rule', 'auth-method', 'token'].map((name): [string, Route['actions']] => [`/v1/acl/${name}`, { PUT: off }]),
    ...['info/*', 'list', 'replication', 'policies', 'policy/name/*', 'roles', 'role/name/*', 'binding-rules', 'auth-methods', 'rules/translate/*', 'tokens', 'token/self']
      .map((name): [string, Route['actions']] => [`/v1/acl/${name}`, { GET: off }]),
    ...['login', 'logout', 'rules/translate'].map((name): [string, Route['actions']] => [`/v1/acl/${name}`, { POST: off }]),
    ...['policy/*', 'role/*', 'binding-rule/*', 'auth-method/*', 'token/*'].map((name): [string, Route['actions']] => [`/v1/acl/${name}`, one]),
    ['/v1/internal/acl/authorize', { POST: off }],
    ['/v1/agent/token/*', { PUT: off }],
  ]
}

/** Prepared queries: there are none, and none can be made. */
function queryRoutes(context: ApiContext, nothing: Nothing): [path: string, actions: Route['actions']][] {
  const notFound = errorResponse(404, 'Query not found')
  const lookup = (id: string) => {
    const problem = uuidProblem(id)
    return problem === null ? null : `failed prepared query lookup: index error: ${problem}`
  }
  const change: Action = ({ method, body }, id, _query, respond) => {
    const fields = method === 'PUT' ? decoded(() => new JsonFields(parseJson(body))) : null
    if (fields !== null && 'status' in fields) return respond(fields)
    const problem = lookup(id)
    respond(errorResponse(500, problem === null ? `Cannot modify non-existent prepared query: '${id}'` : `Prepared Query lookup failed: ${problem}`))
  }
  const create: Action = ({ body }, _wildcard, _query, respond) => {
    const fields = decoded(() => {
      const read = new JsonFields(parseJson(body))
      return { bound: [read.text('Name'), read.text('Session')].some((text) => text !== undefined && text !== '') || read.has('Template') }
    })
    if ('status' in fields) return respond(fields)
    respond(errorResponse(500, fields.bound ? 'This server keeps no prepared queries' : 'Invalid prepared query: Must be bound to a session'))
  }
  const read: Action = (request, path, query, respond) => {
    if (/\/(execute|explain)$/.test(path)) return respond(notFound)
    const problem = lookup(path)
    answerRead(context, request, query, respond, () => ({ index: 1, interests: () => [], answer: () => notFound }), null,
      { refusal: problem === null ? null : errorResponse(500, problem), errorHeaders: unknownFreshness })
  }
  return [
    ['/v1/query', { GET: nothing([], () => null, effective), POST: create }],
    ['/v1/query/*', { GET: read, PUT: change, DELETE: change }],
  ]
}

/** Servers at the origin, where they all begin. */
function wideArea({ datacenter, status }: ApiContext): object[] {
  const { voters, nonVoters = [] } = status().configuration
  const origin = { Vec: [0, 0, 0, 0, 0, 0, 0, 0], Error: 1.5, Adjustment: 0, Height: 0.00001 }
  return [{ Datacenter: datacenter, AreaID: 'wan', Coordinates: [...voters, ...nonVoters].map(({ name }) => ({ Node: name, Segment: '', Coord: origin })) }]
}

const configKinds = new Set(['service-defaults', 'proxy-defaults', 'service-router', 'service-splitter', 'service-resolver', 'ingress-gateway', 'terminating-gateway', ''])

function readConfigEntries(path: string, nothing: Nothing, context: ApiContext): Action {
  const slash = path.indexOf('/')
  const [kind, name] = slash < 0 ? [path, ''] : [path.slice(0, slash), path.slice(slash + 1)]
  if (!configKinds.has(kind)) return (request, _wildcard, query, respond) => answerRead(context, request, query, respond, () => { throw new Error('refused before') }, null, { refusal: errorResponse(500, `invalid config entry kind: ${kind}`) })
  if (name === '') return nothing([])
  const absent = `Config entry not found for ${JSON.stringify(kind)} / ${JSON.stringify(name)}`
  return (request, _wildcard, query, respond) => answerRead(context, request, query, respond, () => ({
    index: 1, interests: () => [], answer: (headers) => errorResponse(404, absent, headers),
  }))
}
