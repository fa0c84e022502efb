/**
 * What a client agent asks of a server, and what it is told. Unlike servers
 * among each other, an agent is never dialled: answers come over the
 * connection that it opened, many at a time, in any order.
 *
 * The bytes: the agent's magic and a version, then frames both ways as
 * `frame.ts` has them, each message a map with `kind`.
 */

/** Of a body that is passed on for a client agent, or of its answer: below what one frame between the two may have. */
export const passedOnBytesMax = 48 * 1024 * 1024

/** `connection` messages between the two; `callId` is the agent's. */
export type AgentToServer =
  | { readonly kind: 'hello', readonly cluster: string, readonly agent: string }
  | { readonly kind: 'call', readonly callId: number, readonly call: AgentCall }
  /** Nobody waits for that answer any more. */
  | { readonly kind: 'cancel', readonly callId: number }
  | { readonly kind: 'ping' }

export type ServerToAgent =
  | { readonly kind: 'welcome' }
  | { readonly kind: 'answer', readonly callId: number, readonly answer: AgentAnswer }
  | { readonly kind: 'pong' }

export type AgentCall =
  /** A request that came to the agent's HTTP port. `agent`: the name of its node. */
  | { readonly kind: 'http', readonly agent: string, readonly method: string, readonly target: string, readonly headers: Readonly<Record<string, string>>, readonly body: Uint8Array }
  /** A command for the log, from the agent's own anti-entropy. */
  | { readonly kind: 'apply', readonly command: Uint8Array }
  /** What the catalog has of these nodes, from the leader. */
  | { readonly kind: 'nodes', readonly nodes: readonly string[] }
  | { readonly kind: 'dns', readonly query: Uint8Array, readonly over: 'udp' | 'tcp', readonly domain: string, readonly onlyPassing: boolean, readonly markTruncated: boolean }

export type AgentAnswer =
  | { readonly kind: 'http', readonly status: number, readonly headers: Readonly<Record<string, string>>, readonly body: Uint8Array }
  | { readonly kind: 'applied' }
  | { readonly kind: 'invalid', readonly problem: string }
  /** It certainly did not happen. */
  | { readonly kind: 'no-leader' }
  /** It may have happened. */
  | { readonly kind: 'unknown', readonly problem: string }
  /** Registrations that make a catalog of the nodes asked for. `count`: of all nodes that there are. */
  | { readonly kind: 'nodes', readonly registrations: readonly Uint8Array[], readonly count: number }
  /** Null: not to be answered. */
  | { readonly kind: 'dns', readonly reply: Uint8Array | null }

export const agentMagic = Buffer.from('SPLITAGT\x01', 'latin1')

const isText = (value: unknown, max = 1024): value is string => typeof value === 'string' && value.length <= max
const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array
const isTextMap = (value: unknown): value is Record<string, string> => isObject(value) && Object.values(value).every((text) => typeof text === 'string')
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
/** As long as the HTTP server takes a request's line and headers. */
const targetMax = 1024 * 1024
const nodesMax = 1000

/** Null: it makes no sense. */
export function parseAgentToServer(value: unknown): AgentToServer | null {
  if (!isObject(value)) return null
  const { kind, cluster, agent, callId, call } = value
  switch (kind) {
    case 'hello': return isText(cluster) && isText(agent) ? { kind, cluster, agent } : null
    case 'ping': return { kind }
    case 'cancel': return isId(callId) ? { kind, callId } : null
    case 'call': {
      const parsed = parseCall(call)
      return isId(callId) && parsed !== null ? { kind, callId, call: parsed } : null
    }
    default: return null
  }
}

function parseCall(value: unknown): AgentCall | null {
  if (!isObject(value)) return null
  const { kind, agent, method, target, headers, body, command, nodes, query, over, domain, onlyPassing, markTruncated } = value
  switch (kind) {
    case 'http':
      return isText(agent) && isText(method, 32) && isText(target, targetMax) && isTextMap(headers) && isBytes(body) ? { kind, agent, method, target, headers, body } : null
    case 'apply': return isBytes(command) ? { kind, command } : null
    case 'nodes': return Array.isArray(nodes) && nodes.length <= nodesMax && nodes.every((node) => isText(node)) ? { kind, nodes } : null
    case 'dns':
      return isBytes(query) && (over === 'udp' || over === 'tcp') && isText(domain) && typeof onlyPassing === 'boolean' && typeof markTruncated === 'boolean'
        ? { kind, query, over, domain, onlyPassing, markTruncated } : null
    default: return null
  }
}

/** Null: it makes no sense. */
export function parseServerToAgent(value: unknown): ServerToAgent | null {
  if (!isObject(value)) return null
  const { kind, callId, answer } = value
  switch (kind) {
    case 'welcome':
    case 'pong': return { kind }
    case 'answer': {
      const parsed = parseAnswer(answer)
      return isId(callId) && parsed !== null ? { kind, callId, answer: parsed } : null
    }
    default: return null
  }
}

function parseAnswer(value: unknown): AgentAnswer | null {
  if (!isObject(value)) return null
  const { kind, status, headers, body, problem, registrations, count, reply } = value
  switch (kind) {
    case 'http': return isId(status) && isTextMap(headers) && isBytes(body) ? { kind, status, headers, body } : null
    case 'applied':
    case 'no-leader': return { kind }
    case 'invalid':
    case 'unknown': return typeof problem === 'string' ? { kind, problem } : null
    case 'nodes': return Array.isArray(registrations) && registrations.every(isBytes) && isId(count) ? { kind, registrations, count } : null
    case 'dns': return reply === null || isBytes(reply) ? { kind, reply } : null
    default: return null
  }
}
