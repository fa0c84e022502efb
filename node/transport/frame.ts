/**
 * The bytes on a connection between servers. One side dials and sends, the
 * other listens; all numbers little-endian.
 *
 * Dialler to listener: a greeting (magic, version u8, length u16, a msgpack map
 * with the cluster and the dialler's advertised address), then frames: length
 * u32 and a msgpack array of messages. What one tick sends is one frame.
 *
 * Listener to dialler: a welcome (magic, version u8) once the greeting is
 * accepted, then now and then how many bytes it has received so far, u32
 * modulo 2^32. By that a dialler knows a stalled connection long before TCP does.
 */
import { Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr'
import { invariant } from '../base/assert.ts'

export interface Greeting {
  /** Servers of different clusters do not talk. */
  readonly cluster: string
  /** The dialler's advertised `host:port`. */
  readonly address: string
}

/** Bytes that do not follow the above. The connection is closed; the message is for the log. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

const protocolVersion = 1
const greetingMagic = Buffer.from('SPLITRPC', 'latin1')
const welcomeMagic = Buffer.from('SPLITOK!', 'latin1')
const greetingHeaderBytes = greetingMagic.length + 3
const greetingBodyBytesMax = 1024
const lengthBytes = 4
export const receivedCountBytes = 4

// Records would keep state between frames; plain maps let each stand alone.
const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true })

export const welcome: Buffer = Buffer.concat([welcomeMagic, Buffer.of(protocolVersion)])

/** Throws ProtocolError if the cluster's name or the address is absurdly long. */
export function encodeGreeting(greeting: Greeting): Buffer {
  const body = packr.pack({ cluster: greeting.cluster, address: greeting.address })
  if (body.length > greetingBodyBytesMax) throw new ProtocolError(`a greeting of ${body.length} bytes is above the limit of ${greetingBodyBytesMax}`)
  const header = Buffer.alloc(greetingHeaderBytes)
  greetingMagic.copy(header)
  header[greetingMagic.length] = protocolVersion
  header.writeUInt16LE(body.length, greetingMagic.length + 1)
  return Buffer.concat([header, body])
}

/**
 * The greeting at the start of `bytes` and its size, or null while it is
 * incomplete. Throws ProtocolError as soon as it cannot become one.
 */
export function decodeGreeting(bytes: Buffer): { greeting: Greeting, sizeBytes: number } | null {
  const seen = Math.min(bytes.length, greetingMagic.length)
  if (!bytes.subarray(0, seen).equals(greetingMagic.subarray(0, seen))) {
    throw new ProtocolError(`what came is no greeting of a server: ${JSON.stringify(bytes.subarray(0, 16).toString('latin1'))}`)
  }
  if (bytes.length < greetingHeaderBytes) return null
  const version = bytes[greetingMagic.length]
  if (version !== protocolVersion) throw new ProtocolError(`the peer speaks protocol version ${version}, this server ${protocolVersion}`)
  const bodyBytes = bytes.readUInt16LE(greetingMagic.length + 1)
  if (bodyBytes > greetingBodyBytesMax) throw new ProtocolError(`a greeting of ${bodyBytes} bytes is above the limit of ${greetingBodyBytesMax}`)
  const sizeBytes = greetingHeaderBytes + bodyBytes
  if (bytes.length < sizeBytes) return null
  const body = unpack(bytes.subarray(greetingHeaderBytes, sizeBytes))
  const { cluster, address } = typeof body === 'object' && body !== null ? body as Partial<Greeting> : {}
  if (typeof cluster !== 'string' || typeof address !== 'string') throw new ProtocolError('the greeting names no cluster and address')
  return { greeting: { cluster, address }, sizeBytes }
}

/** One frame with its length before it, in one buffer. Not checked against any limit. */
export function encodeFrame(messages: readonly unknown[]): Buffer {
  const frame = packr.pack(messages, RESERVE_START_SPACE | lengthBytes)
  frame.writeUInt32LE(frame.length - lengthBytes, 0)
  return frame
}

/** The bytes of a frame that count against a limit: all but the length. */
export function frameBodyBytes(frame: Buffer): number {
  return frame.length - lengthBytes
}

function unpack(body: Buffer): unknown {
  try {
    return unpackr.unpack(body)
  } catch (error) {
    throw new ProtocolError(`${body.length} bytes are no msgpack: ${(error as Error).message}`)
  }
}

/**
 * Cuts a stream into frames. A frame inside one chunk is decoded in place, so
 * binary data of messages are views into what the socket gave; a frame over
 * several chunks is joined once, when it is complete.
 */
export class FrameReader {
  readonly #frameBytesMax: number
  #chunks: Buffer[] = []
  #bufferedBytes = 0
  /** Of the frame being waited for, with its length; null while that is not known. */
  #wantedBytes: number | null = null

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax
  }

  /** Of a frame that is not whole yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** The messages that `chunk` completes, in order. Throws ProtocolError; the reader is of no use then. */
  read(chunk: Buffer): unknown[] {
    this.#chunks.push(chunk)
    this.#bufferedBytes += chunk.length
    if (this.#bufferedBytes < (this.#wantedBytes ?? lengthBytes)) return []
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#bufferedBytes)
    const messages: unknown[] = []
    let offset = 0
    this.#wantedBytes = null
    while (bytes.length - offset >= lengthBytes) {
      const bodyBytes = bytes.readUInt32LE(offset)
      if (bodyBytes > this.#frameBytesMax) throw new ProtocolError(`a frame of ${bodyBytes} bytes is above the limit of ${this.#frameBytesMax}`)
      const end = offset + lengthBytes + bodyBytes
      if (end > bytes.length) {
        this.#wantedBytes = end - offset
        break
      }
      const body = unpack(bytes.subarray(offset + lengthBytes, end))
      if (!Array.isArray(body)) throw new ProtocolError('a frame is not a list of messages')
      for (const message of body) messages.push(message)
      offset = end
    }
    invariant(offset <= bytes.length, () => `read ${offset} of ${bytes.length} bytes`)
    this.#chunks = offset === bytes.length ? [] : [bytes.subarray(offset)]
    this.#bufferedBytes = bytes.length - offset
    return messages
  }
}
