import { parseMessage } from '../raft/core.ts'
import type { MemberId, Server } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import type { OperatorOutcome } from './operator.ts'

/** All that servers say to each other over the Transport. */
export type Envelope = RaftEnvelope | RpcEnvelope | JoinEnvelope | OperatorEnvelope

export interface RaftEnvelope {
  readonly channel: 'raft'
  readonly message: Message
}

/** A follower's calls to the leader, and the answers. `from` is the sender's advertised address; `callId` the caller's. */
export type RpcEnvelope =
  | { readonly channel: 'rpc', readonly kind: 'apply', readonly from: string, readonly callId: number, readonly command: Uint8Array }
  | { readonly channel: 'rpc', readonly kind: 'read-index', readonly from: string, readonly callId: number, readonly mode: 'lease' | 'quorum' }
  | { readonly channel: 'rpc', readonly kind: 'answer', readonly callId: number, readonly answer: RpcAnswer }

export type RpcAnswer =
  /** `txn`: a transaction's outcome in bytes (`state/txn-bytes.ts`). */
  | { readonly kind: 'applied', readonly index: number, readonly succeeded: boolean, readonly txn?: Uint8Array }
  /** The command is not one that this version knows. */
  | { readonly kind: 'invalid', readonly problem: string }
  | { readonly kind: 'confirmed', readonly readIndex: number }
  | { readonly kind: 'not-leader' }
  | { readonly kind: 'lost' }

/** What an operator asked of another server than the leader, and how it ended. `callId`: the caller's. */
export type OperatorEnvelope =
  | { readonly channel: 'operator', readonly kind: 'call', readonly from: string, readonly callId: number, readonly call: OperatorCall }
  | { readonly channel: 'operator', readonly kind: 'answer', readonly callId: number, readonly outcome: OperatorOutcome }

export type OperatorCall =
  | { readonly kind: 'remove', readonly id: MemberId }
  | { readonly kind: 'transfer', readonly target: MemberId | null }

/** Servers that look for each other before there is a cluster; see `discovery.ts`. */
export interface JoinEnvelope {
  readonly channel: 'join'
  readonly from: Server
  /** The servers that the sender expects before it forms a cluster. */
  readonly bootstrapExpect: number
  /** The sender's log is not empty: there is a cluster already. */
  readonly formed: boolean
  /** Ids of all servers that the sender knows, itself included, sorted. */
  readonly known: readonly Server[]
  /** The receiver should say the same of itself. */
  readonly wantsAnswer: boolean
}

export type ParsedEnvelope =
  | { readonly ok: true, readonly envelope: Envelope }
  | { readonly ok: false, readonly error: string }

const bad = (error: string): ParsedEnvelope => ({ ok: false, error })
const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length <= 512
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** Checks what came over the wire. By hand: it is on the path of every message. */
export function parseEnvelope(value: unknown): ParsedEnvelope {
  if (typeof value !== 'object' || value === null) return bad('not an object')
  const fields = value as Record<string, unknown>
  switch (fields['channel']) {
    case 'raft': {
      const parsed = parseMessage(fields['message'])
      // No copy, as the message is none.
      return parsed.ok ? { ok: true, envelope: value as RaftEnvelope } : bad(parsed.error)
    }
    case 'rpc': return parseRpc(fields)
    case 'join': return parseJoin(fields)
    case 'operator': return parseOperator(fields)
    default: return bad('unknown channel')
  }
}

function parseRpc(fields: Record<string, unknown>): ParsedEnvelope {
  const { kind, from, callId } = fields
  if (!isCount(callId)) return bad('an rpc without a call id')
  if (kind === 'answer') {
    const answer = parseAnswer(fields['answer'])
    return answer === null ? bad('a malformed rpc answer') : { ok: true, envelope: { channel: 'rpc', kind, callId, answer } }
  }
  if (!isText(from)) return bad('an rpc call without a sender')
  if (kind === 'apply' && fields['command'] instanceof Uint8Array) {
    return { ok: true, envelope: { channel: 'rpc', kind, from, callId, command: fields['command'] } }
  }
  if (kind === 'read-index' && (fields['mode'] === 'lease' || fields['mode'] === 'quorum')) {
    return { ok: true, envelope: { channel: 'rpc', kind, from, callId, mode: fields['mode'] } }
  }
  return bad('a malformed rpc call')
}

function parseAnswer(value: unknown): RpcAnswer | null {
  if (typeof value !== 'object' || value === null) return null
  const { kind, index, succeeded, txn, problem, readIndex } = value as Record<string, unknown>
  if (kind === 'applied' && isCount(index) && typeof succeeded === 'boolean') {
    if (txn === undefined) return { kind, index, succeeded }
    return txn instanceof Uint8Array ? { kind, index, succeeded, txn } : null
  }
  if (kind === 'invalid' && typeof problem === 'string') return { kind, problem }
  if (kind === 'confirmed' && isCount(readIndex)) return { kind, readIndex }
  if (kind === 'not-leader' || kind === 'lost') return { kind }
  return null
}

function parseOperator({ kind, from, callId, call, outcome }: Record<string, unknown>): ParsedEnvelope {
  if (!isCount(callId)) return bad('an operator\'s call without an id')
  if (kind === 'answer') {
    const { kind: end, problem } = (outcome ?? {}) as Record<string, unknown>
    if (end === 'done' || end === 'not-leader') return { ok: true, envelope: { channel: 'operator', kind, callId, outcome: { kind: end } } }
    if ((end === 'refused' || end === 'unknown') && typeof problem === 'string') return { ok: true, envelope: { channel: 'operator', kind, callId, outcome: { kind: end, problem } } }
    return bad('a malformed answer to an operator\'s call')
  }
  if (kind !== 'call' || !isText(from)) return bad('an operator\'s call without a sender')
  const { kind: what, id, target } = (call ?? {}) as Record<string, unknown>
  if (what === 'remove' && isText(id)) return { ok: true, envelope: { channel: 'operator', kind, from, callId, call: { kind: what, id } } }
  if (what === 'transfer' && (target === null || isText(target))) return { ok: true, envelope: { channel: 'operator', kind, from, callId, call: { kind: what, target } } }
  return bad('a malformed operator\'s call')
}

function parseJoin(fields: Record<string, unknown>): ParsedEnvelope {
  const { from, bootstrapExpect, formed, known, wantsAnswer } = fields
  if (!isServer(from)) return bad('a join without a sender')
  if (!isCount(bootstrapExpect) || typeof formed !== 'boolean' || typeof wantsAnswer !== 'boolean') return bad('a malformed join')
  if (!Array.isArray(known) || known.length > 1000 || !known.every(isServer)) return bad('a join with malformed servers')
  return { ok: true, envelope: { channel: 'join', from, bootstrapExpect, formed, known, wantsAnswer } }
}

function isServer(value: unknown): value is Server {
  if (typeof value !== 'object' || value === null) return false
  const { id, name, address } = value as Record<string, unknown>
  return isText(id) && isText(name) && isText(address)
}
