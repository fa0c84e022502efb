/**
 * The bytes of messages. Numbers are unsigned LEB128, strings UTF-8 behind
 * their length.
 *
 * A datagram: magic u8, version u8, CRC-32 u32 (little-endian), then messages,
 * each behind its length; unknown kinds are skipped, so that a newer member may
 * send more. A stream carries one request and one answer: magic u8, version u8,
 * CRC-32 u32, length u32, one message. The CRC begins with the cluster's label:
 * members of different clusters that meet on a reused address read each other
 * as damaged, and say so.
 */
import { crc32 } from 'node:zlib'
import { unreachable } from '../base/assert.ts'
import { ByteReader, ByteWriter, WireError } from './byte-buffer.ts'
import { Interned } from './interned.ts'
import { limits, type MemberRecord, type MemberState, type PacketMessage, type StreamMessage, type Tags, type UserEvent } from './message.ts'

export { WireError }

export type Parsed<T> = { readonly ok: true, readonly value: T } | { readonly ok: false, readonly error: string }

const packetMagic = 0xe5
const streamMagic = 0xe6
const version = 1
export const packetHeaderBytes = 6
export const streamHeaderBytes = 10
/** A datagram's message is behind a length of at most this. */
export const messageOverheadBytes = 2
const { nameBytesMax, addressBytesMax, tagsBytesMax, userEventBytesMax, counterMax } = limits
const sequenceMax = 2 ** 32 - 1

const packetKinds = ['ping', 'ping-request', 'ack', 'nack', 'suspect', 'alive', 'dead', 'join-intent', 'leave-intent', 'user-event'] as const satisfies readonly PacketMessage['kind'][]
const streamKinds = ['push-pull', 'stream-ping', 'stream-ack'] as const satisfies readonly StreamMessage['kind'][]
const states = ['alive', 'suspect', 'dead', 'left'] as const satisfies readonly MemberState[]

/** The start of every checksum in the cluster of that label. */
export function labelSeed(label: string): number {
  return crc32(label)
}

/** For one message at a time; whoever begins clears it. */
const scratch = new ByteWriter()
const scratchTags = new ByteWriter()

/** What members say again and again. Neither is ever changed. */
const encodedTags = new WeakMap<Tags, Uint8Array>()
const encodedEvents = new WeakMap<UserEvent, Uint8Array>()
const knownTags = new Interned<Tags>(1024)
const knownEvents = new Interned<UserEvent>(2048)

/** One message without its length. Throws WireError if a part of it is above the limits. */
export function encodeMessage(message: PacketMessage): Uint8Array {
  const writer = scratch.clear()
  writer.u8(packetKinds.indexOf(message.kind))
  switch (message.kind) {
    case 'ping':
      writer.varint(message.sequence)
      writer.string(message.target, 'target', nameBytesMax)
      break
    case 'ping-request':
      writer.varint(message.sequence)
      writer.string(message.target, 'target', nameBytesMax)
      writer.string(message.targetAddress, 'target address', addressBytesMax)
      break
    case 'ack':
    case 'nack':
      writer.varint(message.sequence)
      break
    case 'suspect':
    case 'dead':
      writer.string(message.name, 'name', nameBytesMax)
      writer.varint(message.incarnation)
      writer.string(message.from, 'from', nameBytesMax)
      break
    case 'alive':
      writer.string(message.name, 'name', nameBytesMax)
      writer.string(message.address, 'address', addressBytesMax)
      writer.varint(message.incarnation)
      writeTags(writer, message.tags)
      break
    case 'join-intent':
      writer.string(message.name, 'name', nameBytesMax)
      writer.varint(message.time)
      break
    case 'leave-intent':
      writer.string(message.name, 'name', nameBytesMax)
      writer.varint(message.time)
      writer.u8(message.prune ? 1 : 0)
      break
    case 'user-event':
      writeEvent(writer, message)
      break
    default: return unreachable(message)
  }
  return writer.copy()
}

/** Throws WireError. Null: a kind that this version does not know. */
function decodeMessage(reader: ByteReader): PacketMessage | null {
  const kind = packetKinds[reader.u8('a kind')]
  if (kind === undefined) return null
  const message = readMessage(reader, kind)
  reader.end(kind)
  return message
}

function readMessage(reader: ByteReader, kind: PacketMessage['kind']): PacketMessage {
  switch (kind) {
    case 'ping':
      return { kind, sequence: reader.varint('sequence', sequenceMax), target: name(reader, 'target') }
    case 'ping-request':
      return { kind, sequence: reader.varint('sequence', sequenceMax), target: name(reader, 'target'), targetAddress: reader.string('target address', addressBytesMax) }
    case 'ack':
    case 'nack':
      return { kind, sequence: reader.varint('sequence', sequenceMax) }
    case 'suspect':
    case 'dead':
      return { kind, name: name(reader, 'name'), incarnation: reader.varint('incarnation', counterMax), from: name(reader, 'from') }
    case 'alive':
      return { kind, name: name(reader, 'name'), address: reader.string('address', addressBytesMax), incarnation: reader.varint('incarnation', counterMax), tags: readTags(reader) }
    case 'join-intent':
      return { kind, name: name(reader, 'name'), time: reader.varint('time', counterMax) }
    case 'leave-intent':
      return { kind, name: name(reader, 'name'), time: reader.varint('time', counterMax), prune: flag(reader, 'prune') }
    case 'user-event':
      return readEvent(reader)
    default: return unreachable(kind)
  }
}

/** A datagram of messages that were encoded before. Not checked against a limit. */
export function encodePacket(messages: readonly Uint8Array[], seed: number): Uint8Array {
  const writer = scratch.clear()
  writer.u8(packetMagic)
  writer.u8(version)
  writer.u32(0)
  for (const message of messages) {
    writer.varint(message.length)
    writer.raw(message)
  }
  return sealed(writer, packetHeaderBytes, seed)
}

/** The messages of a datagram, whatever its bytes. One that is damaged anywhere counts for nothing. */
export function parsePacket(bytes: Uint8Array, seed: number): Parsed<PacketMessage[]> {
  return parsed(() => {
    if (bytes.length < packetHeaderBytes) throw new WireError(`a datagram of ${bytes.length} bytes is too short`)
    if (bytes[0] !== packetMagic) throw new WireError('what came is no gossip')
    checkSeal(bytes, packetHeaderBytes, seed)
    const reader = new ByteReader(bytes, packetHeaderBytes)
    const messages: PacketMessage[] = []
    while (reader.remaining > 0) {
      const message = decodeMessage(reader.inner('a message', bytes.length))
      if (message !== null) messages.push(message)
    }
    return messages
  })
}

/** A whole stream request or answer. Throws WireError if a part of it is above the limits. */
export function encodeStream(message: StreamMessage, seed: number): Uint8Array {
  const writer = scratch.clear()
  writer.u8(streamMagic)
  writer.u8(version)
  writer.u32(0)
  writer.u32(0)
  writer.u8(streamKinds.indexOf(message.kind))
  switch (message.kind) {
    case 'push-pull':
      writer.u8(message.join ? 1 : 0)
      writer.varint(message.intentClock)
      writer.varint(message.eventClock)
      writer.varint(message.members.length)
      for (const member of message.members) writeMember(writer, member)
      writer.varint(message.events.length)
      for (const event of message.events) writeEvent(writer, event)
      break
    case 'stream-ping':
      writer.string(message.target, 'target', nameBytesMax)
      break
    case 'stream-ack': break
    default: return unreachable(message)
  }
  writer.putU32(6, writer.length - streamHeaderBytes)
  return sealed(writer, 6, seed)
}

/**
 * The size of the whole message whose beginning is given; null while the
 * header is incomplete. So a receiver knows of a message that is no gossip, or
 * too large for it, before it keeps the bytes.
 */
export function streamSizeBytes(start: Uint8Array): Parsed<number | null> {
  if (start.length > 0 && start[0] !== streamMagic) return { ok: false, error: 'what came is no gossip' }
  if (start.length > 1 && start[1] !== version) return { ok: false, error: `the peer speaks version ${start[1]}, this member ${version}` }
  if (start.length < streamHeaderBytes) return { ok: true, value: null }
  return { ok: true, value: streamHeaderBytes + u32At(start, 6) }
}

export function parseStream(bytes: Uint8Array, seed: number): Parsed<StreamMessage> {
  return parsed(() => {
    const size = streamSizeBytes(bytes)
    if (!size.ok) throw new WireError(size.error)
    if (size.value !== bytes.length) throw new WireError(`${bytes.length} bytes came of ${size.value ?? 'a message'}`)
    checkSeal(bytes, 6, seed)
    const reader = new ByteReader(bytes, streamHeaderBytes)
    const kind = streamKinds[reader.u8('a kind')]
    if (kind === undefined) throw new WireError('a stream message of unknown kind')
    const message = readStreamMessage(reader, kind)
    reader.end(kind)
    return message
  })
}

function readStreamMessage(reader: ByteReader, kind: StreamMessage['kind']): StreamMessage {
  switch (kind) {
    case 'push-pull': {
      const join = flag(reader, 'join')
      const intentClock = reader.varint('clock', counterMax)
      const eventClock = reader.varint('clock', counterMax)
      // Every element takes a byte at least: a count above what is left is a lie.
      const members = Array.from({ length: reader.varint('members', reader.remaining) }, () => readMember(reader))
      const events = Array.from({ length: reader.varint('events', reader.remaining) }, () => readEvent(reader))
      return { kind, join, intentClock, eventClock, members, events }
    }
    case 'stream-ping': return { kind, target: name(reader, 'target') }
    case 'stream-ack': return { kind }
    default: return unreachable(kind)
  }
}

function writeMember(writer: ByteWriter, member: MemberRecord): void {
  writer.u8(states.indexOf(member.state) | (member.leaving ? 0x80 : 0))
  writer.string(member.name, 'name', nameBytesMax)
  writer.string(member.address, 'address', addressBytesMax)
  writer.varint(member.incarnation)
  writer.varint(member.intentTime)
  writeTags(writer, member.tags)
}

function readMember(reader: ByteReader): MemberRecord {
  const bits = reader.u8('a state')
  const state = states[bits & 0x7f]
  if (state === undefined) throw new WireError(`${bits & 0x7f} is no state of a member`)
  return {
    state, leaving: bits >= 0x80, name: name(reader, 'name'), address: reader.string('address', addressBytesMax),
    incarnation: reader.varint('incarnation', counterMax), intentTime: reader.varint('time', counterMax), tags: readTags(reader),
  }
}

function writeTags(writer: ByteWriter, tags: Tags): void {
  let bytes = encodedTags.get(tags)
  if (bytes === undefined) {
    const inner = scratchTags.clear()
    for (const [key, value] of Object.entries(tags)) {
      inner.string(key, 'tag', tagsBytesMax)
      inner.string(value, 'tag', tagsBytesMax)
    }
    encodedTags.set(tags, bytes = inner.copy())
  }
  writer.bytes(bytes, 'tags', tagsBytesMax)
}

function readTags(reader: ByteReader): Tags {
  const start = reader.offset
  const inner = reader.inner('tags', tagsBytesMax)
  return knownTags.get(reader.since(start), () => {
    const entries: [string, string][] = []
    while (inner.remaining > 0) entries.push([inner.string('tag', tagsBytesMax), inner.string('tag', tagsBytesMax)])
    // Defines own properties: a tag "__proto__" stays a tag.
    return Object.freeze(Object.fromEntries(entries))
  })
}

/** Encoded size, for a check before they are taken. */
export function tagsBytes(tags: Tags): number {
  const writer = new ByteWriter()
  for (const [key, value] of Object.entries(tags)) {
    writer.string(key, 'tag', 2 ** 20)
    writer.string(value, 'tag', 2 ** 20)
  }
  return writer.length
}

function writeEvent(writer: ByteWriter, event: UserEvent): void {
  const known = encodedEvents.get(event)
  if (known !== undefined) return writer.raw(known)
  const start = writer.length
  writer.varint(event.time)
  writer.string(event.origin, 'origin', nameBytesMax)
  writer.string(event.name, 'event name', nameBytesMax)
  writer.bytes(event.payload, 'payload', userEventBytesMax)
  encodedEvents.set(event, writer.view(start).slice())
}

function readEvent(reader: ByteReader): UserEvent {
  const { offset } = reader
  reader.varint('time', counterMax)
  reader.skip('origin', nameBytesMax)
  reader.skip('event name', nameBytesMax)
  reader.skip('payload', userEventBytesMax)
  return knownEvents.get(reader.since(offset), () => {
    const again = reader.from(offset)
    return {
      kind: 'user-event', time: again.varint('time', counterMax), origin: name(again, 'origin'), name: again.string('event name', nameBytesMax),
      payload: Uint8Array.from(again.bytes('payload', userEventBytesMax)),
    }
  })
}

function name(reader: ByteReader, what: string): string {
  const text = reader.string(what, nameBytesMax)
  if (text === '') throw new WireError(`${what} is empty`)
  return text
}

function flag(reader: ByteReader, what: string): boolean {
  const byte = reader.u8(what)
  if (byte > 1) throw new WireError(`${what} is neither true nor false`)
  return byte === 1
}

/** What was written, with the checksum of what is behind byte `from` in bytes 2 to 5. */
function sealed(writer: ByteWriter, from: number, seed: number): Uint8Array {
  writer.putU32(2, crc32(writer.view(from), seed))
  return writer.copy()
}

function checkSeal(bytes: Uint8Array, from: number, seed: number): void {
  if (bytes[1] !== version) throw new WireError(`the peer speaks version ${bytes[1]}, this member ${version}`)
  if (u32At(bytes, 2) !== crc32(bytes.subarray(from), seed)) throw new WireError('the checksum does not match: damaged, or of another cluster')
}

function u32At(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! | bytes[offset + 1]! << 8 | bytes[offset + 2]! << 16 | bytes[offset + 3]! << 24) >>> 0
}

function parsed<T>(parse: () => T): Parsed<T> {
  try {
    return { ok: true, value: parse() }
  } catch (error) {
    if (error instanceof WireError) return { ok: false, error: error.message }
    throw error
  }
}
