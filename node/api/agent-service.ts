import { parseDurationNs } from '../base/duration.ts'
import { contentHash, localServiceJson } from './agent-json.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { isSet } from './query.ts'
import { errorResponse, jsonResponse } from './responses.ts'

const waitDefaultMs = 5 * 60_000
const waitMaxMs = 10 * 60_000

/**
 * `/v1/agent/service/<id>`. With `?hash=` of what the client has, the answer
 * waits until the service is another, is gone, or `?wait=` is over (Consul's
 * HTTP API, "Hash-based Blocking Queries").
 */
export function agentService(context: ApiContext, id: string, query: URLSearchParams, respond: (response: ApiResponse) => void): void {
  const { agent, scheduler } = context
  const wait = query.get('wait') ?? ''
  const waitNs = wait === '' ? 0 : parseDurationNs(wait)
  if (waitNs === null) return respond(errorResponse(400, 'Invalid wait time'))
  const known = query.get('hash') ?? ''
  const answer = () => {
    const service = agent.state.service(id)
    if (service === null) return respond(errorResponse(404, `unknown service ID: ${id}`))
    const hash = contentHash(service)
    respond(jsonResponse({ ...localServiceJson(service), ContentHash: hash }, isSet(query, 'pretty'), { 'X-Consul-Contenthash': hash }))
  }
  const isKnown = () => {
    const service = agent.state.service(id)
    return service !== null && contentHash(service) === known
  }
  if (!isKnown()) return answer()
  const end = () => {
    cancelTimer()
    stopWatching()
    answer()
  }
  const cancelTimer = scheduler.after(waitNs <= 0 ? waitDefaultMs : Math.min(waitNs / 1e6, waitMaxMs), end)
  const stopWatching = agent.watchServices((stopped) => { if (stopped || !isKnown()) end() })
}
