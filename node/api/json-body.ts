/**
 * Bodies as Go's JSON decoder takes them: names of fields in any case, null as
 * absent, and its words for what it cannot take.
 */

/** `message` is what stands behind "Request decode failed: ". */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

/** The digits of a number beyond 2^53 are kept, as a bigint. Throws DecodeError. */
export function parseJson(body: Uint8Array): unknown {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  try {
    return JSON.parse(text, keepDigits)
  } catch {
    throw new DecodeError(syntaxProblem(text))
  }
}

/** The third argument is not yet in TypeScript's library. */
function keepDigits(this: unknown, _key: string, value: unknown, ...context: unknown[]): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = (context[0] as { source?: string } | undefined)?.source
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
}

/** Near to what Go says; it names the first character that no JSON text can have there. */
function syntaxProblem(text: string): string {
  // The longest beginning that something could complete: what comes next is the
  // culprit. By halves, since a body may be large.
  let at = 0
  for (let bad = text.length + 1; bad - at > 1;) {
    const middle = (at + bad) >>> 1
    if (canGoOn(text.slice(0, middle))) at = middle
    else bad = middle
  }
  const culprit = text.slice(at).match(/^[^]/u)?.[0]
  if (culprit === undefined) return text.trim() === '' ? 'EOF' : 'unexpected EOF'
  const place = /\{\s*$/.test(text.slice(0, at)) ? 'looking for beginning of object key string' : 'looking for beginning of value'
  return `invalid character '${culprit}' ${place}`
}

/** Whether V8 misses only the end. */
function canGoOn(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    const { message } = error as Error
    const position = /at position (\d+)/.exec(message)?.[1]
    return /end of JSON|Unterminated/i.test(message) || Number(position) === text.length
  }
}

/** The fields of an object. `path` stands before a field's name in errors, as in `.Check`. */
export class JsonFields {
  readonly #fields = new Map<string, unknown>()
  readonly #path: string

  /** Throws DecodeError for anything but an object or null. */
  constructor(value: unknown, path = '') {
    this.#path = path
    if (value === null || value === undefined) return
    if (typeof value !== 'object' || Array.isArray(value)) throw new DecodeError(`json: cannot unmarshal ${typeName(value)} into Go value of type object`)
    for (const [name, field] of Object.entries(value)) this.#fields.set(name.toLowerCase(), field)
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
      throw new DecodeError(`json: cannot unmarshal ${typeName(item)} into Go struct field ${this.#path}.${name} of type string`)
    })
  }

  /** A whole number without sign, of up to 64 bits. */
  unsigned(name: string): bigint | undefined {
    const value = this.get(name)
    if (value === undefined) return undefined
    if ((typeof value === 'bigint' || Number.isSafeInteger(value)) && (value as number) >= 0 && BigInt(value as number) < 2n ** 64n) return BigInt(value as number)
    throw this.wrongType(name, 'uint64')
  }

  /** Base64, as Go writes bytes. */
  bytes(name: string): Uint8Array | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const clean = text.replace(/[\r\n]/g, '')
    const wrong = clean.search(/[^A-Za-z0-9+/]/)
    const digits = wrong < 0 ? clean.length : wrong
    if (clean.length % 4 !== 0 || !/^={0,2}$/.test(clean.slice(digits)) || (clean.length > digits && digits % 4 < 2)) {
      throw new DecodeError(`illegal base64 data at input byte ${digits}`)
    }
    return Buffer.from(clean, 'base64')
  }

  wrongType(name: string, wanted: string): DecodeError {
    const value = this.get(name)
    const what = typeof value === 'number' || typeof value === 'bigint' ? (wanted === 'uint64' ? `number ${value}` : 'number') : typeName(value)
    return new DecodeError(`json: cannot unmarshal ${what} into Go struct field ${this.#path}.${name} of type ${wanted}`)
  }
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  switch (typeof value) {
    case 'string': return 'string'
    case 'number':
    case 'bigint': return 'number'
    case 'boolean': return 'bool'
    default: return 'object'
  }
}
