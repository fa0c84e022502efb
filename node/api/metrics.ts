import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { isSet } from './query.ts'
import { errorResponse, jsonResponse } from './responses.ts'

/** `/v1/agent/metrics`: the last interval as JSON, or all since the start for Prometheus (Consul's HTTP API, Agent). */
export function agentMetrics({ telemetry }: ApiContext, query: URLSearchParams, respond: (response: ApiResponse) => void): void {
  if (query.get('format') !== 'prometheus') {
    const nothing = { Timestamp: '', Gauges: [], Points: [], Counters: [], Samples: [] }
    return respond(jsonResponse(telemetry?.summary() ?? nothing, isSet(query, 'pretty')))
  }
  const prometheus = telemetry?.prometheus ?? null
  if (prometheus === null) return respond(errorResponse(415, 'Prometheus is not enabled since its retention time is not positive'))
  prometheus().then(
    ({ contentType, text }) => respond({ status: 200, headers: { Vary: 'Accept-Encoding', 'Content-Type': contentType }, body: text }),
    (error: Error) => respond(errorResponse(500, `The measurements could not be written: ${error.message}`)),
  )
}
