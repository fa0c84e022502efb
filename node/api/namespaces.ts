import type { ApiRequest, ApiResponse } from './exchange.ts'
import { checkReadParameters, parseConsistency } from './query.ts'
import { errorResponse } from './responses.ts'

/** Routes that heed a namespace; the others ignore it. As observed of Consul 1.8 without Enterprise. */
const heeding = /^v1\.(kv\.|session\.|catalog\.(register|deregister|services|service\.|node\.|node-services\.|connect\.|gateway-services\.)|health\.|agent\.(services|checks|service\.|check\.|health\.)|internal\.ui\.(nodes|node\.|services)|config\.)/

/** Namespaces are not of this edition: who asks for one is told so. Null: nobody did, or nobody minds. */
export function refuseNamespace(routeName: string, wildcard: string, query: URLSearchParams, { method, headers }: ApiRequest): ApiResponse | null {
  const inQuery = (query.get('ns') ?? '') !== ''
  if (!inQuery && (headers['x-consul-namespace'] ?? '') === '') return null
  if (!heeding.test(routeName)) return null
  // Said first by these.
  if (wildcard === '' && ((routeName.startsWith('v1.kv.') && method === 'GET') || routeName.startsWith('v1.agent.service.maintenance'))) return null
  if (method === 'GET' && !routeName.startsWith('v1.agent.')) {
    const consistency = parseConsistency(query)
    const refusal = typeof consistency === 'object' ? consistency : checkReadParameters(query)
    if (refusal !== null) return refusal
  }
  const where = inQuery ? 'query parameter: "ns"' : 'header: "X-Consul-Namespace"'
  return errorResponse(400, `Bad request: Invalid ${where} - Namespaces are a Consul Enterprise feature`)
}
