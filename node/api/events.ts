import { compilePattern } from '../filter/go-pattern.ts'
import { parseDurationNs } from '../base/duration.ts'
import { consulBytes, type UserEvent, userEventBytesMax, userEventVersion } from '../local/user-event.ts'
import type { ApiContext } from './context.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { checkDatacenter, checkReadParameters, isSet } from './query.ts'
import { errorResponse, jsonResponse } from './responses.ts'
import type { Route } from './routes.ts'

/** What the API needs of the agent's user events. */
export interface EventsApi {
  recent(): readonly UserEvent[]
  /** `changed` after every event, and when the agent stops. Returns what ends that. */
  watch(changed: (stopped: boolean) => void): () => void
  /** Tells all members, this one among them. False: this member does not gossip. */
  fire(event: UserEvent): boolean
}

type Respond = (response: ApiResponse) => void

const waitMaxMs = 10 * 60_000

/** `/v1/event/…` (Consul's HTTP API, Events). */
export function eventRoutes(context: ApiContext): [path: string, actions: Route['actions']][] {
  return [
    ['/v1/event/fire/*', { PUT: (request, name, query, respond) => fireEvent(context, name, query, request, respond) }],
    ['/v1/event/list', { GET: (request, _wildcard, query, respond) => listEvents(context, query, request, respond) }],
  ]
}

function fireEvent(context: ApiContext, name: string, query: URLSearchParams, { body }: ApiRequest, respond: Respond): void {
  if (name === '') return respond(errorResponse(400, 'Missing name'))
  const [nodeFilter, serviceFilter, tagFilter] = [query.get('node') ?? '', query.get('service') ?? '', query.get('tag') ?? '']
  const event: UserEvent = { id: context.newUuid(), name, payload: body, nodeFilter, serviceFilter, tagFilter, lamportTime: 0 }
  const problem = problemOf(event)
  if (problem !== null) return respond(errorResponse(500, problem))
  const refusal = checkDatacenter(query, context)
  if (refusal !== null) return respond(refusal)
  const tooLarge = sizeProblem(event)
  if (tooLarge !== null) return respond(errorResponse(500, `1 error occurred:\n\t* error broadcasting event to segment "": ${tooLarge}\n\n`))
  if (!context.events.fire(event)) return respond(errorResponse(500, 'this member runs without gossip: start it with -serf-lan-port'))
  respond(jsonResponse(eventJson(event), isSet(query, 'pretty')))
}

function sizeProblem(event: UserEvent): string | null {
  const { before, after } = consulBytes(event)
  if (before > userEventBytesMax) return `user event exceeds configured limit of ${userEventBytesMax} bytes before encoding`
  return after > userEventBytesMax ? `encoded user event exceeds configured limit of ${userEventBytesMax} bytes after encoding` : null
}

function problemOf({ nodeFilter, serviceFilter, tagFilter }: UserEvent): string | null {
  const patternProblem = (what: string, filter: string) => {
    const compiled = compilePattern(filter)
    return compiled.kind === 'pattern' ? null : `Invalid ${what} filter: ${compiled.problem}`
  }
  return patternProblem('node', nodeFilter) ?? patternProblem('service', serviceFilter)
    ?? (tagFilter !== '' && serviceFilter === '' ? 'Cannot provide tag filter without service filter' : patternProblem('tag', tagFilter))
}

/**
 * The index stands for the last event and does not grow: with `?index=` of the
 * one that the client has seen, the answer waits until there is another.
 */
function listEvents(context: ApiContext, query: URLSearchParams, { onGone }: ApiRequest, respond: Respond): void {
  const refusal = checkReadParameters(query)
  if (refusal !== null) return respond(refusal)
  const name = query.get('name') ?? ''
  const found = () => context.events.recent().filter((event) => name === '' || event.name === name)
  const answer = (events: readonly UserEvent[]) => respond(jsonResponse(events.map(eventJson), isSet(query, 'pretty'), { 'X-Consul-Index': String(eventsIndex(events)) }))
  const known = BigInt(query.get('index') || '0')
  if (known === 0n || eventsIndex(found()) !== known) return answer(found())
  const waitMs = (parseDurationNs(query.get('wait') || '0s') ?? 0) / 1e6
  let stopWatching = () => {}
  const end = () => {
    cancelTimer()
    stopWatching()
  }
  const cancelTimer = context.scheduler.after(waitMs <= 0 ? waitMaxMs : Math.min(waitMs, waitMaxMs), () => {
    end()
    answer(found())
  })
  stopWatching = context.events.watch((stopped) => {
    const events = found()
    if (!stopped && eventsIndex(events) === known) return
    end()
    answer(events)
  })
  onGone?.(end)
}

/** Of the last event's id, the halves of the 128 bits combined by exclusive or; 1 for none. */
export function eventsIndex(events: readonly UserEvent[]): bigint {
  const last = events.at(-1)
  if (last === undefined) return 1n
  const hex = last.id.replaceAll('-', '')
  return BigInt(`0x${hex.slice(0, 16)}`) ^ BigInt(`0x${hex.slice(16)}`)
}

function eventJson({ id, name, payload, nodeFilter, serviceFilter, tagFilter, lamportTime }: UserEvent): object {
  return {
    ID: id, Name: name, Payload: payload.length === 0 ? null : Buffer.from(payload).toString('base64'),
    NodeFilter: nodeFilter, ServiceFilter: serviceFilter, TagFilter: tagFilter, Version: userEventVersion, LTime: lamportTime,
  }
}
