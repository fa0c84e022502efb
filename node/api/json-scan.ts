/**
 * Where the first JSON value of a text ends, and what is wrong with it in the
 * words of Go's scanner. Slower than JSON.parse: for what that has refused.
 */

/** What stands between the value's bytes, or why there is no value. */
export type ScannedJson =
  | { readonly kind: 'value', readonly start: number, readonly end: number }
  | { readonly kind: 'problem', readonly problem: string }

const depthMax = 10_000

/** `bytes`: UTF-8. What follows the value is not looked at, as Go's decoder of streams does not. */
export function scanFirstValue(bytes: Uint8Array): ScannedJson {
  try {
    return { kind: 'value', ...new Scanner(bytes).value() }
  } catch (error) {
    if (error instanceof Problem) return { kind: 'problem', problem: error.message }
    throw error
  }
}

class Problem extends Error {}

class Scanner {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  value(): { start: number, end: number } {
    this.#skipSpace()
    const start = this.#at
    if (start === this.#bytes.length) throw new Problem('EOF')
    /** What is open, outermost first. A list of its own: bodies may nest deeper than calls. */
    const open: ('{' | '[')[] = []
    do {
      const first = this.#take('looking for beginning of value', /[{["\-0-9tfn]/)
      if (first === '{' || first === '[') {
        if (open.length === depthMax) throw this.#problem('exceeded max depth', first)
        open.push(first)
        this.#skipSpace()
        if (this.#peek() !== closing[first]) {
          if (first === '{') this.#key()
          this.#skipSpace()
          continue
        }
        this.#at++
        open.pop()
      } else {
        this.#scalar(first)
      }
      this.#closeOrGoOn(open)
    } while (open.length > 0)
    return { start, end: this.#at }
  }

  /** Behind a value: closes what ends here, and stands before the next value, if one has to come. */
  #closeOrGoOn(open: ('{' | '[')[]): void {
    for (let container = open.at(-1); container !== undefined; container = open.at(-1)) {
      this.#skipSpace()
      const place = container === '{' ? 'after object key:value pair' : 'after array element'
      if (this.#take(place, container === '{' ? /[,}]/ : /[,\]]/) === ',') {
        this.#skipSpace()
        if (container === '{') this.#key()
        this.#skipSpace()
        return
      }
      open.pop()
    }
  }

  #key(): void {
    this.#take('looking for beginning of object key string', /"/)
    this.#string()
    this.#skipSpace()
    this.#take('after object key', /:/)
  }

  #scalar(first: string): void {
    switch (first) {
      case '"': return this.#string()
      case 't': return this.#literal('true')
      case 'f': return this.#literal('false')
      case 'n': return this.#literal('null')
      default: return this.#number(first)
    }
  }

  #literal(word: string): void {
    for (const letter of word.slice(1)) this.#take(`in literal ${word} (expecting '${letter}')`, new RegExp(letter))
  }

  #string(): void {
    for (;;) {
      const character = this.#take('in string literal', /[^\u0000-\u001f]/)
      if (character === '"') return
      if (character !== '\\') continue
      if (this.#take('in string escape code', /[bfnrt\\/"u]/) !== 'u') continue
      for (let i = 0; i < 4; i++) this.#take('in \\u hexadecimal character escape', /[0-9a-fA-F]/)
    }
  }

  #number(first: string): void {
    const whole = first === '-' ? this.#take('in numeric literal', /\d/) : first
    if (whole !== '0') this.#digits()
    if (this.#peek() === '.') {
      this.#at++
      this.#take('after decimal point in numeric literal', /\d/)
      this.#digits()
    }
    if (/[eE]/.test(this.#peek())) {
      this.#at++
      if (/[+-]/.test(this.#peek())) this.#at++
      this.#take('in exponent of numeric literal', /\d/)
      this.#digits()
    }
  }

  #digits(): void {
    while (/\d/.test(this.#peek())) this.#at++
  }

  #skipSpace(): void {
    while (/[ \t\r\n]/.test(this.#peek())) this.#at++
  }

  /** One byte as a character; '' at the end. */
  #peek(): string {
    const byte = this.#bytes[this.#at]
    return byte === undefined ? '' : String.fromCharCode(byte)
  }

  #take(place: string, wanted: RegExp): string {
    const character = this.#peek()
    if (character === '') throw new Problem('unexpected EOF')
    if (!wanted.test(character)) throw this.#problem(place, character)
    this.#at++
    return character
  }

  #problem(place: string, character: string): Problem {
    return new Problem(`invalid character ${quoted(character)} ${place}`)
  }
}

const closing = { '{': '}', '[': ']' } as const

/** As Go quotes a character: `'x'`, `'\''`, `'"'`, `'\n'`, `'\x00'`. */
function quoted(character: string): string {
  if (character === "'") return `'\\''`
  if (character === '"') return `'"'`
  const code = character.charCodeAt(0)
  const named = ({ 7: 'a', 8: 'b', 9: 't', 10: 'n', 11: 'v', 12: 'f', 13: 'r', 92: '\\' } as Record<number, string>)[code]
  if (named !== undefined) return `'\\${named}'`
  if (code < 0x20 || code === 0x7f) return `'\\x${code.toString(16).padStart(2, '0')}'`
  // What prints of Latin 1 is shown, the rest by number.
  return (code > 0x7f && code < 0xa1) || code === 0xad ? `'\\u${code.toString(16).padStart(4, '0')}'` : `'${character}'`
}
