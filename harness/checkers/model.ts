import { MalformedHistoryError, type PairedOperation } from '../history/operations.ts'

/**
 * A sequential specification (as porcupine's Model): what one object does when
 * operations come one after another. States are text: equal states are equal text.
 */
export interface SequentialModel {
  readonly initial: string
  /** The state after, or null where the operation cannot have ended so. */
  step(state: string, encoded: string): string | null
  /** Whether it changes no state whatsoever: a read. */
  isPure(encoded: string): boolean
  readonly hints?: SearchHints
}

/**
 * What lets the search see early that it went wrong. A hint may be too
 * hopeful, never too strict.
 */
export interface SearchHints {
  /** The one state in which the operation is legal; null where there is not just one. */
  requires(encoded: string): string | null
  /** The one state that it leads to from wherever it is legal; null where there is not just one, and for reads. */
  produces(encoded: string): string | null
  /** Whether operations that do not produce a state might lead from this one to one in which the operation is legal. Default: they might. */
  mayLeadTo?(state: string, encoded: string): boolean
}

/** A sequential specification, and what operations of a history mean in it. */
export interface Model extends SequentialModel {
  readonly name: string
  /** The operation as text; equal text acts equally on every state. Null: it changes nothing and shows nothing, so it is left out. */
  encode(operation: PairedOperation): string | null
  /**
   * Where an object that is not split by key is still a map of cells that have
   * nothing to do with each other: which cell an operation is about.
   */
  cell?(operation: PairedOperation): string | null
  /** Reads only: taking a completed one out of a history never makes it worse. */
  isRead(operation: PairedOperation): boolean
  /** Where each operation that writes leaves the object in a state of its own: that state's text, else null. Lets unobserved writes be left out. */
  written(operation: PairedOperation): string | null
  /** The state that the operation must have found, if it completed; else null. */
  observed(operation: PairedOperation): string | null
  /**
   * Whether the observer, which completed, may have seen the effect of an
   * operation. If nobody has, any order is still one without the operation.
   */
  mayShow(operation: PairedOperation, observer: PairedOperation): boolean
  /** For people: what a state is. */
  describeState(state: string): string
}

const text = (value: unknown) => Number.isSafeInteger(value) ? `${value as number}` : JSON.stringify(value ?? null)

function unknownFunction(model: string, operation: PairedOperation, known: string): never {
  throw new MalformedHistoryError(`The model ${model} knows ${known}, not ${operation.f} (index ${operation.invokeIndex}).`)
}

function casArguments(operation: PairedOperation): readonly [unknown, unknown] {
  const { input } = operation
  if (!Array.isArray(input) || input.length !== 2) {
    throw new MalformedHistoryError(`The cas at index ${operation.invokeIndex} has the value ${text(input)}; it should be [expected, next].`)
  }
  return [input[0], input[1]]
}

/** Read, write and compare-and-set of one value, initially null. */
function registerModel(name: string, withCas: boolean): Model {
  const known = withCas ? 'read, write and cas' : 'read and write'
  const isCas = (operation: PairedOperation) => withCas && operation.f === 'cas'
  const written = (operation: PairedOperation) => operation.f === 'write' ? text(operation.input) : isCas(operation) ? text(casArguments(operation)[1]) : null
  const observed = (operation: PairedOperation) => operation.f === 'read' ? (operation.outcome === 'ok' ? text(operation.output) : null)
    : isCas(operation) ? text(casArguments(operation)[0]) : operation.f === 'write' ? null : unknownFunction(name, operation, known)
  return {
    name,
    initial: 'null',
    encode(operation) {
      if (operation.f === 'read') return operation.outcome === 'ok' ? `r${text(operation.output)}` : null
      if (operation.f === 'write') return `w${text(operation.input)}`
      if (!isCas(operation)) return unknownFunction(name, operation, known)
      const [expected, next] = casArguments(operation)
      return `c${text(expected)}\u0000${text(next)}`
    },
    step(state, encoded) {
      const rest = encoded.slice(1)
      switch (encoded[0]) {
        case 'r': return rest === state ? state : null
        case 'w': return rest
        default: {
          const cut = rest.indexOf('\u0000')
          return rest.slice(0, cut) === state ? rest.slice(cut + 1) : null
        }
      }
    },
    hints: {
      requires: (encoded) => encoded[0] === 'r' ? encoded.slice(1) : encoded[0] === 'c' ? encoded.slice(1, encoded.indexOf('\u0000')) : null,
      produces: (encoded) => encoded[0] === 'r' ? null : encoded[0] === 'c' ? encoded.slice(encoded.indexOf('\u0000') + 1) : encoded.slice(1),
    },
    isPure: (encoded) => encoded[0] === 'r' || (encoded[0] === 'c' && encoded.slice(1, encoded.indexOf('\u0000')) === encoded.slice(encoded.indexOf('\u0000') + 1)),
    isRead: (operation) => operation.f === 'read',
    written,
    observed,
    mayShow: (operation, observer) => observed(observer) === written(operation),
    describeState: (state) => state === 'null' ? 'absent' : state,
  }
}

/** get, put and append of strings, initially empty (the histories of the porcupine project). */
const kvAppend: Model = {
  name: 'kv-append',
  initial: '',
  encode(operation) {
    if (operation.f === 'get') return operation.outcome === 'ok' ? `g${String(operation.output ?? '')}` : null
    if (operation.f === 'put') return `p${String(operation.input ?? '')}`
    if (operation.f === 'append') return `a${String(operation.input ?? '')}`
    return unknownFunction('kv-append', operation, 'get, put and append')
  },
  step(state, encoded) {
    const rest = encoded.slice(1)
    switch (encoded[0]) {
      case 'g': return rest === state ? state : null
      case 'p': return rest
      default: return state + rest
    }
  },
  isPure: (encoded) => encoded[0] === 'g',
  // An append only makes the text longer.
  hints: {
    requires: (encoded) => encoded[0] === 'g' ? encoded.slice(1) : null,
    produces: (encoded) => encoded[0] === 'p' ? encoded.slice(1) : null,
    mayLeadTo: (state, encoded) => encoded.startsWith(state, 1),
  },
  cell: (operation) => operation.key,
  isRead: (operation) => operation.f === 'get',
  written: () => null,
  observed: () => null,
  // Until the next put every get has the text in it.
  mayShow: (operation, observer) => observer.f === 'get' && observer.outcome === 'ok' && String(observer.output ?? '').includes(String(operation.input ?? '')),
  describeState: (state) => JSON.stringify(state),
}

/** acquire and release of one lock, initially free. */
const mutex: Model = {
  name: 'mutex',
  initial: 'free',
  encode(operation) {
    if (operation.f === 'acquire' || operation.f === 'release') return operation.f
    return unknownFunction('mutex', operation, 'acquire and release')
  },
  step: (state, encoded) => encoded === 'acquire' ? (state === 'free' ? 'held' : null) : (state === 'held' ? 'free' : null),
  isPure: () => false,
  isRead: () => false,
  written: () => null,
  observed: () => null,
  mayShow: () => true,
  describeState: (state) => state,
}

export const models = {
  register: registerModel('register', false),
  'cas-register': registerModel('cas-register', true),
  'kv-append': kvAppend,
  mutex,
} as const satisfies Record<string, Model>

export type ModelName = keyof typeof models
