/**
 * Bodies as Go's JSON decoder takes them: names of fields in any case, null as
 * absent, and its words for what it cannot take.
 */

import { decodeBase64 } from './base64.ts'
import { scanFirstValue } from './json-scan.ts'

/** `message` is what stands behind "Request decode failed: ". */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

/** The first value; what follows it is not looked at. The digits of a number beyond 2^53 are kept, as a bigint. Throws DecodeError. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return parse(body)
  } catch {
    const scanned = scanFirstValue(body)
    if (scanned.kind === 'problem') throw new DecodeError(scanned.problem)
    try {
      return parse(body.subarray(scanned.start, scanned.end))
    } catch (error) {
      // Go reads 10000 levels; how many fit here depends on the stack.
      if (error instanceof RangeError) throw new DecodeError(`invalid character '[' exceeded max depth`)
      throw error
    }
  }
}

function parse(body: Uint8Array): unknown {
  return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'), keepDigits)
}

/** The third argument is not yet in TypeScript's library. */
function keepDigits(this: unknown, _key: string, value: unknown, ...context: unknown[]): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = (context[0] as { source?: string } | undefined)?.source
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
}

/** Of which types, in Go's eyes, an object and its fields are: for errors. */
export interface GoNames {
  /** What the object was to be: `Go value of type api.TxnOp`, `Go struct field TxnOp.KV of type api.KVTxnOp`. */
  readonly object?: string
  /** The types of fields that are not simply of the type that they are read as: `{ Checks: '[]types.CheckID' }`. */
  readonly fields?: Readonly<Record<string, string>>
  /** Errors name the object, not the field: where Go's type reads itself. */
  readonly opaque?: boolean
}

/** The fields of an object. `path` stands before a field's name in errors, as in `.Check` or `KVTxnOp.KV`. */
export class JsonFields {
  readonly #fields = new Map<string, unknown>()
  /** As they were written. */
  readonly #given: string[] = []
  readonly #path: string
  readonly #goTypes: Readonly<Record<string, string>>
  readonly #opaque: boolean

  /** Throws DecodeError for anything but an object or null. */
  constructor(value: unknown, path = '', { object = 'Go value of type object', fields = {}, opaque = false }: GoNames = {}) {
    this.#path = path
    this.#opaque = opaque
    this.#goTypes = fields
    if (value === null || value === undefined) return
    if (typeof value !== 'object' || Array.isArray(value)) throw new DecodeError(`json: cannot unmarshal ${typeName(value)} into ${object}`)
    for (const [name, field] of Object.entries(value)) {
      this.#given.push(name)
      this.#fields.set(name.toLowerCase(), field)
    }
  }

  /** Throws DecodeError for a field of another name, in any case. */
  refuseOthers(known: readonly string[]): void {
    const names = new Set(known.map((name) => name.toLowerCase()))
    for (const name of this.#given) if (!names.has(name.toLowerCase())) throw new DecodeError(`json: unknown field ${JSON.stringify(name)}`)
  }

  /** Undefined if absent or null. */
  get(name: string): unknown {
    return this.#fields.get(name.toLowerCase()) ?? undefined
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  text(name: string): string | undefined {
    const value = this.get(name)
    if (value === undefined || typeof value === 'string') return value
    throw this.wrongType(name, 'string')
  }

  list(name: string): unknown[] | undefined {
    const value = this.get(name)
    if (value === undefined || Array.isArray(value)) return value
    throw this.wrongType(name, '[]string')
  }

  texts(name: string): string[] | undefined {
    return this.list(name)?.map((item) => {
      if (typeof item === 'string') return item
      const type = this.#goTypes[name]?.replace(/^\[\]/, '') ?? 'string'
      throw new DecodeError(`json: cannot unmarshal ${typeName(item)} into Go struct field ${this.#at(name)} of type ${type}`)
    })
  }

  /** A whole number without sign, of up to 64 bits. */
  unsigned(name: string): bigint | undefined {
    const value = this.get(name)
    if (value === undefined) return undefined
    if ((typeof value === 'bigint' || Number.isSafeInteger(value)) && (value as number) >= 0 && BigInt(value as number) < 2n ** 64n) return BigInt(value as number)
    throw this.wrongType(name, 'uint64')
  }

  /** Base64, as Go writes bytes; a list of numbers is taken too. */
  bytes(name: string): Uint8Array | undefined {
    const value = this.get(name)
    if (value === undefined) return undefined
    if (Array.isArray(value)) {
      return Uint8Array.from(value, (item: unknown) => {
        if (item === null) return 0
        if (typeof item === 'number' && Number.isInteger(item) && item >= 0 && item <= 255) return item
        const what = typeof item === 'number' || typeof item === 'bigint' ? `number ${item}` : typeName(item)
        throw new DecodeError(`json: cannot unmarshal ${what} into Go struct field ${this.#at(name)} of type uint8`)
      })
    }
    if (typeof value !== 'string') throw this.wrongType(name, '[]uint8')
    const decoded = decodeBase64(value)
    if (decoded.kind === 'corrupt') throw new DecodeError(`illegal base64 data at input byte ${decoded.at}`)
    return decoded.bytes
  }

  #at(name: string): string {
    return this.#opaque ? this.#path : `${this.#path}.${name}`
  }

  /** `value`: what was found, if it is not the field itself but something inside. */
  wrongType(name: string, wanted: string, value: unknown = this.get(name)): DecodeError {
    const isNumber = typeof value === 'number' || typeof value === 'bigint'
    const what = isNumber && (wanted === 'uint64' || wanted === 'int') ? `number ${value}` : typeName(value)
    return new DecodeError(`json: cannot unmarshal ${what} into Go struct field ${this.#at(name)} of type ${value === this.get(name) ? this.#goTypes[name] ?? wanted : wanted}`)
  }
}

/** What a value is in JSON, in Go's errors. */
export function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  switch (typeof value) {
    case 'string': return 'string'
    case 'number':
    case 'bigint': return 'number'
    case 'boolean': return 'bool'
    default: return 'object'
  }
}
