import type { Operator, OperatorOutcome } from '../driver/operator.ts'
import type { Server } from '../raft/entry.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { isSet } from './query.ts'
import { emptyResponse, errorResponse, jsonResponse } from './responses.ts'

/**
 * `/v1/operator/raft/…` (Consul's HTTP API, "Operator"). Changes are taken by
 * the leader alone: other servers answer 500 and name it.
 */
export type OperatorContext = Pick<ApiContext, 'status' | 'awaitRead' | 'leaderAddress'> & { readonly operator: Operator }

type Respond = (response: ApiResponse) => void

export function getRaftConfiguration(context: OperatorContext, query: URLSearchParams, respond: Respond): void {
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
  const { voters, nonVoters = [] } = context.status().configuration
  const found = [...voters, ...nonVoters].find((server) => id === '' ? server.address === address : server.id === id)
  if (found === undefined) {
    return respond(errorResponse(500, `${id === '' ? `address ${JSON.stringify(address)}` : `id ${JSON.stringify(id)}`} was not found in the Raft configuration`))
  }
  context.operator.change({ kind: 'remove', id: found.id }, (outcome) => {
    respond(outcome.kind === 'done' ? emptyResponse(200) : failure(context, outcome))
  })
}

export function transferLeader(context: OperatorContext, query: URLSearchParams, respond: Respond): void {
  context.operator.transfer(query.get('id') || null, (outcome) => {
    respond(outcome.kind === 'done' ? jsonResponse({ Success: true }, isSet(query, 'pretty')) : failure(context, outcome))
  })
}

function failure(context: OperatorContext, outcome: Exclude<OperatorOutcome, { kind: 'done' }>): ApiResponse {
  switch (outcome.kind) {
    case 'refused': return errorResponse(500, outcome.problem)
    case 'unknown': return errorResponse(500, `${outcome.problem}; it may still happen`)
    case 'not-leader': {
      const leader = context.leaderAddress()
      return errorResponse(500, leader === null ? 'No cluster leader' : `This server is not the leader: ask the one at ${leader}`)
    }
  }
}
