import type { FilterFields } from '../filter/filter.ts'
import { agentServiceShape, checkShape } from '../filter/filter-shapes.ts'
import type { CheckSpec } from '../local/definitions.ts'
import { isCheckStatus, DefinitionFields } from './definition-fields.ts'
import { type BadDefinition, parseCheckRegistration, parseServiceRegistration } from './agent-body.ts'
import { serviceHealthById, serviceHealthByName } from './agent-health.ts'
import { localCheckJson, localServiceJson } from './agent-json.ts'
import { agentService } from './agent-service.ts'
import { decoded } from './catalog.ts'
import { filterOf } from './catalog-read.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { parseJson } from './json-body.ts'
import { isSet } from './query.ts'
import { emptyResponse, errorResponse, jsonResponse } from './responses.ts'
import type { Route } from './routes.ts'

/** `/v1/agent/…` for the member's own services and checks (Consul's HTTP API, Agent). They work without a leader. */
export function agentRoutes(context: ApiContext): [path: string, actions: Route['actions']][] {
  const { agent } = context
  const done = emptyResponse(200)
  const reading = (answer: (wildcard: string, query: URLSearchParams) => ApiResponse): Route['actions'] =>
    ({ GET: (_request, wildcard, query, respond) => respond(answer(wildcard, query)) })
  const writing = (act: (wildcard: string, query: URLSearchParams, body: Uint8Array) => ApiResponse | null): Route['actions'] =>
    ({ PUT: (request, wildcard, query, respond) => respond(orDiskError(() => act(wildcard, query, request.body)) ?? done) })

  const registerService: Parameters<typeof writing>[0] = (_wildcard, query, body) => {
    const parsed = decoded(() => parseServiceRegistration(body, agent.scriptChecks))
    if (!('kind' in parsed)) return parsed
    if (parsed.kind === 'bad') return badResponse(parsed)
    agent.registerService(parsed.service, parsed.checks, query.get('replace-existing-checks') === 'true')
    return null
  }
  const registerCheck: Parameters<typeof writing>[0] = (_wildcard, _query, body) => {
    const parsed = decoded(() => parseCheckRegistration(body, agent.scriptChecks))
    if (!('kind' in parsed)) return parsed
    if (parsed.kind === 'bad') return badResponse(parsed)
    const { serviceId } = parsed.spec
    if (serviceId !== '' && agent.state.service(serviceId) === null) return errorResponse(500, `ServiceID ${JSON.stringify(serviceId)} does not exist`)
    agent.registerCheck(parsed.spec)
    return null
  }
  const tell = (status: 'passing' | 'warning' | 'critical') => writing((checkId, query) =>
    agent.updateTtl(checkId, { status, output: query.get('note') ?? '' }) ? null : noTtl(checkId))
  const update: Parameters<typeof writing>[0] = (checkId, _query, body) => {
    const fields = decoded(() => new DefinitionFields(parseJson(body), { path: 'checkUpdate', object: 'Go value of type agent.checkUpdate' }).only(['Status', 'Output']))
    if (!(fields instanceof DefinitionFields)) return fields
    const told = decoded(() => ({ said: fields.text('Status'), output: fields.text('Output') }))
    if (!('said' in told)) return told
    if (!isCheckStatus(told.said)) return errorResponse(400, `Invalid check status: '${told.said}'`)
    return agent.updateTtl(checkId, { status: told.said, output: told.output }) ? null : noTtl(checkId)
  }

  return [
    ['/v1/agent/services', reading((_wildcard, query) =>
      byId(agent.state.services().map((one) => [one.id, localServiceJson(one)]), agentServiceShape, query))],
    ['/v1/agent/service/*', { GET: (_request, id, query, respond) => agentService(context, id, query, respond) }],
    ['/v1/agent/service/register', writing(registerService)],
    ['/v1/agent/service/deregister/*', writing((id) => {
      if (id === '') return errorResponse(500, 'ServiceID missing')
      agent.deregisterService(id)
      return null
    })],
    ['/v1/agent/service/maintenance/*', writing((id, query) => {
      if (id === '') return errorResponse(400, 'Missing service ID')
      const enabled = parseEnable(query)
      if (typeof enabled === 'object') return enabled
      if (agent.state.service(id) === null) return errorResponse(404, `No service registered with ID ${JSON.stringify(id)}`)
      agent.setMaintenance(id, enabled, query.get('reason') ?? '')
      return null
    })],
    ['/v1/agent/maintenance', writing((_wildcard, query) => {
      const enabled = parseEnable(query)
      if (typeof enabled === 'object') return enabled
      agent.setMaintenance('', enabled, query.get('reason') ?? '')
      return null
    })],
    ['/v1/agent/checks', reading((_wildcard, query) =>
      byId(agent.state.checks().map((one) => [one.spec.checkId, localCheckJson(one, agent)]), checkShape, query))],
    ['/v1/agent/check/register', writing(registerCheck)],
    ['/v1/agent/check/deregister/*', writing((id) => {
      if (id === '') return errorResponse(500, 'CheckID missing')
      agent.deregisterCheck(id)
      return null
    })],
    ['/v1/agent/check/pass/*', tell('passing')],
    ['/v1/agent/check/warn/*', tell('warning')],
    ['/v1/agent/check/fail/*', tell('critical')],
    ['/v1/agent/check/update/*', writing(update)],
    ['/v1/agent/health/service/id/*', reading((id, query) => serviceHealthById(agent, id, query))],
    ['/v1/agent/health/service/name/*', reading((name, query) => serviceHealthByName(agent, name, query))],
  ]
}

function byId(entries: readonly (readonly [id: string, json: object])[], shape: FilterFields, query: URLSearchParams): ApiResponse {
  const keep = filterOf(query, shape)
  if (typeof keep === 'object') return keep
  return jsonResponse(Object.fromEntries(entries.filter(([, shown]) => keep(shown))), isSet(query, 'pretty'))
}

/** The disk may refuse to keep what was registered. Nothing else is expected to fail with a code of the operating system. */
function orDiskError(act: () => ApiResponse | null): ApiResponse | null {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) throw error
    return errorResponse(500, `failed persisting to disk: ${error.message}`)
  }
}

function badResponse({ status, problem }: BadDefinition): ApiResponse {
  return errorResponse(status, problem)
}

function noTtl(checkId: CheckSpec['checkId']): ApiResponse {
  return errorResponse(500, `CheckID ${JSON.stringify(checkId)} does not have associated TTL`)
}

function parseEnable(query: URLSearchParams): boolean | ApiResponse {
  const value = query.get('enable') ?? ''
  if (value === '') return errorResponse(400, 'Missing value for enable')
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false
  return errorResponse(400, `Invalid value for enable: ${JSON.stringify(value)}`)
}
