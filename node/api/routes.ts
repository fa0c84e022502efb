import createRouter from 'find-my-way'
import { invariant } from '../base/assert.ts'
import { agentRoutes } from './agent.ts'
import { autopilotRoutes } from './autopilot.ts'
import { catalogRoutes } from './catalog.ts'
import type { ApiContext } from './context.ts'
import type { ApiHandler, ApiRequest, ApiResponse } from './exchange.ts'
import { eventRoutes } from './events.ts'
import { healthRoutes } from './health.ts'
import { internalUiRoutes } from './internal-ui.ts'
import { keyringRoutes } from './keyring.ts'
import { deleteKv, getKv, putKv } from './kv.ts'
import { forceLeave, joinMember, leaveCluster, listMembers, refuseSegment } from './members.ts'
import { checkDatacenter, checkReadParameters, isSet, parseConsistency, parseQuery } from './query.ts'
import { deleteRaftPeer, getRaftConfiguration, transferLeader } from './operator.ts'
import { emptyResponse, errorResponse, jsonResponse } from './responses.ts'
import { createSession, destroySession, listSessions, renewSession, sessionInfo, sessionsOfNode } from './sessions.ts'
import { getSnapshot, putSnapshot, snapshotPath } from './snapshot.ts'
import { agentMetrics } from './metrics.ts'
import { monitor } from './monitor.ts'
import { refuseNamespace } from './namespaces.ts'
import { agentSelf } from './status.ts'
import { switchedOffRoutes } from './switched-off.ts'
import { putTxn } from './txn.ts'

type Respond = (response: ApiResponse) => void
export type Action = (request: ApiRequest, wildcard: string, query: URLSearchParams, respond: Respond) => void

export interface Route {
  /** As in a measurement's name: `v1.kv._`. */
  readonly name: string
  /** In the order in which Consul lists them in `Allow`. */
  readonly actions: Readonly<Partial<Record<'GET' | 'PUT' | 'DELETE' | 'POST', Action>>>
}

/**
 * Routes of the HTTP API, with the rules that all share: methods, redirects to
 * clean paths, unknown paths (Consul's HTTP API, "HTTP Methods").
 */
export function makeApi(context: ApiContext): ApiHandler {
  const routes = new Map<string, Route>()
  const route = (path: string, actions: Route['actions']) => {
    invariant(!routes.has(path), () => `there are two routes ${path}`)
    routes.set(path, { name: routeName(path), actions })
  }
  const answer = (value: () => unknown): Action => (_request, _wildcard, query, respond) => respond(jsonResponse(value(), isSet(query, 'pretty')))

  /** Answered by the member as it is, but refused like any read. */
  const statusOf = (value: () => unknown): Action => (request, wildcard, query, respond) => {
    const consistency = parseConsistency(query)
    const refusal = typeof consistency === 'object' ? consistency : checkReadParameters(query) ?? checkDatacenter(query, context)
    if (refusal !== null) respond(refusal)
    else answer(value)(request, wildcard, query, respond)
  }

  route('/v1/kv/*', {
    GET: (request, key, query, respond) => getKv(context, key, query, request, respond),
    PUT: (request, key, query, respond) => putKv(context, key, query, request, respond),
    DELETE: (_request, key, query, respond) => deleteKv(context, key, query, respond),
  })
  route('/v1/session/create', { PUT: (request, _wildcard, query, respond) => createSession(context, query, request, respond) })
  route('/v1/session/destroy/*', { PUT: (_request, id, query, respond) => destroySession(context, id, query, respond) })
  route('/v1/session/renew/*', { PUT: (_request, id, query, respond) => renewSession(context, id, query, respond) })
  route('/v1/session/info/*', { GET: (request, id, query, respond) => sessionInfo(context, id, query, request, respond) })
  route('/v1/session/node/*', { GET: (request, node, query, respond) => sessionsOfNode(context, node, query, request, respond) })
  route('/v1/session/list', { GET: (request, _wildcard, query, respond) => listSessions(context, query, request, respond) })
  route('/v1/txn', { PUT: (request, _wildcard, query, respond) => putTxn(context, query, request, respond) })
  route('/v1/status/leader', { GET: statusOf(() => context.leaderAddress() ?? '') })
  route('/v1/status/peers', { GET: statusOf(() => context.peerAddresses()) })
  route('/v1/agent/metrics', { GET: (_request, _wildcard, query, respond) => agentMetrics(context, query, respond) })
  for (const [path, actions] of [
    ...catalogRoutes(context), ...healthRoutes(context), ...agentRoutes(context), ...autopilotRoutes(context), ...eventRoutes(context), ...keyringRoutes(context), ...internalUiRoutes(context), ...switchedOffRoutes(context),
  ]) route(path, actions)
  route('/v1/agent/self', { GET: answer(() => agentSelf(context)) })
  route('/v1/agent/monitor', { GET: (_request, _wildcard, query, respond) => monitor(context, query, respond) })
  route('/v1/agent/reload', {
    PUT: (_request, _wildcard, _query, respond) => {
      const problem = context.reload()
      respond(problem === null ? emptyResponse(200) : errorResponse(500, problem))
    },
  })
  route('/v1/agent/host', { GET: answer(() => context.hostInfo?.() ?? {}) })
  route('/v1/agent/members', { GET: (_request, _wildcard, query, respond) => respond(refuseSegment(query) ?? jsonResponse(listMembers(context), isSet(query, 'pretty'))) })
  route('/v1/agent/join/*', { PUT: (_request, address, _query, respond) => joinMember(context, address, respond) })
  route('/v1/agent/force-leave/*', { PUT: (_request, name, query, respond) => forceLeave(context, name, isSet(query, 'prune'), respond) })
  route('/v1/agent/leave', { PUT: (_request, _wildcard, _query, respond) => leaveCluster(context, respond) })

  route(snapshotPath, {
    GET: (request, _wildcard, query, respond) => getSnapshot(context, query, request, respond),
    PUT: (request, _wildcard, query, respond) => putSnapshot(context, query, request, respond),
  })
  route('/v1/operator/raft/configuration', { GET: (_request, _wildcard, query, respond) => getRaftConfiguration(context, query, respond) })
  route('/v1/operator/raft/peer', { DELETE: (_request, _wildcard, query, respond) => deleteRaftPeer(context, query, respond) })
  const transfer: Action = (_request, _wildcard, query, respond) => transferLeader(context, query, respond)
  route('/v1/operator/raft/transfer-leader', { PUT: transfer, POST: transfer })

  const router = routerOf([...routes.keys()])
  return (request, respond) => {
    const { target } = request
    const mark = target.indexOf('?')
    const path = mark < 0 ? target : target.slice(0, mark)
    const refusal = checkPath(request.method, path, mark < 0 ? '' : target.slice(mark))
    if (refusal !== null) return respond(refusal)
    const found = router.find('GET', path)
    if (found === null) {
      // As Go's mux: what is known with a slash behind it only is to be found there.
      const withSlash = router.find('GET', `${path}/`)
      return respond(withSlash === null ? { status: 404, headers: {}, body: '' } : redirect(request.method, `${path}/${mark < 0 ? '' : target.slice(mark)}`))
    }
    const query = mark < 0 ? noQuery : parseQuery(target.slice(mark + 1))
    if (query === null) return respond(emptyResponse(500))
    const { name, actions } = routes.get(found.store as string)!
    const action = actions[request.method as keyof typeof actions]
    if (action === undefined) return respond(otherMethod(request.method, actions))
    const wildcard = found.params['*'] ?? ''
    const ofNamespace = refuseNamespace(name, wildcard, query, request)
    if (ofNamespace !== null) return respond(ofNamespace)
    const startMs = context.scheduler.nowMs()
    action(request, wildcard, query, (response) => {
      context.metrics.sample(`http.${request.method}.${name}`, context.scheduler.nowMs() - startMs)
      respond(response)
    })
  }
}

/** Of most requests; asked a dozen times in each, and the library's answers cost as much as a search. */
class NoQuery extends URLSearchParams {
  override get(): null {
    return null
  }

  override has(): false {
    return false
  }
}

const noQuery = new NoQuery()

/** By path. As for `routers`: many members, one after another. */
const routeNames = new Map<string, string>()

function routeName(path: string): string {
  let name = routeNames.get(path)
  if (name === undefined) {
    name = path.slice(1).replaceAll('/', '.').replaceAll('*', '_')
    routeNames.set(path, name)
  }
  return name
}

/** By the paths that it knows, which hardly ever differ: a process may hold many members, one after another, and the tree takes longer to grow than all else of a start. */
const routers = new Map<string, ReturnType<typeof createRouter>>()

/** The library finds the path only, and gives it back as it was said: what a wrong method gets is Consul's to say. */
function routerOf(paths: readonly string[]): ReturnType<typeof createRouter> {
  const name = paths.join(' ')
  let router = routers.get(name)
  if (router === undefined) {
    router = createRouter({ ignoreTrailingSlash: false, maxParamLength: 1024 * 1024 })
    for (const path of paths) router.on('GET', path, unused, path)
    routers.set(name, router)
  }
  return router
}

function unused(): void {}

function otherMethod(method: string, actions: Route['actions']): ApiResponse {
  const allow = { Allow: ['OPTIONS', ...Object.keys(actions)].join(',') }
  return method === 'OPTIONS' ? emptyResponse(200, allow) : errorResponse(405, `method ${method} not allowed`, allow)
}

/** Redirects and refusals that come before routing, as Go's mux and Consul do them; null for a path that is fine. */
function checkPath(method: string, path: string, query: string): ApiResponse | null {
  if (!/%|\/\/|\/\./.test(path)) return null
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return { status: 400, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: '400 Bad Request' }
  }
  if (/[\u0000-\u001f\u007f]/.test(decoded)) return { status: 400, headers: {}, body: '' }
  const clean = cleanPath(decoded)
  return clean === decoded ? null : redirect(method, clean.split('/').map(encodeSegment).join('/') + query)
}

/** Escapes what Go escapes in a path. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment)
    .replace(/%(24|26|2B|2C|3A|3B|3D|40)/g, (escaped) => decodeURIComponent(escaped))
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
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

/** As Go's mux sends it: a page for GET, its type for HEAD too, neither for other methods. */
function redirect(method: string, location: string): ApiResponse {
  const headers = { Location: location, ...method === 'GET' || method === 'HEAD' ? { 'Content-Type': 'text/html; charset=utf-8' } : {} }
  return { status: 301, headers, body: method === 'GET' ? `<a href="${escapeHtml(location)}">Moved Permanently</a>.\n\n` : '' }
}

const htmlEscapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => htmlEscapes[character]!)
}
