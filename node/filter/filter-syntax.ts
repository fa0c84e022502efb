/**
 * The language of `?filter=` (Consul's HTTP API, "Filtering"), parsed by
 * descent:
 *
 *     or      = and { "or" and }
 *     and     = unary { "and" unary }
 *     unary   = "not" unary | "(" or ")" | match
 *     match   = selector ("==" | "!=" | ["not"] "contains" | ["not"] "matches") value
 *             | selector "is" ["not"] "empty"
 *             | value ["not"] "in" selector
 *     selector = name { "." name | "[" quoted "]" }
 *     value   = bare | "quoted" | `raw`
 */

export type FilterExpression =
  | { readonly kind: 'or' | 'and', readonly left: FilterExpression, readonly right: FilterExpression }
  | { readonly kind: 'not', readonly operand: FilterExpression }
  | FilterMatch

export interface FilterMatch {
  readonly kind: 'match'
  readonly selector: readonly string[]
  readonly operator: FilterOperator
  /** Empty for `empty`. */
  readonly value: string
}

/** What is negated has `not` around it, but for `!=`, which is no negation of lists. */
export type FilterOperator = 'equal' | 'not-equal' | 'in' | 'not-in' | 'empty' | 'not-empty' | 'matches' | 'not-matches'

/** `message`: where and what, as Consul says it behind "Failed to create boolean expression evaluator: ". */
export class FilterError extends Error {
  override readonly name = 'FilterError'
}

interface Token {
  readonly kind: 'word' | 'string' | 'symbol' | 'end'
  readonly text: string
  readonly offset: number
}

/** Deeper than anybody writes, and far from what a call stack holds. */
const depthMax = 200

/** Throws FilterError. */
export function parseFilter(text: string): FilterExpression {
  return new Parser(tokenize(text), text).whole()
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  const pattern = /\s+|(?<string>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?<symbol>==|!=|[()[\]])|(?<word>[^\s()[\]"`=!]+)/uy
  while (pattern.lastIndex < text.length) {
    const offset = pattern.lastIndex
    const groups = pattern.exec(text)?.groups
    if (groups === undefined) throw problemAt(text, offset, 'no match found, an operator, a name or a quoted text is expected')
    if (groups['string'] !== undefined) tokens.push({ kind: 'string', text: unquote(groups['string'], text, offset), offset })
    else if (groups['symbol'] !== undefined) tokens.push({ kind: 'symbol', text: groups['symbol'], offset })
    else if (groups['word'] !== undefined) tokens.push({ kind: 'word', text: groups['word'], offset })
  }
  tokens.push({ kind: 'end', text: '', offset: text.length })
  return tokens
}

function unquote(quoted: string, text: string, offset: number): string {
  if (quoted.startsWith('`')) return quoted.slice(1, -1)
  try {
    return JSON.parse(quoted) as string
  } catch {
    throw problemAt(text, offset, 'the quoted text has an escape that is none')
  }
}

function problemAt(text: string, offset: number, problem: string): FilterError {
  const before = text.slice(0, offset).split('\n')
  return new FilterError(`${before.length}:${before.at(-1)!.length + 1} (${offset}): ${problem}`)
}

/** What Consul's parser, made from a grammar, says that it would have taken: from the classes of characters, in order. */
const space = '[ \\t\\r\\n]'
const value = '"-", "0", "\\"", "`", [ \\t\\r\\n], [1-9] or [a-zA-Z]'
const beginning = '"(", "-", "0", "\\"", "`", "not", [ \\t\\r\\n], [1-9] or [a-zA-Z]'
const afterSelector = '"!=", ".", "==", "[", [ \\t\\r\\n] or [a-zA-Z0-9_]'
const afterExpression = '"and", "or", [ \\t\\r\\n] or EOF'
const afterGluedNumber = '".", [ \\t\\r\\n], [0-9] or EOF'
const afterGluedWord = '".", [ \\t\\r\\n] or EOF'

class Parser {
  readonly #tokens: readonly Token[]
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[], text: string) {
    this.#tokens = tokens
    this.#text = text
  }

  whole(): FilterExpression {
    const expression = this.#or()
    if (this.#next.kind !== 'end') throw this.#problem(this.#tokens[this.#at - 1]?.kind === 'word' && this.#isGlued() ? (/^-?[1-9]\d*$/.test(this.#tokens[this.#at - 1]!.text) ? afterGluedNumber : afterGluedWord) : afterExpression)
    return expression
  }

  get #next(): Token {
    return this.#tokens[this.#at]!
  }

  #or(): FilterExpression {
    if (++this.#depth > depthMax) throw problemAt(this.#text, this.#next.offset, `more than ${depthMax} levels deep`)
    let left = this.#and()
    while (this.#takeWord('or')) left = { kind: 'or', left, right: this.#and() }
    this.#depth--
    return left
  }

  #and(): FilterExpression {
    let left = this.#unary()
    while (this.#takeWord('and')) left = { kind: 'and', left, right: this.#unary() }
    return left
  }

  #unary(): FilterExpression {
    let negations = 0
    while (this.#takeWord('not')) negations++
    let operand = this.#takeSymbol('(') ? this.#parenthesized() : this.#match()
    // Twice is not at all.
    if (negations % 2 === 1) operand = { kind: 'not', operand }
    return operand
  }

  #parenthesized(): FilterExpression {
    const inner = this.#or()
    if (!this.#takeSymbol(')')) throw problemAt(this.#text, this.#next.offset, 'rule "grouping": Unmatched parentheses')
    return inner
  }

  #match(): FilterMatch {
    const first = this.#next
    if (first.kind !== 'word' && first.kind !== 'string') throw this.#problem(this.#at > 0 && this.#isGlued() ? space : beginning)
    if (first.kind === 'word' && !/^[a-zA-Z0-9-]/.test(first.text)) throw this.#problem(beginning)
    const second = this.#tokens[this.#at + 1]!
    const third = this.#tokens[this.#at + 2]
    const isIn = second.text === 'in' || (second.text === 'not' && third?.text === 'in')
    if (second.kind === 'word' && isIn) {
      this.#at++
      const negated = this.#takeWord('not')
      this.#at++
      return { kind: 'match', operator: negated ? 'not-in' : 'in', value: first.text, selector: this.#selector() }
    }
    if (first.kind === 'string') {
      this.#at++
      throw this.#problem(space)
    }
    const selector = this.#selector()
    if (this.#takeSymbol('==')) return { kind: 'match', operator: 'equal', selector, value: this.#value() }
    if (this.#takeSymbol('!=')) return { kind: 'match', operator: 'not-equal', selector, value: this.#value() }
    if (this.#takeWord('is')) {
      const negated = this.#takeWord('not')
      if (!this.#takeWord('empty')) throw this.#problem(negated ? '"empty"' : '"empty" or "not"')
      return { kind: 'match', operator: negated ? 'not-empty' : 'empty', selector, value: '' }
    }
    const negated = this.#takeWord('not')
    if (this.#takeWord('contains')) return { kind: 'match', operator: negated ? 'not-in' : 'in', selector, value: this.#value() }
    if (this.#takeWord('matches')) return { kind: 'match', operator: negated ? 'not-matches' : 'matches', selector, value: this.#value() }
    throw this.#problem(this.#isGlued() ? afterSelector : '"!=", "==", "contains", "in", "is", "matches", "not" or [ \\t\\r\\n]')
  }

  #selector(): string[] {
    const { kind, text } = this.#next
    if (kind !== 'word') throw this.#problem(kind === 'string' && this.#at > 0 ? space : 'a selector')
    const names = text.split('.')
    const good = /^[a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z][a-zA-Z0-9_]*)*/.exec(text)?.[0].length ?? 0
    if (good < text.length) throw problemAt(this.#text, this.#next.offset + good, `no match found, expected: ${good === 0 ? 'a selector' : afterSelector}`)
    this.#at++
    while (this.#takeSymbol('[')) {
      if (this.#next.kind !== 'string') throw this.#problem('a quoted name')
      names.push(this.#next.text)
      this.#at++
      if (!this.#takeSymbol(']')) throw this.#problem('"]"')
    }
    return names
  }

  #value(): string {
    const { kind, text } = this.#next
    if (kind !== 'word' && kind !== 'string') throw this.#problem(value)
    this.#at++
    return text
  }

  /** No space stands before what comes next. */
  #isGlued(): boolean {
    const { offset } = this.#next
    return offset === 0 || !/[ \t\r\n]/.test(this.#text[offset - 1]!)
  }

  #takeWord(text: string): boolean {
    return this.#take('word', text)
  }

  #takeSymbol(text: string): boolean {
    return this.#take('symbol', text)
  }

  #take(kind: Token['kind'], text: string): boolean {
    if (this.#next.kind !== kind || this.#next.text !== text) return false
    this.#at++
    return true
  }

  #problem(expected: string): FilterError {
    return problemAt(this.#text, this.#next.offset, `no match found, expected: ${expected}`)
  }
}
