import type { ApiRequest, ApiResponse } from '../api/exchange.ts'
import { handedOnHeader } from '../api/autopilot.ts'
import { errorResponse } from '../api/responses.ts'
import type { ServerPort } from '../transport/agent-links.ts'

/** Hands a request that only the leader can answer to it, once: who gets it and leads no more says so. */
export function handingOn(peers: ServerPort, name: string, leaderAddress: () => string | null): (request: ApiRequest, respond: (response: ApiResponse) => void) => void {
  return ({ method, target, body }, respond) => {
    const address = leaderAddress()
    if (address === null) return respond(errorResponse(500, 'No cluster leader'))
    peers.call(address, { kind: 'http', agent: name, method, target, headers: { [handedOnHeader]: '1' }, body }, (outcome) => {
      if (outcome.kind !== 'answer') return respond(errorResponse(500, `rpc error making call: ${outcome.reason}`))
      const { answer } = outcome
      respond(answer.kind === 'http' ? { status: answer.status, headers: answer.headers, body: answer.body } : errorResponse(500, 'No cluster leader'))
    })
  }
}
