import type { LocalCheck } from '../local/definitions.ts'
import { type LocalAgent, nodeMaintenanceId, serviceMaintenanceId } from '../local/local-agent.ts'
import { worstStatus } from '../local/local-state.ts'
import type { ServiceDefinition } from '../state/catalog-types.ts'
import { localCheckJson, localServiceJson } from './agent-json.ts'
import type { ApiResponse } from './exchange.ts'
import { isSet } from './query.ts'
import { errorResponse, jsonResponse } from './responses.ts'

/** `/v1/agent/health/service/…`: what load balancers ask, who look at the status code alone. */

type Aggregated = 'passing' | 'warning' | 'critical' | 'maintenance'

const httpStatus: Readonly<Record<Aggregated, number>> = { passing: 200, warning: 429, critical: 503, maintenance: 503 }

export function serviceHealthById(agent: LocalAgent, id: string, query: URLSearchParams): ApiResponse {
  if (id === '') return errorResponse(500, 'Bad request: Missing serviceID')
  const service = agent.state.service(id)
  if (service === null) {
    // As JSON even for those who want text, unlike below.
    const reason = `ServiceId ${id} not found`
    return absent(reason, query, wantsText(query) ? reason : { AggregatedStatus: 'critical', Service: null, Checks: null })
  }
  const { status, json } = health(agent, service)
  return answer(status, json, query)
}

export function serviceHealthByName(agent: LocalAgent, name: string, query: URLSearchParams): ApiResponse {
  if (name === '') return errorResponse(500, 'Bad request: Missing service Name')
  const found = agent.state.services().filter((service) => service.name === name).map((service) => health(agent, service))
  if (found.length === 0) {
    const reason = `ServiceName ${name} Not Found`
    return wantsText(query) ? textResponse(404, reason, { 'X-Consul-Reason': reason }) : absent(reason, query, [])
  }
  const statuses = found.map(({ status }) => status)
  const worst = statuses.includes('maintenance') ? 'maintenance' : worstStatus(statuses as Exclude<Aggregated, 'maintenance'>[])
  return answer(worst, found.map(({ json }) => json), query)
}

/** Checks of the node count too. */
function health(agent: LocalAgent, service: ServiceDefinition): { readonly status: Aggregated, readonly json: object } {
  const checks = agent.state.checks().filter(({ spec }) => spec.serviceId === '' || spec.serviceId === service.id)
  const inMaintenance = checks.some(({ spec }) => spec.checkId === nodeMaintenanceId || spec.checkId === serviceMaintenanceId(service.id))
  const status: Aggregated = inMaintenance ? 'maintenance' : worstStatus(checks.map((check) => check.status))
  const shown = checks.map((check: LocalCheck) => {
    const tags = check.spec.serviceId === '' || service.tags.length === 0 ? null : service.tags
    return { ...localCheckJson(check, agent, emptyDefinition), ServiceTags: tags, Type: '' }
  })
  return { status, json: { AggregatedStatus: status, Service: localServiceJson(service), Checks: shown } }
}

/** Here Consul writes every field of a definition, though it knows none of them, and no type. */
const emptyDefinition = {
  Interval: '0s', Timeout: '0s', DeregisterCriticalServiceAfter: '0s', HTTP: '', Header: null, Method: '', Body: '', TLSSkipVerify: false, TCP: '',
}

function answer(status: Aggregated, json: unknown, query: URLSearchParams): ApiResponse {
  const reason = { 'X-Consul-Reason': status }
  return wantsText(query) ? textResponse(httpStatus[status], status, reason) : { ...jsonResponse(json, isSet(query, 'pretty'), reason), status: httpStatus[status] }
}

const wantsText = (query: URLSearchParams): boolean => query.get('format') === 'text'

function textResponse(status: number, text: string, headers: Readonly<Record<string, string>>): ApiResponse {
  return { ...errorResponse(status, text), headers: { Vary: 'Accept-Encoding', 'Content-Type': 'text/plain', ...headers } }
}

function absent(reason: string, query: URLSearchParams, json: unknown): ApiResponse {
  return { ...jsonResponse(json, isSet(query, 'pretty'), { 'X-Consul-Reason': reason }), status: 404 }
}
