/**
 * What can be proposed to the replicated state machine, and its bytes in the
 * log. Little-endian; the first byte is the version, the second the command:
 *
 *     set          key  flags u64  value
 *     cas          key  index u64  flags u64  value
 *     delete       key
 *     delete-cas   key  index u64
 *     delete-tree  key (the prefix)
 *     catalog-…    key (the node's name)  JSON (`catalog-commands.ts`)
 *     autopilot-…  key (empty)  JSON (`autopilot-config.ts`)
 *
 * A key is its length (u32) and its UTF-8 bytes; a value goes on to the end.
 * Codes 10 to 29: see `session-commands.ts`, `txn-bytes.ts` and `restore-commands.ts`; there a text or
 * bytes have their length (u32) before them.
 * Commands stay in logs: a code once used never changes its meaning.
 */
import { isUtf8 } from 'node:buffer'
import { invariant, unreachable } from '../base/assert.ts'
import { RecentlyMade } from '../base/recently-made.ts'
import { autopilotCode, type AutopilotSet, decodeAutopilotRest, encodeAutopilotRest } from './autopilot-config.ts'
import { type CatalogCommand, catalogCodes, decodeCatalogRest, encodeCatalogRest } from './catalog-commands.ts'
import { ByteReader, ByteWriter, MalformedError } from './bytes.ts'
import { readRestoreCommand, type RestoreCommand, restoreCodes, writeRestoreCommand } from './restore-commands.ts'
import { readSessionCommand, type SessionCommand, sessionCodes, writeSessionCommand } from './session-commands.ts'
import { readTxn, type TxnCommand, txnCode, writeTxn } from './txn-bytes.ts'

export type Command = KvCommand | SessionCommand | TxnCommand | CatalogCommand | RestoreCommand | AutopilotSet

export type KvCommand = KvSet | KvCas | KvDelete | KvDeleteCas | KvDeleteTree

export interface KvSet {
  readonly kind: 'set'
  readonly key: string
  readonly value: Uint8Array
  /** Unsigned, 64 bit. */
  readonly flags: bigint
}

/** Sets if the key's ModifyIndex is `modifyIndex`; 0: if the key is absent. An index above 2^53 - 1 matches nothing: give 2^53 - 1. */
export interface KvCas {
  readonly kind: 'cas'
  readonly key: string
  readonly value: Uint8Array
  readonly flags: bigint
  readonly modifyIndex: number
}

export interface KvDelete {
  readonly kind: 'delete'
  readonly key: string
}

/** Deletes if the key's ModifyIndex is `modifyIndex`. */
export interface KvDeleteCas {
  readonly kind: 'delete-cas'
  readonly key: string
  readonly modifyIndex: number
}

/** Deletes every key that begins with `prefix`; an empty one clears the table. */
export interface KvDeleteTree {
  readonly kind: 'delete-tree'
  readonly prefix: string
}

/** Bytes that are no command. `problem`: a sentence without its full stop. */
export interface InvalidCommand {
  readonly kind: 'invalid'
  readonly problem: string
}

const version = 1
const codes = { set: 1, cas: 2, delete: 3, 'delete-cas': 4, 'delete-tree': 5 } as const
/** Between these a command is a row of fields, each with its own length. */
const fieldCodeMin = 10
const fieldCodeMax = 29
const keyOffset = 6
const flagsMax = 0xffff_ffff_ffff_ffffn

/** `command` must be in the ranges that its fields tell. */
export function encodeCommand(command: Command): Uint8Array {
  switch (command.kind) {
    case 'set': {
      const [bytes, offset] = begin(codes.set, command.key, 8 + command.value.length)
      writeFlags(bytes, command.flags, offset)
      bytes.set(command.value, offset + 8)
      return bytes
    }
    case 'cas': {
      const [bytes, offset] = begin(codes.cas, command.key, 16 + command.value.length)
      writeIndex(bytes, command.modifyIndex, offset)
      writeFlags(bytes, command.flags, offset + 8)
      bytes.set(command.value, offset + 16)
      return bytes
    }
    case 'delete': return begin(codes.delete, command.key, 0)[0]
    case 'delete-cas': {
      const [bytes, offset] = begin(codes['delete-cas'], command.key, 8)
      writeIndex(bytes, command.modifyIndex, offset)
      return bytes
    }
    case 'delete-tree': return begin(codes['delete-tree'], command.prefix, 0)[0]
    case 'lock':
    case 'unlock':
    case 'session-create':
    case 'session-destroy':
    case 'session-renew':
    case 'session-expire': {
      const writer = new ByteWriter().u8(version).u8(sessionCodes[command.kind])
      writeSessionCommand(writer, command)
      return writer.done()
    }
    case 'txn': {
      const writer = new ByteWriter().u8(version).u8(txnCode)
      writeTxn(writer, command)
      return writer.done()
    }
    case 'restore-begin':
    case 'restore-records':
    case 'restore-commit':
    case 'restore-abort': {
      const writer = new ByteWriter().u8(version).u8(restoreCodes[command.kind])
      writeRestoreCommand(writer, command)
      return writer.done()
    }
    case 'catalog-register': return withRest(catalogCodes[command.kind], command.node.name, encodeCatalogRest(command))
    case 'catalog-deregister': return withRest(catalogCodes[command.kind], command.node, encodeCatalogRest(command))
    case 'autopilot-set': return withRest(autopilotCode, '', encodeAutopilotRest(command))
    default: return unreachable(command)
  }
}

/**
 * Commands of the catalog by their bytes, which nobody changes: a leader looks
 * into one before it proposes it and again when it is applied, and in a
 * simulation all members apply the same bytes.
 */
const catalogCommands = new WeakMap<Uint8Array, Command>()

/** Small values: 256 of them are no matter. */
const keptBytesMax = 1024
const recentlyDecoded = new RecentlyMade(decodeCommand, keptBytesMax)

/** As `decodeCommand`, once for all members of this process: for writes of one key, of which the state machine keeps copies only. */
export function decodeApplied(entryIndex: number, data: Uint8Array): Command | InvalidCommand {
  return data[1] === codes.set || data[1] === codes.cas ? recentlyDecoded.of(entryIndex, data) : decodeCommand(data)
}

/** Never throws. The value is a view into `data`. */
export function decodeCommand(data: Uint8Array): Command | InvalidCommand {
  const known = catalogCommands.get(data)
  if (known !== undefined) return known
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  if (bytes.length < keyOffset) return invalid(`a command of ${bytes.length} bytes is too short`)
  if (bytes[0] !== version) return invalid(`command version ${bytes[0]} is unknown; this member understands version ${version}`)
  if (bytes[1]! >= fieldCodeMin && bytes[1]! <= fieldCodeMax) return decodeFields(bytes)
  const offset = keyOffset + bytes.readUInt32LE(2)
  if (offset > bytes.length) return invalid(`the key should end at byte ${offset}, but the command at ${bytes.length}`)
  const keyBytes = bytes.subarray(keyOffset, offset)
  if (!isUtf8(keyBytes)) return invalid('the key is not UTF-8')
  const key = keyBytes.toString('utf8')
  const restBytes = bytes.length - offset
  switch (bytes[1]) {
    case codes.set:
      if (restBytes < 8) return invalid(`a set with ${restBytes} bytes after the key is too short`)
      return { kind: 'set', key, flags: bytes.readBigUInt64LE(offset), value: bytes.subarray(offset + 8) }
    case codes.cas: {
      if (restBytes < 16) return invalid(`a cas with ${restBytes} bytes after the key is too short`)
      const modifyIndex = readIndex(bytes, offset)
      if (modifyIndex === null) return invalid('the expected index is above 2^53 - 1')
      return { kind: 'cas', key, modifyIndex, flags: bytes.readBigUInt64LE(offset + 8), value: bytes.subarray(offset + 16) }
    }
    case codes['delete-cas']: {
      if (restBytes !== 8) return invalid(`a delete-cas has 8 bytes after the key, not ${restBytes}`)
      const modifyIndex = readIndex(bytes, offset)
      if (modifyIndex === null) return invalid('the expected index is above 2^53 - 1')
      return { kind: 'delete-cas', key, modifyIndex }
    }
    case codes.delete:
      if (restBytes !== 0) return invalid(`a delete has nothing after the key, but here are ${restBytes} bytes`)
      return { kind: 'delete', key }
    case codes['delete-tree']:
      if (restBytes !== 0) return invalid(`a delete-tree has nothing after the prefix, but here are ${restBytes} bytes`)
      return { kind: 'delete-tree', prefix: key }
    case autopilotCode:
      return decodeAutopilotRest(bytes.subarray(offset))
    default: {
      const command = decodeCatalogRest(bytes[1]!, key, bytes.subarray(offset))
      if (command.kind !== 'invalid') catalogCommands.set(data, command)
      return command
    }
  }
}

const lockCodes: ReadonlySet<number | undefined> = new Set([sessionCodes.lock, sessionCodes['session-destroy'], sessionCodes['session-expire'], txnCode, ...Object.values(catalogCodes)])

/** Whether it may take a lock or end a session: what a leader looks into before it proposes. Does not decode. */
export function mayConcernLocks(command: Uint8Array): boolean {
  return command[0] === version && lockCodes.has(command[1])
}

function decodeFields(bytes: Buffer): Command | InvalidCommand {
  const reader = new ByteReader(bytes, 2)
  try {
    const command = bytes[1] === txnCode ? readTxn(reader) : readSessionCommand(bytes[1]!, reader) ?? readRestoreCommand(bytes[1]!, reader)
    if (command === null) return invalid(`command ${bytes[1]} is unknown`)
    reader.end()
    return command
  } catch (error) {
    if (error instanceof MalformedError) return invalid(`command ${bytes[1]}: ${error.message}`)
    throw error
  }
}

function invalid(problem: string): InvalidCommand {
  return { kind: 'invalid', problem }
}

/** A buffer with everything up to the key's end, and where that is. */
function begin(code: number, key: string, restBytes: number): [bytes: Buffer, offset: number] {
  const keyBytes = Buffer.byteLength(key)
  const offset = keyOffset + keyBytes
  const bytes = Buffer.allocUnsafe(offset + restBytes)
  bytes[0] = version
  bytes[1] = code
  bytes.writeUInt32LE(keyBytes, 2)
  bytes.write(key, keyOffset, 'utf8')
  return [bytes, offset]
}

function withRest(code: number, key: string, rest: Uint8Array): Uint8Array {
  const [bytes, offset] = begin(code, key, rest.length)
  bytes.set(rest, offset)
  return bytes
}

function writeFlags(bytes: Buffer, flags: bigint, offset: number): void {
  invariant(flags >= 0n && flags <= flagsMax, () => `flags ${flags} do not fit 64 bits without sign`)
  // Hardly anybody gives any, and arithmetic of bigints is slow.
  if (flags === 0n) bytes.fill(0, offset, offset + 8)
  else bytes.writeBigUInt64LE(flags, offset)
}

function writeIndex(bytes: Buffer, index: number, offset: number): void {
  invariant(Number.isSafeInteger(index) && index >= 0, () => `index ${index} is not a safe integer of at least 0`)
  bytes.writeUInt32LE(index >>> 0, offset)
  bytes.writeUInt32LE(Math.floor(index / 0x1_0000_0000), offset + 4)
}

function readIndex(bytes: Buffer, offset: number): number | null {
  const index = bytes.readUInt32LE(offset + 4) * 0x1_0000_0000 + bytes.readUInt32LE(offset)
  return Number.isSafeInteger(index) ? index : null
}
