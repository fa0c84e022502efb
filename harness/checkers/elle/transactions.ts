import { type OperationEvent, type HistoryEvent } from '../../history/event.ts'
import { MalformedHistoryError } from '../../history/operations.ts'

/**
 * Transactions over lists, as Jepsen writes them: the value of an operation is
 * `[["append", "x", 3], ["r", "y", null]]`; a completed read has the list in
 * the place of null. Each element is appended to a list at most once, so that
 * an element names the operation that wrote it.
 */
export interface Transaction {
  /** Its place among the transactions, in order of invocation. */
  readonly id: number
  readonly process: number
  /** What the history calls it; Jepsen: `txn`. */
  readonly f: string
  /** `info`: may have happened. `fail`: did not. */
  readonly outcome: 'ok' | 'info' | 'fail'
  readonly operations: readonly MicroOperation[]
  /** Positions in the history, from 0. */
  readonly invokePosition: number
  /** Infinity where it may take effect at any later time. */
  readonly returnPosition: number
  /** History indexes, as the file says them. */
  readonly invokeIndex: number
  readonly returnIndex: number | null
}

export type MicroOperation =
  /** `element` names the key too. */
  | { readonly f: 'append', readonly key: number, readonly element: number }
  /** Null: not known what it read. */
  | { readonly f: 'r', readonly key: number, readonly list: readonly number[] | null }

/** Keys and elements as small integers, and what they are called. */
export interface Names {
  readonly keys: readonly string[]
  /** Of each element: the value as it stands in the history, and its list. */
  readonly values: readonly unknown[]
  readonly keyOf: readonly number[]
}

export interface TransactionHistory {
  readonly transactions: readonly Transaction[]
  readonly names: Names
  /** By element: who appends it; -1: nobody. */
  readonly writerOf: Int32Array
}

/** Throws MalformedHistoryError. */
export function readTransactions(history: readonly HistoryEvent[]): TransactionHistory {
  const interner = new Interner()
  const open = new Map<number, { readonly event: OperationEvent, readonly position: number, readonly id: number }>()
  const transactions: (Transaction | null)[] = []
  history.forEach((event, position) => {
    if (event.process === 'nemesis') return
    const begun = open.get(event.process)
    if (event.type === 'invoke') {
      if (begun !== undefined) throw new MalformedHistoryError(`Worker ${event.process} invokes ${event.f} at index ${event.index}, but its ${begun.event.f} of index ${begun.event.index} has not ended.`)
      open.set(event.process, { event, position, id: transactions.length })
      transactions.push(null)
      return
    }
    if (begun === undefined) throw new MalformedHistoryError(`Worker ${event.process} ends ${event.f} with ${event.type} at index ${event.index}, but it has invoked nothing.`)
    open.delete(event.process)
    transactions[begun.id] = transaction(interner, begun, { event, position })
  })
  for (const begun of open.values()) transactions[begun.id] = transaction(interner, begun, null)
  const complete = transactions.map((one) => one!)
  return { transactions: complete, names: interner, writerOf: writersOf(complete, interner) }
}

function transaction(interner: Interner, invoked: { readonly event: OperationEvent, readonly position: number, readonly id: number }, ended: { readonly event: OperationEvent, readonly position: number } | null): Transaction {
  const outcome = ended === null ? 'info' : ended.event.type as Transaction['outcome']
  const { value, index } = outcome === 'ok' ? ended!.event : invoked.event
  return {
    id: invoked.id, process: invoked.event.process, f: invoked.event.f, outcome,
    operations: microOperations(interner, value, outcome === 'ok', index),
    invokePosition: invoked.position, invokeIndex: invoked.event.index,
    returnPosition: outcome === 'ok' ? ended!.position : Number.POSITIVE_INFINITY,
    returnIndex: ended?.event.index ?? null,
  }
}

function microOperations(interner: Interner, value: unknown, completed: boolean, index: number): MicroOperation[] {
  const malformed = (what: string) => new MalformedHistoryError(`The transaction at index ${index} ${what}: ${JSON.stringify(value)?.slice(0, 200)}.`)
  if (!Array.isArray(value)) throw malformed('is no list of operations')
  return value.map((item: unknown): MicroOperation => {
    if (!Array.isArray(item) || item.length !== 3 || (typeof item[1] !== 'string' && typeof item[1] !== 'number')) throw malformed('has an operation that is not [f, key, value]')
    const [f, keyName, argument] = item as [unknown, string | number, unknown]
    const key = interner.key(String(keyName))
    if (f === 'append') return { f, key, element: interner.element(key, argument) }
    if (f !== 'r') throw malformed(`has an operation ${JSON.stringify(f)}; there are append and r`)
    // A list that nobody has appended to is null in histories of Jepsen's.
    if (argument === null) return { f, key, list: completed ? [] : null }
    if (!Array.isArray(argument)) throw malformed('has a read that is no list')
    return { f, key, list: completed ? argument.map((one) => interner.element(key, one)) : null }
  })
}

function writersOf(transactions: readonly Transaction[], names: Names): Int32Array {
  const writerOf = new Int32Array(names.values.length).fill(-1)
  for (const { id, operations, invokeIndex } of transactions) {
    for (const operation of operations) {
      if (operation.f !== 'append') continue
      const { element, key } = operation
      if (writerOf[element] !== -1) throw new MalformedHistoryError(`${JSON.stringify(names.values[element])} is appended to ${names.keys[key]} twice (again at index ${invokeIndex}): elements must be unique, or nobody can tell who wrote one.`)
      writerOf[element] = id
    }
  }
  return writerOf
}

class Interner implements Names {
  readonly keys: string[] = []
  readonly values: unknown[] = []
  readonly keyOf: number[] = []
  readonly #keyIds = new Map<string, number>()
  readonly #elementIds: Map<unknown, number>[] = []

  key(name: string): number {
    const known = this.#keyIds.get(name)
    if (known !== undefined) return known
    this.#keyIds.set(name, this.keys.length)
    this.#elementIds.push(new Map())
    return this.keys.push(name) - 1
  }

  element(key: number, value: unknown): number {
    const ids = this.#elementIds[key]!
    // Equal lists and objects are not the same to a Map; their text is, and no text in a history begins so.
    const identity = typeof value === 'object' && value !== null ? `\u0000${JSON.stringify(value)}` : value
    const known = ids.get(identity)
    if (known !== undefined) return known
    ids.set(identity, this.values.length)
    this.keyOf.push(key)
    return this.values.push(value) - 1
  }
}
