/**
 * Commands of sessions and locks, and their bytes (codes 10 to 15; see
 * `commands.ts` for what stands before them):
 *
 *     lock, unlock     key text  session text  flags u64  value bytes
 *     session-create   id text  name text  node text  lock delay u64 (ns)  behavior u8
 *                      ttl text  node checks u32 and texts
 *                      service checks u32 and (id text, namespace text)
 *     session-destroy  id text
 *     session-renew    id text
 *     session-expire   id text  renewed index u64
 */
import { unreachable } from '../base/assert.ts'
import { type ByteReader, type ByteWriter, MalformedError } from './bytes.ts'
import type { SessionSpec } from './sessions.ts'

export type SessionCommand = LockCommand | SessionCreate | SessionDestroy | SessionRenew | SessionExpire

/** Sets and takes, or sets and gives back, the lock of a key. */
export interface LockCommand {
  readonly kind: 'lock' | 'unlock'
  readonly key: string
  readonly session: string
  /** Unsigned, 64 bit. */
  readonly flags: bigint
  readonly value: Uint8Array
}

export interface SessionCreate {
  readonly kind: 'session-create'
  readonly session: SessionSpec
}

export interface SessionDestroy {
  readonly kind: 'session-destroy'
  readonly id: string
}

/** In the log, unlike Consul's: a renewal that was acknowledged outlives its leader. */
export interface SessionRenew {
  readonly kind: 'session-renew'
  readonly id: string
}

/** Proposed by the leader alone. Void if the session was renewed behind `renewedIndex`. */
export interface SessionExpire {
  readonly kind: 'session-expire'
  readonly id: string
  readonly renewedIndex: number
}

export const sessionCodes = {
  lock: 10, unlock: 11, 'session-create': 12, 'session-destroy': 13, 'session-renew': 14, 'session-expire': 15,
} as const

const behaviors = ['release', 'delete'] as const

export function writeSessionCommand(writer: ByteWriter, command: SessionCommand): void {
  switch (command.kind) {
    case 'lock':
    case 'unlock':
      writer.text(command.key).text(command.session).u64(command.flags).bytes(command.value)
      return
    case 'session-create': {
      const { id, name, node, lockDelayNs, behavior, ttl, nodeChecks, serviceChecks } = command.session
      writer.text(id).text(name).text(node).count(lockDelayNs).u8(behaviors.indexOf(behavior)).text(ttl)
      writer.u32(nodeChecks.length)
      for (const check of nodeChecks) writer.text(check)
      writer.u32(serviceChecks.length)
      for (const check of serviceChecks) writer.text(check.id).text(check.namespace)
      return
    }
    case 'session-destroy':
    case 'session-renew':
      writer.text(command.id)
      return
    case 'session-expire':
      writer.text(command.id).count(command.renewedIndex)
      return
    default:
      unreachable(command)
  }
}

/** Null for the code of another command. Throws MalformedError. */
export function readSessionCommand(code: number, reader: ByteReader): SessionCommand | null {
  switch (code) {
    case sessionCodes.lock: return readLock('lock', reader)
    case sessionCodes.unlock: return readLock('unlock', reader)
    case sessionCodes['session-create']: return { kind: 'session-create', session: readSpec(reader) }
    case sessionCodes['session-destroy']: return { kind: 'session-destroy', id: reader.text() }
    case sessionCodes['session-renew']: return { kind: 'session-renew', id: reader.text() }
    case sessionCodes['session-expire']: return { kind: 'session-expire', id: reader.text(), renewedIndex: reader.count() }
    default: return null
  }
}

function readLock(kind: 'lock' | 'unlock', reader: ByteReader): LockCommand {
  return { kind, key: reader.text(), session: reader.text(), flags: reader.u64(), value: reader.bytes() }
}

function readSpec(reader: ByteReader): SessionSpec {
  const id = reader.text()
  const name = reader.text()
  const node = reader.text()
  const lockDelayNs = reader.count()
  const behavior = behaviors[reader.u8()]
  if (behavior === undefined) throw new MalformedError('the behavior of a session is unknown')
  const ttl = reader.text()
  const nodeChecks: string[] = []
  for (let left = reader.u32(); left > 0; left--) nodeChecks.push(reader.text())
  const serviceChecks: { id: string, namespace: string }[] = []
  for (let left = reader.u32(); left > 0; left--) serviceChecks.push({ id: reader.text(), namespace: reader.text() })
  return { id, name, node, lockDelayNs, behavior, ttl, nodeChecks, serviceChecks }
}
