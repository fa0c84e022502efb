import { formatDurationNs } from '../base/duration-format.ts'
import { parseDurationNs } from '../base/duration.ts'
import type { Autopilot } from '../leader/autopilot-driver.ts'
import type { AutopilotConfig, StoredAutopilotConfig } from '../state/autopilot-config.ts'
import { encodeCommand } from '../state/commands.ts'
import type { ApiContext } from './context.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { DecodeError, parseJson } from './json-body.ts'
import { isSet } from './query.ts'
import { errorResponse, jsonResponse, writeResponse } from './responses.ts'
import type { Route } from './routes.ts'

type Respond = (response: ApiResponse) => void

/** What `/v1/operator/autopilot/…` needs besides. Null in the context: a client agent, which passes it on. */
export interface AutopilotApi {
  readonly autopilot: Autopilot
  readonly stored: () => StoredAutopilotConfig | null
  /** Hands the request to the server that leads; null: this member cannot. */
  readonly askLeader: ((request: ApiRequest, respond: Respond) => void) | null
}

/** Set on what one server hands to another: it is not handed on again. */
export const handedOnHeader = 'x-splitbrain-handed-on'

/** `/v1/operator/autopilot/…` (Consul's HTTP API, Operator, Autopilot). */
export function autopilotRoutes(context: ApiContext): [path: string, actions: Route['actions']][] {
  const api = context.autopilot
  if (api === null) return []
  return [
    ['/v1/operator/autopilot/configuration', {
      GET: (_request, _wildcard, query, respond) => {
        const answer = () => respond(jsonResponse(configJson(api), isSet(query, 'pretty')))
        if (isSet(query, 'stale')) return answer()
        context.awaitRead('lease', ({ kind }) => kind === 'ready' ? answer() : respond(errorResponse(500, 'No cluster leader')))
      },
      PUT: (request, _wildcard, query, respond) => setConfiguration(context, request, query, respond),
    }],
    ['/v1/operator/autopilot/health', { GET: (request, _wildcard, query, respond) => getHealth(context, api, request, query, respond) }],
  ]
}

function configJson({ autopilot, stored }: AutopilotApi): object {
  const { cleanupDeadServers, lastContactThresholdNs, maxTrailingLogs, minQuorum, serverStabilizationTimeNs } = autopilot.config
  return {
    CleanupDeadServers: cleanupDeadServers, LastContactThreshold: formatDurationNs(lastContactThresholdNs), MaxTrailingLogs: maxTrailingLogs,
    MinQuorum: minQuorum, ServerStabilizationTime: formatDurationNs(serverStabilizationTimeNs),
    RedundancyZoneTag: '', DisableUpgradeMigration: false, UpgradeVersionTag: '',
    CreateIndex: stored()?.createIndex ?? 0, ModifyIndex: stored()?.modifyIndex ?? 0,
  }
}

function setConfiguration(context: ApiContext, request: ApiRequest, query: URLSearchParams, respond: Respond): void {
  const cas = query.get('cas')
  if (cas !== null && !/^\d+$/.test(cas)) {
    return respond(errorResponse(400, `Bad request: Error parsing cas value: strconv.ParseUint: parsing ${JSON.stringify(cas)}: invalid syntax`))
  }
  const config = parseConfig(request.body)
  if (typeof config === 'string') return respond(errorResponse(400, `Bad request: Error parsing autopilot config: ${config}`))
  const modifyIndex = cas === null ? null : Math.min(Number(cas), Number.MAX_SAFE_INTEGER)
  context.write(encodeCommand({ kind: 'autopilot-set', config, modifyIndex }), (outcome) => respond(writeResponse(outcome, isSet(query, 'pretty'))))
}

/** What is not given is zero, as Consul has it: nothing is taken from the configuration before. A text: what is wrong with it. */
function parseConfig(body: Uint8Array): AutopilotConfig | string {
  let value: unknown
  try {
    value = parseJson(body)
  } catch (error) {
    if (error instanceof DecodeError) return error.message
    throw error
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return value === null ? zero : `json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into Go value of type api.AutopilotConfiguration`
  }
  let config: AutopilotConfig = zero
  for (const [given, content] of Object.entries(value)) {
    const field = fieldNames.find((name) => name.toLowerCase() === given.toLowerCase())
    if (field === undefined) return `json: unknown field ${JSON.stringify(given)}`
    if (content === null) continue
    const wrong = (goType: string) => `json: cannot unmarshal ${Array.isArray(content) ? 'array' : typeof content} into Go struct field AutopilotConfiguration.${field} of type ${goType}`
    switch (field) {
      case 'CleanupDeadServers':
      case 'DisableUpgradeMigration':
        if (typeof content !== 'boolean') return wrong('bool')
        if (field === 'CleanupDeadServers') config = { ...config, cleanupDeadServers: content }
        break
      case 'MaxTrailingLogs':
      case 'MinQuorum':
        if (typeof content !== 'number' || !Number.isSafeInteger(content) || content < 0) return wrong(field === 'MinQuorum' ? 'uint' : 'uint64')
        config = field === 'MinQuorum' ? { ...config, minQuorum: content } : { ...config, maxTrailingLogs: content }
        break
      case 'LastContactThreshold':
      case 'ServerStabilizationTime': {
        if (typeof content !== 'string') return `must be enclosed with quotes: ${JSON.stringify(content)}`
        const ns = parseDurationNs(content)
        if (ns === null) return `time: invalid duration ${JSON.stringify(content)}`
        config = field === 'LastContactThreshold' ? { ...config, lastContactThresholdNs: ns } : { ...config, serverStabilizationTimeNs: ns }
        break
      }
      // Consul Enterprise's, and its answer's own.
      case 'RedundancyZoneTag':
      case 'UpgradeVersionTag':
        if (typeof content !== 'string') return wrong('string')
        break
      case 'CreateIndex':
      case 'ModifyIndex':
        if (typeof content !== 'number') return wrong('uint64')
    }
  }
  return config
}

const zero: AutopilotConfig = { cleanupDeadServers: false, lastContactThresholdNs: 0, maxTrailingLogs: 0, minQuorum: 0, serverStabilizationTimeNs: 0 }

const fieldNames = [
  'CleanupDeadServers', 'LastContactThreshold', 'MaxTrailingLogs', 'MinQuorum', 'ServerStabilizationTime',
  'RedundancyZoneTag', 'DisableUpgradeMigration', 'UpgradeVersionTag', 'CreateIndex', 'ModifyIndex',
] as const

/** The leader knows; 429 says that not all is well, so that a load balancer or a script needs to read no JSON. */
function getHealth(context: ApiContext, { autopilot, askLeader }: AutopilotApi, request: ApiRequest, query: URLSearchParams, respond: Respond): void {
  if (context.status().role !== 'leader') {
    const leader = context.leaderAddress()
    if (leader === null || request.headers[handedOnHeader] !== undefined) return respond(errorResponse(500, 'No cluster leader'))
    if (askLeader === null) return respond(errorResponse(500, `This server is not the leader: ask the one at ${leader}`))
    return askLeader(request, respond)
  }
  const { scheduler } = context
  const found = autopilot.health
  const body = {
    Healthy: found?.healthy ?? false, FailureTolerance: found?.failureTolerance ?? 0,
    Servers: found?.servers.map((server) => ({
      ID: server.id, Name: server.name, Address: server.address, SerfStatus: server.serfStatus, Version: server.version, Leader: server.isLeader,
      LastContact: formatDurationNs(Number.isFinite(server.lastContactMs) ? Math.round(server.lastContactMs * 1e6) : -1e6),
      LastTerm: server.lastTerm, LastIndex: server.lastIndex, Healthy: server.healthy, Voter: server.isVoter,
      StableSince: new Date(scheduler.wallMs() - (scheduler.nowMs() - server.stableSinceMs)).toISOString().replace(/\.\d+Z$/, 'Z'),
    })) ?? null,
  }
  respond({ ...jsonResponse(body, isSet(query, 'pretty')), status: body.Healthy ? 200 : 429 })
}
