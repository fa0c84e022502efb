import type { HistoryEvent } from './event.ts'

/** An invocation with its completion, as checkers see it. */
export interface PairedOperation {
  readonly process: number
  readonly f: string
  readonly key: string | null
  /** The invocation's value. */
  readonly input: unknown
  /** The completion's value, if it is `ok`; else undefined. */
  readonly output: unknown
  /** `fail` operations are left out: they did not happen. `info`: may have happened, at any time from the invocation on. */
  readonly outcome: 'ok' | 'info'
  readonly node: string | null
  /** Positions in the history, from 0: the order is what counts. */
  readonly invokePosition: number
  /** Infinity for `info`, and where no completion came. */
  readonly returnPosition: number
  /** History indexes, as the file says them. */
  readonly invokeIndex: number
  readonly returnIndex: number | null
  readonly invokeNs: number
  readonly returnNs: number | null
  readonly version: number | null
}

/** The history contradicts itself before any model is asked. */
export class MalformedHistoryError extends Error {
  override readonly name = 'MalformedHistoryError'
}

/** Pairs invocations with completions, in order of invocation. Throws MalformedHistoryError. */
export function pairOperations(history: readonly HistoryEvent[]): PairedOperation[] {
  const operations: (PairedOperation | null)[] = []
  const open = new Map<number, { readonly slot: number, readonly operation: PairedOperation }>()
  history.forEach((event, position) => {
    if (event.process === 'nemesis') return
    const begun = open.get(event.process)
    if (event.type === 'invoke') {
      if (begun !== undefined) {
        throw new MalformedHistoryError(`Worker ${event.process} invokes ${event.f} at index ${event.index}, but its ${begun.operation.f} of index ${begun.operation.invokeIndex} has not ended.`)
      }
      const operation: PairedOperation = {
        process: event.process, f: event.f, key: event.key ?? null, input: event.value, output: undefined, outcome: 'info',
        node: event.node ?? null, invokePosition: position, returnPosition: Number.POSITIVE_INFINITY,
        invokeIndex: event.index, returnIndex: null, invokeNs: event.time, returnNs: null, version: null,
      }
      open.set(event.process, { slot: operations.length, operation })
      operations.push(operation)
      return
    }
    if (begun === undefined) {
      throw new MalformedHistoryError(`Worker ${event.process} ends ${event.f} with ${event.type} at index ${event.index}, but it has invoked nothing.`)
    }
    open.delete(event.process)
    const { slot, operation } = begun
    if (event.f !== operation.f) {
      throw new MalformedHistoryError(`Worker ${event.process} invoked ${operation.f} at index ${operation.invokeIndex} and ends ${event.f} at index ${event.index}.`)
    }
    if (event.type === 'fail') operations[slot] = null
    else if (event.type === 'ok') {
      operations[slot] = {
        ...operation, output: event.value, outcome: 'ok', returnPosition: position,
        returnIndex: event.index, returnNs: event.time, version: event.version ?? null,
      }
    } else {
      operations[slot] = { ...operation, returnIndex: event.index, returnNs: event.time }
    }
  })
  return operations.filter((operation) => operation !== null)
}
