import createRouter from 'find-my-way'
import type { ApiContext } from './context.ts'
import type { ApiHandler, ApiRequest, ApiResponse } from './exchange.ts'
import { deleteKv, getKv, putKv } from './kv.ts'
import { deleteRaftPeer, getRaftConfiguration, transferLeader } from './operator.ts'
import { isSet } from './query.ts'
import { emptyResponse, errorResponse, jsonResponse } from './responses.ts'
import { agentSelf } from './status.ts'

type Respond = (response: ApiResponse) => void
type Action = (request: ApiRequest, wildcard: string, query: URLSearchParams, respond: Respond) => void

interface Route {
  /** In the order in which Consul lists them in `Allow`. */
  readonly actions: Readonly<Partial<Record<'GET' | 'PUT' | 'DELETE' | 'POST', Action>>>
}

/**
 * Routes of the HTTP API, with the rules that all share: methods, redirects to
 * clean paths, unknown paths (Consul's HTTP API, "HTTP Methods").
 */
export function makeApi(context: ApiContext): ApiHandler {
  // The library finds the path only: what a wrong method gets is Consul's to say.
  const router = createRouter({ ignoreTrailingSlash: false, maxParamLength: 64 * 1024 })
  const route = (path: string, actions: Route['actions']) => router.on('GET', path, unused, { actions } satisfies Route)
  const answer = (value: () => unknown): Action => (_request, _wildcard, query, respond) => respond(jsonResponse(value(), isSet(query, 'pretty')))

  route('/v1/kv/*', {
    GET: (_request, key, query, respond) => getKv(context, key, query, respond),
    PUT: (request, key, query, respond) => putKv(context, key, query, request, respond),
    DELETE: (_request, key, query, respond) => deleteKv(context, key, query, respond),
  })
  route('/v1/status/leader', { GET: answer(() => context.leaderAddress() ?? '') })
  route('/v1/status/peers', { GET: answer(() => context.peerAddresses()) })
  route('/v1/agent/self', { GET: answer(() => agentSelf(context)) })

  route('/v1/operator/raft/configuration', { GET: (_request, _wildcard, query, respond) => getRaftConfiguration(context, query, respond) })
  route('/v1/operator/raft/peer', { DELETE: (_request, _wildcard, query, respond) => deleteRaftPeer(context, query, respond) })
  const transfer: Action = (_request, _wildcard, query, respond) => transferLeader(context, query, respond)
  route('/v1/operator/raft/transfer-leader', { PUT: transfer, POST: transfer })

  return (request, respond) => {
    const { target } = request
    const mark = target.indexOf('?')
    const path = mark < 0 ? target : target.slice(0, mark)
    const refusal = checkPath(path, mark < 0 ? '' : target.slice(mark))
    if (refusal !== null) return respond(refusal)
    const found = router.find('GET', path)
    if (found === null) return respond({ status: 404, headers: {}, body: '' })
    const { actions } = found.store as Route
    const action = actions[request.method as keyof typeof actions]
    if (action === undefined) return respond(otherMethod(request.method, actions))
    action(request, found.params['*'] ?? '', mark < 0 ? noQuery : new URLSearchParams(target.slice(mark + 1)), respond)
  }
}

const noQuery = new URLSearchParams()

function unused(): void {}

function otherMethod(method: string, actions: Route['actions']): ApiResponse {
  const allow = { Allow: ['OPTIONS', ...Object.keys(actions)].join(',') }
  return method === 'OPTIONS' ? emptyResponse(200, allow) : errorResponse(405, `method ${method} not allowed`, allow)
}

/** Redirects and refusals that come before routing, as Go's mux and Consul do them; null for a path that is fine. */
function checkPath(path: string, query: string): ApiResponse | null {
  if (path === '/v1/kv') return redirect(`/v1/kv/${query}`)
  if (!/%|\/\/|\/\./.test(path)) return null
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return emptyResponse(400)
  }
  if (/[\u0000-\u001f\u007f]/.test(decoded)) return emptyResponse(400)
  const clean = cleanPath(decoded)
  return clean === decoded ? null : redirect(clean.split('/').map(encodeURIComponent).join('/') + query)
}

/** `//`, `.` and `..` taken out; a slash at the end stays. */
function cleanPath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  const end = parts.length > 0 && (path.endsWith('/') || path.endsWith('/.') || path.endsWith('/..')) ? '/' : ''
  return `/${parts.join('/')}${end}`
}

function redirect(location: string): ApiResponse {
  return { status: 301, headers: { Location: location }, body: '' }
}
