import type { ApiHandler, ApiRequest } from '../api/exchange.ts'
import { errorResponse } from '../api/responses.ts'
import { passedOnBytesMax } from '../transport/agent-messages.ts'
import type { ServerCalls } from './server-calls.ts'

/** Of one hop only, or of this very socket (RFC 9110 §7.6.1). */
const hopHeaders = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'expect', 'content-length', 'accept-encoding'])

/** What a server says to those who wait while it stops. */
const stopping = 'this server is shutting down'

/** Passes requests on to a server as they are, and its answers back, with all that they say of indexes and freshness. */
export function forwarding(calls: ServerCalls, agent: string): ApiHandler {
  return (request, respond) => {
    const { method, target } = request
    const body = request.pieces === undefined ? request.body : Buffer.concat(request.pieces)
    // Only a snapshot can be so large. A frame above the limit would cost all others that are under way their connection.
    if (body.length > passedOnBytesMax) return respond(errorResponse(413, `The request has ${body.length} bytes, more than the ${passedOnBytesMax} that a client agent passes on: ask a server.`))
    // A read may be asked again elsewhere. HEAD and the like come to nothing anywhere.
    const repeatable = method !== 'PUT' && method !== 'DELETE' && method !== 'POST'
    let cancel: () => void
    const ask = (triesLeft: number): void => {
      cancel = calls.ask({ kind: 'http', agent, method, target, headers: passedOn(request), body }, repeatable, (outcome) => {
        if (outcome.kind !== 'answer') return respond(errorResponse(500, outcome.problem))
        const { answer } = outcome
        if (answer.kind !== 'http') return respond(errorResponse(500, `rpc error making call: the server answers ${answer.kind}`))
        // It ends, and the request with it, though another could go on: a wait is begun anew there.
        if (repeatable && triesLeft > 0 && answer.status === 500 && Buffer.from(answer.body).toString() === stopping) return ask(triesLeft - 1)
        respond({ status: answer.status, headers: answer.headers, body: answer.body })
      })
    }
    ask(triesMax)
    request.onGone?.(() => cancel())
  }
}

const triesMax = 5

function passedOn({ headers }: ApiRequest): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) if (typeof value === 'string' && !hopHeaders.has(name)) passed[name] = value
  return passed
}
