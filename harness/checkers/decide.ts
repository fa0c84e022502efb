import type { PairedOperation } from '../history/operations.ts'
import type { Model } from './model.ts'
import { compile } from './problem.ts'
import { prune } from './prune.ts'
import { effectsOf, mapByValue, mapByVersion } from './read-mapping.ts'
import { search, type SearchLimits, type SearchResult, type UnknownCause } from './search.ts'
import { checkZones } from './zones.ts'

/**
 * How it was decided: `values` and `versions` near-linear, by what tells whose
 * write each read saw; else by search.
 */
export type Method = 'values' | 'versions' | 'search'

export type Decision =
  | { readonly kind: 'linearizable', readonly method: Method, readonly configurations: number }
  /** `suspects`: operations that contradict each other already, whatever else there is. */
  | { readonly kind: 'not-linearizable', readonly method: Method, readonly configurations: number, readonly suspects: readonly PairedOperation[] }
  | { readonly kind: 'unknown', readonly cause: UnknownCause, readonly configurations: number, readonly linearized: number, readonly certain: number }

/** Whether the operations of one object can be put in an order, without a search. Null: it takes one. */
export function decideWithoutSearch(model: Model, operations: readonly PairedOperation[]): Decision | null {
  const effects = effectsOf(model, operations)
  if (effects === null) return null
  const byValue = mapByValue(operations, effects)
  if (byValue !== null) {
    const result = checkZones(byValue)
    return result.kind === 'linearizable'
      ? { kind: 'linearizable', method: 'values', configurations: 0 }
      : { kind: 'not-linearizable', method: 'values', configurations: 0, suspects: result.conflict.map((op) => operations[op]!) }
  }
  const byVersion = mapByVersion(operations, effects)
  // No order along the versions may only mean that the versions lie.
  if (byVersion === null || checkZones(byVersion).kind !== 'linearizable') return null
  return { kind: 'linearizable', method: 'versions', configurations: 0 }
}

/** The part of a decision that a search makes, made ready for any thread. */
export function prepareSearch(model: Model, operations: readonly PairedOperation[]) {
  const { problem, kept } = compile(model, prune(model, operations))
  const conclude = (result: SearchResult): Decision => {
    switch (result.kind) {
      case 'linearizable': return { ...result, method: 'search' }
      case 'unknown': return { ...result, certain: kept.filter((operation) => operation.returnPosition !== Infinity).length }
      case 'not-linearizable': return {
        kind: 'not-linearizable', method: 'search', configurations: result.configurations,
        // Pruning may have set its return just before that of what saw it, which belongs to it.
        suspects: upTo(operations, Math.ceil(result.until)),
      }
    }
  }
  return { problem, conclude }
}

/** Whether the operations of one object can be put in an order. In this thread, at once. */
export function decide(model: Model, operations: readonly PairedOperation[], limits: SearchLimits): Decision {
  const decided = decideWithoutSearch(model, operations)
  if (decided !== null) return decided
  const { problem, conclude } = prepareSearch(model, operations)
  return conclude(search(model, problem, limits))
}

/**
 * The history cut where no order reached further: what was invoked later
 * cannot matter, and what had not returned by then may or may not have happened.
 */
function upTo(operations: readonly PairedOperation[], position: number): PairedOperation[] {
  return operations.filter(({ invokePosition }) => invokePosition <= position)
    .map((operation) => operation.returnPosition <= position ? operation : asOpen(operation))
}

/** As if no answer had come. */
export function asOpen(operation: PairedOperation): PairedOperation {
  return { ...operation, outcome: 'info', output: undefined, returnPosition: Number.POSITIVE_INFINITY }
}
