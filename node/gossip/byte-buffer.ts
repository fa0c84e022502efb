/** Bytes that do not follow the format; the message is for the log. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Appends to a buffer that grows. Unsigned LEB128 numbers, UTF-8 strings behind their length in bytes. */
export class ByteWriter {
  #bytes: Uint8Array
  #length = 0

  constructor(capacity = 128) {
    this.#bytes = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  u32(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.u8((value >>> shift) & 0xff)
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
    // Of short texts a quarter of what TextEncoder takes.
    this.bytes(Buffer.from(text), what, bytesMax)
  }

  /** What was written; a view that the next write may change. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
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
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  u8(what: string): number {
    if (this.remaining < 1) throw new WireError(`the bytes end before ${what}`)
    return this.#bytes[this.#offset++]!
  }

  u32(what: string): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 24; factor *= 2 ** 8) value += this.u8(what) * factor
    return value
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
    const length = this.varint(`the length of ${what}`, bytesMax)
    if (length > this.remaining) throw new WireError(`${what} has ${length} bytes, but ${this.remaining} are left`)
    this.#offset += length
    return this.#bytes.subarray(this.#offset - length, this.#offset)
  }

  string(what: string, bytesMax: number): string {
    const bytes = this.bytes(what, bytesMax)
    try {
      return decoder.decode(bytes)
    } catch {
      throw new WireError(`${what} is not UTF-8`)
    }
  }

  end(what: string): void {
    if (this.remaining > 0) throw new WireError(`${this.remaining} bytes too many after ${what}`)
  }
}
