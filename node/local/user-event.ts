/**
 * Events that users send to all agents (Consul's documentation, "Commands:
 * Event"), and their bytes in the gossip of members:
 *
 *     version u8  id 16 bytes  name, payload, node, service and tag filter: each u16 length, bytes
 */
import { isUtf8 } from 'node:buffer'
import { compilePattern } from '../filter/go-pattern.ts'

export interface UserEvent {
  /** A UUID. */
  readonly id: string
  readonly name: string
  readonly payload: Uint8Array
  /** RE2, each; empty: for all. Agents that do not fit pass the event on and do not keep it. */
  readonly nodeFilter: string
  readonly serviceFilter: string
  readonly tagFilter: string
  /** Of gossip; 0 for one that has just been fired here. */
  readonly lamportTime: number
}

/** What all user events are called in gossip; their own names may be longer than gossip allows. */
export const userEventChannel = 'consul:event'
export const userEventVersion = 1
/** Serf's limit, with the name, of the event as Consul encodes it. */
export const userEventBytesMax = 512

const idBytes = 16

export function encodeUserEvent({ id, name, payload, nodeFilter, serviceFilter, tagFilter }: Omit<UserEvent, 'lamportTime'>): Uint8Array {
  const parts = [Buffer.from(name), payload, Buffer.from(nodeFilter), Buffer.from(serviceFilter), Buffer.from(tagFilter)]
  const sized = parts.flatMap((part) => {
    const length = Buffer.alloc(2)
    length.writeUInt16LE(part.length)
    return [length, part]
  })
  return Buffer.concat([Buffer.from([userEventVersion]), Buffer.from(id.replaceAll('-', ''), 'hex'), ...sized])
}

/** Null for bytes that are no event of this version. */
export function decodeUserEvent(bytes: Uint8Array, lamportTime: number): UserEvent | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer[0] !== userEventVersion || buffer.length < 1 + idBytes) return null
  const hex = buffer.toString('hex', 1, 1 + idBytes)
  const parts: Buffer[] = []
  let at = 1 + idBytes
  while (parts.length < 5) {
    if (at + 2 > buffer.length) return null
    const end = at + 2 + buffer.readUInt16LE(at)
    if (end > buffer.length) return null
    parts.push(buffer.subarray(at + 2, end))
    at = end
  }
  const [name, payload, ...filters] = parts
  if (at !== buffer.length || [name!, ...filters].some((text) => !isUtf8(text))) return null
  const [nodeFilter, serviceFilter, tagFilter] = filters.map(String)
  const id = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  return { id, name: String(name), payload: payload!, nodeFilter: nodeFilter!, serviceFilter: serviceFilter!, tagFilter: tagFilter!, lamportTime }
}

/**
 * How long the event is in Consul's gossip: its name there with a MessagePack
 * map of what is not empty, and the two as a message of serf's, with a time of
 * one byte. Ours is shorter; the limit is Consul's all the same.
 */
export function consulBytes({ name, payload, nodeFilter, serviceFilter, tagFilter }: Pick<UserEvent, 'name' | 'payload' | 'nodeFilter' | 'serviceFilter' | 'tagFilter'>): { readonly before: number, readonly after: number } {
  const raw = (bytes: number) => (bytes < 32 ? 1 : bytes < 256 ? 2 : 3) + bytes
  const optional = (keyBytes: number, bytes: number) => bytes === 0 ? 0 : raw(keyBytes) + raw(bytes)
  const map = 1 + raw(2) + raw(36) + raw(1) + raw(Buffer.byteLength(name)) + optional(1, payload.length)
    + optional(2, Buffer.byteLength(nodeFilter)) + optional(2, Buffer.byteLength(serviceFilter)) + optional(2, Buffer.byteLength(tagFilter)) + raw(1) + 1
  const nameBytes = Buffer.byteLength(`consul:event:${name}`)
  // Serf writes MessagePack's older form, without lengths of one byte.
  const oldRaw = (bytes: number) => (bytes < 32 ? 1 : 3) + bytes
  const message = 2 + oldRaw(2) + 1 + oldRaw(5) + 1 + oldRaw(4) + oldRaw(nameBytes) + oldRaw(7) + oldRaw(map)
  return { before: nameBytes + map, after: message }
}

/** What an agent is, for filters. */
export interface EventAudience {
  readonly node: string
  readonly services: readonly { readonly id: string, readonly tags: readonly string[] }[]
}

/** Whether the event is for such an agent. A filter that is no pattern fits nobody. */
export function isMeantFor({ nodeFilter, serviceFilter, tagFilter }: UserEvent, { node, services }: EventAudience): boolean {
  const [fitsNode, fitsService, fitsTag] = [nodeFilter, serviceFilter, tagFilter].map(testOf)
  if (!fitsNode!(node)) return false
  if (serviceFilter === '') return true
  return services.some(({ id, tags }) => fitsService!(id) && (tagFilter === '' || tags.some(fitsTag!)))
}

function testOf(filter: string): (text: string) => boolean {
  if (filter === '') return () => true
  const compiled = compilePattern(filter)
  return compiled.kind === 'pattern' ? compiled.test : () => false
}
