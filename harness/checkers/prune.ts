import type { PairedOperation } from '../history/operations.ts'
import type { Model } from './model.ts'

/** How often each value was written or observed, for models that tell. */
function countValues(operations: readonly PairedOperation[], valueOf: (operation: PairedOperation) => string | null): Map<string, number> {
  const counts = new Map<string, number>()
  for (const operation of operations) {
    const value = valueOf(operation)
    if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  return counts
}

/** Pairs of operations beyond which it would take longer than it saves. */
const pairsMax = 4e6

/** For models that do not tell what an operation writes: without what may have happened but shows in no answer. */
function withoutUnseen(model: Model, operations: readonly PairedOperation[]): PairedOperation[] {
  const open = operations.filter((operation) => operation.outcome !== 'ok' && model.written(operation) === null && !model.isRead(operation))
  if (open.length * operations.length > pairsMax) return [...operations]
  const unseen = new Set(open.filter((operation) => !operations.some((other) => other !== operation && model.mayShow(operation, other))))
  return operations.filter((operation) => !unseen.has(operation))
}

/**
 * Makes the search smaller without changing its answer. `info` operations are
 * what makes it explode: each may stand anywhere after its invocation, or nowhere.
 *
 * - One whose value nobody ever observed is left out. If an order with it
 *   exists, one without exists: between it and the next write nothing observed
 *   anything (whatever did would have observed its value), and that write does
 *   not care what it replaces.
 * - One whose value was written by nobody else and was observed by an operation
 *   that completed did happen, before that operation's return: it is certain,
 *   with that return as its own.
 */
export function prune(model: Model, operations: readonly PairedOperation[]): PairedOperation[] {
  let kept = withoutUnseen(model, operations)
  for (;;) {
    const observed = countValues(kept, (operation) => model.observed(operation))
    const next = kept.filter((operation) => {
      const written = model.written(operation)
      // What it expects it may observe itself: `cas [1 1]` observes what it writes.
      return operation.outcome === 'ok' || written === null || observed.has(written)
    })
    if (next.length === kept.length) break
    kept = next
  }
  const writers = countValues(kept, (operation) => model.written(operation))
  const firstObserved = new Map<string, number>()
  for (const operation of kept) {
    const value = model.observed(operation)
    if (value === null || operation.outcome !== 'ok') continue
    firstObserved.set(value, Math.min(firstObserved.get(value) ?? Infinity, operation.returnPosition))
  }
  return kept.map((operation) => {
    const written = model.written(operation)
    if (operation.outcome === 'ok' || written === null || written === model.initial || writers.get(written) !== 1) return operation
    const bound = firstObserved.get(written)
    // Just before the observer's return: positions stay distinct.
    return bound === undefined || bound <= operation.invokePosition ? operation : { ...operation, returnPosition: bound - 0.5 }
  })
}
