import { unreachable } from '../base/assert.ts'
import { compilePattern } from './go-pattern.ts'
import { FilterError, type FilterExpression, type FilterMatch, type FilterOperator, parseFilter } from './filter-syntax.ts'

/** What stands at a selector of the JSON that is filtered. */
export type FilterField =
  | 'text' | 'integer' | 'flag'
  /** A list of texts. */
  | 'texts'
  /** Texts by any name: `Meta.rack`. */
  | 'text-map'
  | { readonly fields: FilterFields }
  /** A list of objects: one of them has to match. */
  | { readonly each: FilterFields }
  /** Objects by any name: `TaggedAddresses.lan.Port`. */
  | { readonly byName: FilterFields }

export type FilterFields = Readonly<Record<string, FilterField>>

type Test = (value: unknown) => boolean

/**
 * A predicate over JSON values of the shape `fields`. Throws FilterError for
 * bad syntax, an unknown selector, or an operator that the selector has not.
 */
export function compileFilter(text: string, fields: FilterFields): Test {
  return compile(parseFilter(text), fields)
}

function compile(expression: FilterExpression, fields: FilterFields): Test {
  switch (expression.kind) {
    case 'and': {
      const [left, right] = [compile(expression.left, fields), compile(expression.right, fields)]
      return (value) => left(value) && right(value)
    }
    case 'or': {
      const [left, right] = [compile(expression.left, fields), compile(expression.right, fields)]
      return (value) => left(value) || right(value)
    }
    case 'not': {
      const operand = compile(expression.operand, fields)
      return (value) => !operand(value)
    }
    case 'match': return compilePath(expression, expression.selector, { fields })
    default: return unreachable(expression)
  }
}

function compilePath(match: FilterMatch, [name, ...rest]: readonly string[], field: FilterField): Test {
  if (name === undefined) return compileLeaf(match, field)
  if (field === 'text-map') {
    if (rest.length > 0) throw notValid(match)
    // A name that is not there stands for nothing: only "not" and "!=" match it.
    const leaf = compileLeaf(match, 'text')
    return (value) => {
      const found = property(value, name)
      return found === undefined ? isNegative(match.operator) : leaf(found)
    }
  }
  if (typeof field === 'string') throw notValid(match)
  if ('byName' in field) {
    const inner = compilePath(match, rest, { fields: field.byName })
    return (value) => {
      const found = property(value, name)
      return found === undefined ? isNegative(match.operator) : inner(found)
    }
  }
  const fields = 'each' in field ? field.each : field.fields
  const next = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (next === undefined) throw notValid(match)
  const inner = compilePath(match, rest, next)
  if ('each' in field) return (value) => Array.isArray(value) && value.some((item) => inner(property(item, name)))
  return (value) => inner(property(value, name))
}

function compileLeaf(match: FilterMatch, field: FilterField): Test {
  const { operator, value: wanted } = match
  switch (operator) {
    case 'equal': return equality(match, field)
    case 'not-equal': return negated(equality(match, field))
    case 'empty': return emptiness(match, field)
    case 'not-empty': return negated(emptiness(match, field))
    case 'in':
    case 'not-in': return operator === 'in' ? membership(match, field) : negated(membership(match, field))
    case 'matches':
    case 'not-matches': {
      if (field !== 'text') throw unsupported(match)
      const fits = patternOf(wanted)
      const matches: Test = (value) => fits(String(value ?? ''))
      return operator === 'matches' ? matches : negated(matches)
    }
    default: return unreachable(operator)
  }
}

function equality(match: FilterMatch, field: FilterField): Test {
  const { value: wanted } = match
  switch (field) {
    case 'text': return (value) => (value ?? '') === wanted
    case 'integer': {
      if (!/^[+-]?\d+$/.test(wanted)) throw coercion(match, 'ParseInt', 'invalid syntax')
      const number = BigInt(wanted)
      if (number < -(2n ** 63n) || number >= 2n ** 63n) throw coercion(match, 'ParseInt', 'value out of range')
      return (value) => (value ?? 0) === Number(number)
    }
    case 'flag': {
      if (!/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(wanted)) throw coercion(match, 'ParseBool', 'invalid syntax')
      return (value) => (value ?? false) === /^[1tT]/.test(wanted)
    }
    default: throw unsupported(match)
  }
}

function emptiness(match: FilterMatch, field: FilterField): Test {
  if (field === 'text' || field === 'integer' || field === 'flag' || (typeof field === 'object' && 'fields' in field)) throw unsupported(match)
  return (value) => {
    if (value === null || value === undefined || value === '') return true
    return typeof value === 'object' && Object.keys(value).length === 0
  }
}

/** An element of a list, a name of a map, or a part of a text. */
function membership(match: FilterMatch, field: FilterField): Test {
  const { value: wanted } = match
  if (field === 'text') return (value) => String(value ?? '').includes(wanted)
  if (field === 'texts') return (value) => Array.isArray(value) && value.includes(wanted)
  if (field === 'text-map' || (typeof field === 'object' && 'byName' in field)) return (value) => property(value, wanted) !== undefined
  throw unsupported(match)
}

function coercion(match: FilterMatch, parser: string, problem: string): FilterError {
  return new FilterError(`Failed to coerce value ${JSON.stringify(match.value)} for selector ${quotedSelector(match)}: strconv.${parser}: parsing ${JSON.stringify(match.value)}: ${problem}`)
}

function patternOf(text: string): (tested: string) => boolean {
  const compiled = compilePattern(text)
  if (compiled.kind === 'pattern') return compiled.test
  throw new FilterError(`Failed to compile regular expression ${JSON.stringify(text)}: ${compiled.problem}`)
}

function negated(test: Test): Test {
  return (value) => !test(value)
}

function isNegative(operator: FilterOperator): boolean {
  // What is not there is empty.
  return operator === 'not-equal' || operator === 'not-in' || operator === 'not-matches' || operator === 'empty'
}

/** Own properties only: `Meta.constructor` is nothing. */
function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}

function quotedSelector({ selector }: FilterMatch): string {
  return JSON.stringify(selector.join('.'))
}

function notValid(match: FilterMatch): FilterError {
  return new FilterError(`Selector ${quotedSelector(match)} is not valid`)
}

const operatorNames: Readonly<Record<FilterOperator, string>> = {
  equal: 'Equal', 'not-equal': 'Not Equal', in: 'In', 'not-in': 'Not In', empty: 'Is Empty', 'not-empty': 'Is Not Empty', matches: 'Matches', 'not-matches': 'Not Matches',
}

function unsupported(match: FilterMatch): FilterError {
  return new FilterError(`Invalid match operator ${JSON.stringify(operatorNames[match.operator])} for selector ${quotedSelector(match)}`)
}
