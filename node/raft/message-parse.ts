import { isConfiguration } from './configuration.ts'
import type { Entry } from './entry.ts'
import type { Message } from './message.ts'

export type ParsedMessage =
  | { readonly ok: true, readonly message: Message }
  /** `error` says which field is wrong. */
  | { readonly ok: false, readonly error: string }

type Fields = Record<string, unknown>

/**
 * Checks what came over the wire: the fields of its kind, their types and how
 * they relate, so that the core needs to distrust nothing. By hand and without
 * copying, for it runs on every message. Unknown fields are ignored: a newer
 * member may send them.
 */
export function parseMessage(value: unknown): ParsedMessage {
  if (typeof value !== 'object' || value === null) return { ok: false, error: `a message is an object, not ${value === null ? 'null' : typeof value}` }
  const fields = value as Fields
  const error = addressProblem(fields) ?? bodyProblem(fields)
  return error === null ? { ok: true, message: value as unknown as Message } : { ok: false, error }
}

function addressProblem(fields: Fields): string | null {
  if (typeof fields.from !== 'string' || fields.from === '') return problem(fields, 'from', 'a member id')
  if (typeof fields.to !== 'string' || fields.to === '') return problem(fields, 'to', 'a member id')
  if (!isCount(fields.term)) return problem(fields, 'term', 'a whole number from 0')
  return null
}

function bodyProblem(fields: Fields): string | null {
  switch (fields.kind as Message['kind']) {
    case 'append-request': return appendRequestProblem(fields)
    case 'append-response': return appendResponseProblem(fields)
    case 'heartbeat-request':
      if (!isCount(fields.round)) return problem(fields, 'round', 'a whole number from 0')
      if (!isCount(fields.commitIndex)) return problem(fields, 'commitIndex', 'a whole number from 0')
      return null
    case 'heartbeat-response':
      return isCount(fields.round) ? null : problem(fields, 'round', 'a whole number from 0')
    case 'pre-vote-request':
    case 'vote-request':
      if (fields.transfer !== undefined && typeof fields.transfer !== 'boolean') return problem(fields, 'transfer', 'true or false')
      if (!isCount(fields.lastLogIndex)) return problem(fields, 'lastLogIndex', 'a whole number from 0')
      if (!isCount(fields.lastLogTerm) || fields.lastLogTerm > (fields.term as number)) return problem(fields, 'lastLogTerm', 'a term up to the message\'s')
      return null
    case 'pre-vote-response':
    case 'vote-response':
      return typeof fields.granted === 'boolean' ? null : problem(fields, 'granted', 'true or false')
    case 'timeout-now': return null
    case 'snapshot-request': return snapshotRequestProblem(fields)
    case 'snapshot-response':
      if (!isImageId(fields)) return problem(fields, 'image', 'an image of a snapshot')
      return isCount(fields.receivedBytes) ? null : problem(fields, 'receivedBytes', 'a whole number from 0')
    default:
      return problem(fields, 'kind', 'a kind of message')
  }
}

function appendRequestProblem(fields: Fields): string | null {
  const { term, prevLogIndex, prevLogTerm, entries, commitIndex } = fields
  if (!isCount(prevLogIndex)) return problem(fields, 'prevLogIndex', 'a whole number from 0')
  if (!isCount(prevLogTerm) || prevLogTerm > (term as number)) return problem(fields, 'prevLogTerm', 'a term up to the message\'s')
  if (!isCount(commitIndex)) return problem(fields, 'commitIndex', 'a whole number from 0')
  if (!Array.isArray(entries)) return problem(fields, 'entries', 'an array')
  let lastTerm = prevLogTerm
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Partial<Entry> | null
    if (typeof entry !== 'object' || entry === null || entry.index !== prevLogIndex + 1 + i) {
      return `append-request: entries[${i}] is not entry ${prevLogIndex + 1 + i}`
    }
    if (!isCount(entry.term) || entry.term < lastTerm || entry.term > (term as number)) {
      return `append-request: entry ${entry.index} has term ${shown(entry.term)}, outside ${lastTerm}..${String(term)}`
    }
    if (entry.kind !== 'command' && entry.kind !== 'empty' && entry.kind !== 'configuration') {
      return `append-request: entry ${entry.index} has kind ${shown(entry.kind)}`
    }
    if (!(entry.data instanceof Uint8Array)) return `append-request: entry ${entry.index} has no bytes as data`
    if (entry.kind === 'configuration' && !isConfiguration(entry.data)) return `append-request: entry ${entry.index} is not a configuration`
    lastTerm = entry.term
  }
  return null
}

function appendResponseProblem(fields: Fields): string | null {
  const outcome = fields.outcome as Fields | null
  if (typeof outcome !== 'object' || outcome === null) return problem(fields, 'outcome', 'an object')
  if (outcome.accepted === true) {
    return isCount(outcome.matchIndex) ? null : 'append-response: outcome.matchIndex is not a whole number from 0'
  }
  if (outcome.accepted !== false) return 'append-response: outcome.accepted is not true or false'
  if (!isCount(outcome.rejectedIndex)) return 'append-response: outcome.rejectedIndex is not a whole number from 0'
  if (outcome.conflictTerm !== null && !isCount(outcome.conflictTerm)) return 'append-response: outcome.conflictTerm is not null or a whole number from 0'
  if (!isCount(outcome.conflictIndex) || outcome.conflictIndex < 1) return 'append-response: outcome.conflictIndex is not a whole number from 1'
  return null
}

function snapshotRequestProblem(fields: Fields): string | null {
  const { offset, data } = fields
  if (!isImageId(fields)) return problem(fields, 'image', 'an image of a snapshot up to the message\'s term')
  if (!isCount(offset)) return problem(fields, 'offset', 'a whole number from 0')
  if (!(data instanceof Uint8Array)) return problem(fields, 'data', 'bytes')
  const { sizeBytes } = fields.image as { sizeBytes: number }
  return offset + data.length <= sizeBytes ? null : problem(fields, 'data', `within an image of ${sizeBytes} bytes`)
}

function isImageId({ image, term }: Fields): boolean {
  if (typeof image !== 'object' || image === null) return false
  const { lastIndex, lastTerm, sizeBytes, checksum } = image as Fields
  return isCount(lastIndex) && lastIndex > 0 && isCount(lastTerm) && lastTerm > 0 && lastTerm <= (term as number)
    && isCount(sizeBytes) && sizeBytes > 0 && isCount(checksum)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** An object may say of itself that its `toString` is a number: to make text of it would throw. */
function shown(value: unknown): string {
  return typeof value === 'object' ? value === null ? 'null' : 'an object' : String(value).slice(0, 40)
}

function problem(fields: Fields, field: string, expected: string): string {
  const kind = typeof fields.kind === 'string' ? fields.kind.slice(0, 40) : 'message'
  return `${kind}: ${field} is not ${expected}`
}
