/** Bytes that do not follow the format; the message is for the log. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const slabBytes = 8192
let slab = new ArrayBuffer(slabBytes)
let slabUsed = 0

/**
 * Bytes of their own, not cleared. Short ones are cut from a common block: a
 * block for each, as a typed array has by itself, takes ten times as long.
 */
function allocate(length: number): Uint8Array {
  if (length > slabBytes / 8) return new Uint8Array(length)
  if (slabUsed + length > slabBytes) {
    slab = new ArrayBuffer(slabBytes)
    slabUsed = 0
  }
  const bytes = new Uint8Array(slab, slabUsed, length)
  slabUsed += length
  return bytes
}

/** Appends to a buffer that grows and is used again. Unsigned LEB128 numbers, UTF-8 strings behind their length in bytes. */
export class ByteWriter {
  #bytes: Uint8Array
  #length = 0

  constructor(capacity = 2048) {
    this.#bytes = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** Begins anew. */
  clear(): this {
    this.#length = 0
    return this
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#length += 4
    this.putU32(this.#length - 4, value)
  }

  /** Over what was written at `offset`. */
  putU32(offset: number, value: number): void {
    this.#bytes[offset] = value
    this.#bytes[offset + 1] = value >>> 8
    this.#bytes[offset + 2] = value >>> 16
    this.#bytes[offset + 3] = value >>> 24
  }

  /** A whole number up to 2^53 − 1. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new WireError(`${value} is no whole number from 0`)
    let rest = value
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.u8(rest)
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  bytes(bytes: Uint8Array, what: string, bytesMax: number): void {
    if (bytes.length > bytesMax) throw new WireError(`${what} has ${bytes.length} bytes, more than ${bytesMax}`)
    this.varint(bytes.length)
    this.raw(bytes)
  }

  string(text: string, what: string, bytesMax: number): void {
    // Nearly all are a few letters of ASCII: written in place, without bytes of their own.
    const { length } = text
    if (length >= 0x80 || length > bytesMax) return this.bytes(Buffer.from(text), what, bytesMax)
    this.#reserve(1 + length)
    const bytes = this.#bytes
    const start = this.#length + 1
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) return this.bytes(Buffer.from(text), what, bytesMax)
      bytes[start + i] = unit
    }
    bytes[start - 1] = length
    this.#length = start + length
  }

  /** What was written, from `start` on; a view that the next write may change. */
  view(start = 0): Uint8Array {
    return this.#bytes.subarray(start, this.#length)
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    const copy = allocate(this.#length)
    copy.set(this.view())
    return copy
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more))
    larger.set(this.view())
    this.#bytes = larger
  }
}

/** Reads what ByteWriter wrote. Every method throws WireError, and nothing else, on bytes that are not of the format. */
export class ByteReader {
  readonly #bytes: Buffer
  #offset: number
  readonly #end: number

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#offset = start
    this.#end = end
  }

  get remaining(): number {
    return this.#end - this.#offset
  }

  get offset(): number {
    return this.#offset
  }

  u8(what: string): number {
    if (this.#offset >= this.#end) throw new WireError(`the bytes end before ${what}`)
    return this.#bytes[this.#offset++]!
  }

  varint(what: string, max: number): number {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = this.u8(what)
      value += (byte & 0x7f) * factor
      if (value > max) throw new WireError(`${what} is above ${max}`)
      if (byte < 0x80) return value
      factor *= 0x80
      if (factor > 2 ** 49) throw new WireError(`${what} has too many bytes`)
    }
  }

  /** A view, not a copy. */
  bytes(what: string, bytesMax: number): Uint8Array {
    const length = this.skip(what, bytesMax)
    return this.#bytes.subarray(this.#offset - length, this.#offset)
  }

  /** Reads on inside the next bytes only. */
  inner(what: string, bytesMax: number): ByteReader {
    const length = this.skip(what, bytesMax)
    return new ByteReader(this.#bytes, this.#offset - length, this.#offset)
  }

  /** Another, which reads what this one has gone past. */
  from(offset: number): ByteReader {
    return new ByteReader(this.#bytes, offset, this.#end)
  }

  /** Goes past bytes, or past a string that is not looked at. Returns how many. */
  skip(what: string, bytesMax: number): number {
    const length = this.varint(`the length of ${what}`, bytesMax)
    if (length > this.remaining) throw new WireError(`${what} has ${length} bytes, but ${this.remaining} are left`)
    this.#offset += length
    return length
  }

  string(what: string, bytesMax: number): string {
    const length = this.skip(what, bytesMax)
    const bytes = this.#bytes
    const end = this.#offset
    const start = end - length
    for (let at = start; at < end; at++) if (bytes[at]! >= 0x80) return this.#decode(start, what)
    return bytes.toString('latin1', start, end)
  }

  /** The bytes from `start` to here as a key: one character for each. */
  since(start: number): string {
    return this.#bytes.toString('latin1', start, this.#offset)
  }

  end(what: string): void {
    if (this.remaining > 0) throw new WireError(`${this.remaining} bytes too many after ${what}`)
  }

  #decode(start: number, what: string): string {
    try {
      return decoder.decode(this.#bytes.subarray(start, this.#offset))
    } catch {
      throw new WireError(`${what} is not UTF-8`)
    }
  }
}
