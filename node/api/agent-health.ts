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
  if (id === '') return errorResponse(400, 'Missing serviceID')
  const service = agent.state.service(id)
  if (service === null) return absent(`ServiceId ${id} not found`, query)
  const { status, json } = health(agent, service)
  return answer(status, json, query)
}

export function serviceHealthByName(agent: LocalAgent, name: string, query: URLSearchParams): ApiResponse {
  if (name === '') return errorResponse(400, 'Missing service Name')
  const found = agent.state.services().filter((service) => service.name === name).map((service) => health(agent, service))
  if (found.length === 0) return absent(`ServiceName ${name} Not Found`, query)
  const statuses = found.map(({ status }) => status)
  const worst = statuses.includes('maintenance') ? 'maintenance' : worstStatus(statuses as Exclude<Aggregated, 'maintenance'>[])
  return answer(worst, found.map(({ json }) => json), query)
}

/** Checks of the node count too. */
function health(agent: LocalAgent, service: ServiceDefinition): { readonly status: Aggregated, readonly json: object } {
  const checks = agent.state.checks().filter(({ spec }) => spec.serviceId === '' || spec.serviceId === service.id)
  const inMaintenance = checks.some(({ spec }) => spec.checkId === nodeMaintenanceId || spec.checkId === serviceMaintenanceId(service.id))
  const status: Aggregated = inMaintenance ? 'maintenance' : worstStatus(checks.map((check) => check.status))
  const shown = checks.map((check: LocalCheck) => localCheckJson(check, agent, emptyDefinition))
  return { status, json: { AggregatedStatus: status, Service: localServiceJson(service), Checks: shown } }
}

/** Here Consul writes every field of a definition, though it knows none of them. */
const emptyDefinition = {
  HTTP: '', Header: null, Method: '', Body: '', TLSSkipVerify: false, TCP: '', IntervalDuration: 0, TimeoutDuration: 0, DeregisterCriticalServiceAfterDuration: 0,
}

function answer(status: Aggregated, json: unknown, query: URLSearchParams): ApiResponse {
  const reason = { 'X-Consul-Reason': status }
  const response = query.get('format') === 'text' ? errorResponse(200, status, reason) : jsonResponse(json, isSet(query, 'pretty'), reason)
  return { ...response, status: httpStatus[status] }
}

function absent(reason: string, query: URLSearchParams): ApiResponse {
  const headers = { 'X-Consul-Reason': reason }
  if (query.get('format') === 'text') return errorResponse(404, reason, headers)
  return { ...jsonResponse({ AggregatedStatus: 'critical', Service: null, Checks: null }, isSet(query, 'pretty'), headers), status: 404 }
}
