/** Fields one behind another, little-endian: what commands with many fields are written with. */
import { isUtf8 } from 'node:buffer'
import { invariant } from '../base/assert.ts'

const u64Max = 0xffff_ffff_ffff_ffffn

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(256)
  #length = 0

  u8(value: number): this {
    // Before the buffer is looked at: making room may replace it.
    const at = this.#room(1)
    this.#bytes[at] = value
    return this
  }

  u32(value: number): this {
    const at = this.#room(4)
    this.#bytes.writeUInt32LE(value, at)
    return this
  }

  /** A bigint that must fit 64 bits without sign. */
  u64(value: bigint): this {
    invariant(value >= 0n && value <= u64Max, () => `${value} does not fit 64 bits without sign`)
    const at = this.#room(8)
    this.#bytes.writeBigUInt64LE(value, at)
    return this
  }

  /** An index or another count: a safe integer of at least 0, in 8 bytes. */
  count(value: number): this {
    invariant(Number.isSafeInteger(value) && value >= 0, () => `${value} is not a safe integer of at least 0`)
    return this.u64(BigInt(value))
  }

  /** Its length (u32), then its UTF-8 bytes. */
  text(value: string): this {
    return this.bytes(Buffer.from(value))
  }

  /** Its length (u32), then the bytes. */
  bytes(value: Uint8Array): this {
    this.u32(value.length)
    const at = this.#room(value.length)
    this.#bytes.set(value, at)
    return this
  }

  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #room(bytes: number): number {
    const at = this.#length
    this.#length += bytes
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, at)
      this.#bytes = larger
    }
    return at
  }
}

/** The bytes do not hold what they should. `message`: a sentence without its full stop. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError'
}

/** Reads what a ByteWriter wrote; throws MalformedError where it cannot. */
export class ByteReader {
  readonly #bytes: Buffer
  #at: number

  constructor(data: Uint8Array, offset = 0) {
    this.#bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    this.#at = offset
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4))
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8))
  }

  count(): number {
    const value = this.u64()
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new MalformedError(`the number ${value} is above 2^53 - 1`)
    return Number(value)
  }

  text(): string {
    const bytes = this.bytes()
    if (!isUtf8(bytes)) throw new MalformedError(`the text that ends at byte ${this.#at} is not UTF-8`)
    return (bytes as Buffer).toString('utf8')
  }

  /** A view. */
  bytes(): Uint8Array {
    const length = this.u32()
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new MalformedError(`${this.#bytes.length - this.#at} bytes are left over`)
  }

  #take(bytes: number): number {
    const at = this.#at
    if (at + bytes > this.#bytes.length) throw new MalformedError(`${bytes} bytes should stand at ${at}, but ${this.#bytes.length} bytes are all`)
    this.#at += bytes
    return at
  }
}
