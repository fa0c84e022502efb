import type { PairedOperation } from '../history/operations.ts'
import type { Model } from './model.ts'

/**
 * The operations of one object as numbers, in order of invocation. Plain
 * typed arrays and text, so that it can be handed to another thread.
 */
export interface Problem {
  /** For each operation, which of `texts` it is. */
  readonly kinds: Int32Array
  /** Distinct operations, as the model encodes them. */
  readonly texts: readonly string[]
  /** Positions in the history. */
  readonly invoke: Float64Array
  /** Infinity: it may have happened at any time from its invocation on, or not at all. */
  readonly return: Float64Array
}

/** The problem, and which operation is which: those that show nothing are left out. */
export interface Compiled {
  readonly problem: Problem
  readonly kept: readonly PairedOperation[]
}

/** `operations`: in order of invocation. */
export function compile(model: Model, operations: readonly PairedOperation[]): Compiled {
  const kept: PairedOperation[] = []
  const kinds: number[] = []
  const texts: string[] = []
  const ids = new Map<string, number>()
  for (const operation of operations) {
    const text = model.encode(operation)
    if (text === null) continue
    let kind = ids.get(text)
    if (kind === undefined) {
      kind = texts.length
      ids.set(text, kind)
      texts.push(text)
    }
    kept.push(operation)
    kinds.push(kind)
  }
  const problem = {
    kinds: Int32Array.from(kinds),
    texts,
    invoke: Float64Array.from(kept, (operation) => operation.invokePosition),
    return: Float64Array.from(kept, (operation) => operation.returnPosition),
  }
  return { problem, kept }
}
