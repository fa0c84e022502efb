/** `/v1/session/…` (Consul's HTTP API, Sessions). */
import { parseDurationNs } from '../base/duration.ts'
import { uuidProblem } from '../base/uuid.ts'
import { encodeCommand } from '../state/commands.ts'
import { everySession, type Session, type SessionBehavior, type SessionReader, type SessionSpec } from '../state/sessions.ts'
import { answerRead } from './blocking.ts'
import type { ApiContext } from './context.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { DecodeError, JsonFields, parseJson } from './json-body.ts'
import { awaitConsistency, checkDatacenter, isSet, unknownFreshness } from './query.ts'
import { errorResponse, jsonResponse, writeResponse } from './responses.ts'

type Respond = (response: ApiResponse) => void

/** The check of gossip, that every member of the cluster has. */
const serfCheckId = 'serfHealth'
const lockDelayDefaultNs = 15e9
/** Numbers below are seconds, others nanoseconds. */
const lockDelayNsMin = 1000
const ttlMinNs = 10e9
const ttlMaxNs = 86_400e9

export function createSession(context: ApiContext, query: URLSearchParams, request: ApiRequest, respond: Respond): void {
  let spec: SessionSpec
  try {
    spec = parseSession(request.body, { ...context, name: request.agent ?? context.name })
  } catch (error) {
    if (error instanceof DecodeError) return respond(errorResponse(400, `Request decode failed: ${error.message}`))
    throw error
  }
  const refusal = checkDatacenter(query, context)
  if (refusal !== null) return respond(refusal)
  const problem = problemOf(spec)
  if (problem !== null) return respond(errorResponse(500, problem))
  context.write(encodeCommand({ kind: 'session-create', session: spec }), (outcome) => {
    respond(outcome.kind === 'applied' ? jsonResponse({ ID: spec.id }, isSet(query, 'pretty')) : writeResponse(outcome, false))
  })
}

export function destroySession(context: ApiContext, id: string, query: URLSearchParams, respond: Respond): void {
  const refusal = refusalOfMissing(id) ?? checkDatacenter(query, context) ?? refusalOfMalformed(id)
  if (refusal !== null) return respond(refusal)
  context.write(encodeCommand({ kind: 'session-destroy', id }), (outcome) => respond(writeResponse(outcome, isSet(query, 'pretty'))))
}

export function renewSession(context: ApiContext, id: string, query: URLSearchParams, respond: Respond): void {
  const refusal = refusalOfMissing(id) ?? checkDatacenter(query, context) ?? refusalOfMalformed(id)
  if (refusal !== null) return respond(refusal)
  const gone = errorResponse(404, `Session id '${id}' not found`)
  context.write(encodeCommand({ kind: 'session-renew', id }), (outcome) => {
    if (outcome.kind !== 'applied') return respond(writeResponse(outcome, false))
    if (!outcome.succeeded) return respond(gone)
    const answer = (session: Session) => respond(jsonResponse([toJson(session)], isSet(query, 'pretty')))
    const session = context.sessions.get(id)
    if (session !== null) return answer(session)
    // Renewed at the leader, but this member has not applied yet that it was created.
    awaitConsistency(context, 'default', respond, () => {
      const created = context.sessions.get(id)
      if (created === null) respond(gone)
      else answer(created)
    })
  })
}

export function sessionInfo(context: ApiContext, id: string, query: URLSearchParams, request: ApiRequest, respond: Respond): void {
  readSessions(context, query, request, respond, { agent: refusalOfMissing(id), server: refusalOfMalformed(id) }, (sessions) => {
    const session = sessions.get(id)
    return session === null ? [] : [session]
  })
}

export function sessionsOfNode(context: ApiContext, node: string, query: URLSearchParams, request: ApiRequest, respond: Respond): void {
  readSessions(context, query, request, respond, { agent: node === '' ? errorResponse(400, 'Missing node name') : null }, (sessions) => sessions.ofNode(node))
}

export function listSessions(context: ApiContext, query: URLSearchParams, request: ApiRequest, respond: Respond): void {
  readSessions(context, query, request, respond, {}, (sessions) => sessions.list())
}

function readSessions(
  context: ApiContext, query: URLSearchParams, request: ApiRequest, respond: Respond, refusals: { readonly agent?: ApiResponse | null, readonly server?: ApiResponse | null },
  select: (sessions: SessionReader) => readonly Session[],
): void {
  answerRead(context, request, query, respond, () => {
    const found = select(context.sessions)
    return {
      index: context.sessions.index, interests: () => [everySession],
      answer: (headers) => jsonResponse(found.map(toJson), isSet(query, 'pretty'), headers),
    }
  }, refusals.agent ?? null, { refusal: refusals.server ?? null, errorHeaders: unknownFreshness })
}

/** What the agent refuses, before it asks a server. */
function refusalOfMissing(id: string): ApiResponse | null {
  return id === '' ? errorResponse(400, 'Missing session') : null
}

/** What a server refuses. */
function refusalOfMalformed(id: string): ApiResponse | null {
  const problem = uuidProblem(id)
  return problem === null ? null : errorResponse(500, `failed session lookup: index error: ${problem}`)
}

const goNames = {
  object: 'Go value of type struct { LockDelay interface {}; *structs.Alias }',
  fields: { Behavior: 'structs.SessionBehavior', Checks: '[]types.CheckID', ServiceChecks: '[]structs.ServiceCheck' },
}

/** Throws DecodeError. What is not given is as Consul's agent has it: its own node, its gossip check. */
function parseSession(body: Uint8Array, context: ApiContext): SessionSpec {
  const fields = new JsonFields(body.length === 0 ? null : parseJson(body), '', goNames)
  // Read only to be refused if they are no such thing, as in Consul, which goes on to overwrite them.
  fields.text('ID')
  for (const name of ['CreateIndex', 'ModifyIndex']) fields.unsigned(name)
  const checks = fields.texts('Checks')
  const nodeChecks = fields.texts('NodeChecks')
  return {
    id: context.newUuid(),
    name: fields.text('Name') ?? '',
    node: fields.text('Node') ?? context.name,
    lockDelayNs: parseLockDelay(fields),
    // An unknown one is refused before it goes anywhere.
    behavior: (fields.text('Behavior') || 'release') as SessionBehavior,
    ttl: fields.text('TTL') ?? '',
    nodeChecks: checks === undefined && nodeChecks === undefined ? [serfCheckId] : [...new Set([...checks ?? [], ...nodeChecks ?? []])],
    serviceChecks: (fields.list('ServiceChecks') ?? []).map((item) => {
      const check = new JsonFields(item, 'ServiceCheck.ServiceChecks', { object: 'Go struct field .ServiceChecks of type structs.ServiceCheck' })
      return { id: check.text('ID') ?? '', namespace: check.text('Namespace') ?? '' }
    }),
  }
}

function parseLockDelay(fields: JsonFields): number {
  const given = fields.get('LockDelay')
  if (given === undefined) return lockDelayDefaultNs
  let ns: number
  if (typeof given === 'string') {
    const parsed = parseDurationNs(given)
    if (parsed === null) throw new DecodeError(durationProblem(given))
    ns = parsed
  } else if (typeof given === 'number' || typeof given === 'bigint') {
    ns = Math.trunc(Number(given))
  } else {
    // Consul takes any JSON here, and minds text and numbers only.
    return lockDelayDefaultNs
  }
  if (ns < lockDelayNsMin) ns *= 1e9
  return Math.max(0, Math.min(ns, Number.MAX_SAFE_INTEGER))
}

/** What Consul's servers have against it, or null. */
function problemOf({ node, behavior, ttl }: SessionSpec): string | null {
  if (node === '') return 'Must provide Node'
  if (behavior !== 'release' && behavior !== 'delete') return `Invalid Behavior setting '${behavior as string}'`
  if (ttl === '') return null
  const ns = parseDurationNs(ttl)
  if (ns === null) return `Session TTL '${ttl}' invalid: ${durationProblem(ttl)}`
  if (ns !== 0 && (ns < ttlMinNs || ns > ttlMaxNs)) return `Invalid Session TTL '${ns}', must be between [10s=24h0m0s]`
  return null
}

function durationProblem(text: string): string {
  return `time: ${/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? 'missing unit in' : 'invalid'} duration ${JSON.stringify(text)}`
}

function toJson(session: Session): object {
  return {
    ID: session.id, Name: session.name, Node: session.node, LockDelay: session.lockDelayNs, Behavior: session.behavior, TTL: session.ttl,
    NodeChecks: session.nodeChecks,
    ServiceChecks: session.serviceChecks.length === 0 ? null : session.serviceChecks.map(({ id, namespace }) => ({ ID: id, Namespace: namespace })),
    CreateIndex: session.createIndex, ModifyIndex: session.modifyIndex,
  }
}
