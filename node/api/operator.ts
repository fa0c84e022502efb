import type { OperatorOutcome } from '../driver/operator.ts'
import type { Server } from '../raft/entry.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { checkDatacenter, isSet } from './query.ts'
import { emptyResponse, errorResponse, jsonResponse } from './responses.ts'

/** `/v1/operator/raft/…` (Consul's HTTP API, "Operator"): at any server, which asks the leader. */
export type OperatorContext = Pick<ApiContext, 'status' | 'awaitRead' | 'operator' | 'datacenter'>

type Respond = (response: ApiResponse) => void

export function getRaftConfiguration(context: OperatorContext, query: URLSearchParams, respond: Respond): void {
  const refusal = checkDatacenter(query, context)
  if (refusal !== null) return respond(refusal)
  const answer = () => {
    const { configuration: { voters, nonVoters = [] }, leader } = context.status()
    const shown = (isVoter: boolean) => ({ id, name, address }: Server) => ({
      ID: id, Node: name, Address: address, Leader: id === leader, ProtocolVersion: '3', Voter: isVoter,
    })
    respond(jsonResponse({ Servers: [...voters.map(shown(true)), ...nonVoters.map(shown(false))], Index: 0 }, isSet(query, 'pretty')))
  }
  if (isSet(query, 'stale')) return answer()
  context.awaitRead('lease', ({ kind }) => kind === 'ready' ? answer() : respond(errorResponse(500, 'No cluster leader')))
}

export function deleteRaftPeer(context: OperatorContext, query: URLSearchParams, respond: Respond): void {
  const id = query.get('id') ?? ''
  const address = query.get('address') ?? ''
  if ((id === '') === (address === '')) {
    return respond(errorResponse(400, id === ''
      ? 'Bad request: Must specify either ?id with the server\'s ID or ?address with IP:port of peer to remove'
      : 'Bad request: Must specify only one of ?id or ?address'))
  }
  const refusal = checkDatacenter(query, context)
  if (refusal !== null) return respond(refusal)
  // A follower's configuration has then what the leader had committed when it was asked.
  context.awaitRead('lease', ({ kind }) => {
    if (kind !== 'ready') return respond(errorResponse(500, 'No cluster leader'))
    const { voters, nonVoters = [] } = context.status().configuration
    const found = [...voters, ...nonVoters].find((server) => id === '' ? server.address === address : server.id === id)
    if (found === undefined) {
      return respond(errorResponse(500, `${id === '' ? `address ${JSON.stringify(address)}` : `id ${JSON.stringify(id)}`} was not found in the Raft configuration`))
    }
    context.operator.remove(found.id, (outcome) => respond(outcome.kind === 'done' ? emptyResponse(200) : failure(outcome)))
  })
}

export function transferLeader(context: OperatorContext, query: URLSearchParams, respond: Respond): void {
  const refusal = checkDatacenter(query, context)
  if (refusal !== null) return respond(refusal)
  context.operator.transfer(query.get('id') || null, (outcome) => {
    respond(outcome.kind === 'done' ? jsonResponse({ Success: true }, isSet(query, 'pretty')) : failure(outcome))
  })
}

function failure(outcome: Exclude<OperatorOutcome, { kind: 'done' }>): ApiResponse {
  switch (outcome.kind) {
    case 'refused': return errorResponse(500, outcome.problem)
    case 'unknown': return errorResponse(500, `${outcome.problem}; it may still happen`)
    case 'not-leader': return errorResponse(500, 'No cluster leader')
  }
}
