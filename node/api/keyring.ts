import { decodeBase64 } from './base64.ts'
import { decoded } from './catalog.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { JsonFields, parseJson } from './json-body.ts'
import { errorResponse } from './responses.ts'
import type { Action, Route } from './routes.ts'

const path = '/v1/operator/keyring'

/**
 * `/v1/operator/keyring`: gossip is not encrypted here, and says so for every
 * member that hears, as a Consul does that has no keys. There is no wide area
 * to ask besides.
 */
export function keyringRoutes(context: ApiContext): [path: string, actions: Route['actions']][] {
  const list: Action = (_request, _wildcard, query, respond) => respond(relayProblem(query) ?? refusals(context, 'Keyring is empty (encryption not enabled)'))
  const change: Action = ({ body }, _wildcard, query, respond) => {
    const key = decoded(() => ({ text: new JsonFields(parseJson(body)).text('Key') ?? '' }))
    if ('status' in key) return respond({ ...key, body: `Bad request: ${String(key.body)}` })
    const problem = relayProblem(query)
    if (problem !== null) return respond(problem)
    const bytes = decodeBase64(key.text)
    respond(bytes.kind === 'corrupt'
      ? severalErrors([`${context.datacenter} (LAN) error: illegal base64 data at input byte ${bytes.at}`])
      : refusals(context, 'No keyring to modify (encryption not enabled)'))
  }
  return [[path, { GET: list, POST: change, PUT: change, DELETE: change }]]
}

function refusals({ gossip, name, datacenter }: ApiContext, reason: string): ApiResponse {
  const names = gossip === null ? [name] : gossip.members().filter(({ status }) => status === 'alive').map((member) => member.name).sort()
  return severalErrors([`${datacenter} (LAN) error: ${names.length}/${names.length} nodes reported failure`, ...names.map((one) => `${one}: ${reason}`)])
}

/** Go's way to print several. */
function severalErrors(problems: readonly string[]): ApiResponse {
  return errorResponse(500, `${problems.length} error${problems.length === 1 ? '' : 's'} occurred:\n${problems.map((problem) => `\t* ${problem}\n`).join('')}\n`)
}

function relayProblem(query: URLSearchParams): ApiResponse | null {
  const factor = query.get('relay-factor') ?? ''
  if (factor === '') return null
  if (!/^[+-]?\d+$/.test(factor)) return errorResponse(400, `Bad request: Error parsing relay factor: strconv.Atoi: parsing ${JSON.stringify(factor)}: invalid syntax`)
  return Number(factor) >= 0 && Number(factor) <= 5 ? null : errorResponse(400, 'Bad request: Invalid relay-factor: Relay factor must be in range: [0, 5]')
}
