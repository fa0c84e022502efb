import type { PairedOperation } from '../history/operations.ts'
import type { Model } from './model.ts'
import { isRemovable } from './prune.ts'
import { compile } from './problem.ts'
import { search, type SearchLimits } from './search.ts'
import type { Evidence } from './verdict.ts'

/**
 * The smallest contradiction that a short search finds. First the history is
 * cut where no order reached further: what was invoked later cannot matter,
 * and what had not returned by then may or may not have happened. Then
 * operations are taken out, many at once and then one by one, while what is
 * left still cannot be ordered.
 *
 * `blockedReturn`: position of the return that no order passed.
 */
export function minimize(model: Model, operations: readonly PairedOperation[], blockedReturn: number, limits: SearchLimits): PairedOperation[] {
  let left = operations.filter((operation) => operation.invokePosition <= blockedReturn)
    .map((operation) => operation.returnPosition <= blockedReturn ? operation : asOpen(operation))
  // What is open and shows nothing is no part of the contradiction.
  left = left.filter((operation) => model.encode(operation) !== null)
  const contradicts = (candidate: readonly PairedOperation[]) => search(model, compile(model, candidate).problem, limits).kind === 'not-linearizable'
  for (let chunk = Math.ceil(left.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
    for (let start = left.length - 1; start >= 0; start -= chunk) {
      if (limits.expired()) return left
      const candidate = withoutRange(model, left, Math.max(0, start - chunk + 1), start + 1)
      if (candidate.length < left.length && contradicts(candidate)) left = candidate
    }
  }
  return left
}

function asOpen(operation: PairedOperation): PairedOperation {
  return { ...operation, outcome: 'info', output: undefined, returnPosition: Number.POSITIVE_INFINITY }
}

/** Takes out what may be taken out between two places, reads first: they may have been what held a write. */
function withoutRange(model: Model, operations: readonly PairedOperation[], from: number, to: number): PairedOperation[] {
  const range = new Set(operations.slice(from, to))
  let left = operations.filter((operation) => !(range.has(operation) && model.isRead(operation)))
  for (const operation of range) {
    // An open operation may always be missing.
    if (!model.isRead(operation) && (operation.returnPosition === Infinity || isRemovable(model, operation, left))) left = left.filter((other) => other !== operation)
  }
  return left
}

/**
 * The contradiction in words. `blocked` and `states`: what the search of the
 * whole key found, the operation that no order passed and what the object could
 * have been there; `leftOut`: how many operations `minimal` lacks.
 */
export function explain(
  model: Model, key: string | null, minimal: readonly PairedOperation[],
  { blocked, states, leftOut }: { readonly blocked: PairedOperation, readonly states: readonly string[], readonly leftOut: number },
): Evidence {
  const possible = [...new Set(states.map((state) => model.describeState(state)))]
  const lines = [...minimal].sort((a, b) => a.invokePosition - b.invokePosition).map((operation) => describeOperation(operation))
  if (leftOut > 0) lines.push(`(${leftOut} other operation${leftOut === 1 ? '' : 's'} left out: without them this still contradicts itself.)`)
  lines.push(`No order of the operations explains ${shortOperation(blocked)} (index ${blocked.invokeIndex}): whatever the order before it, ${key === null ? 'the object' : key} was ${possible.join(' or ')}.`)
  return {
    title: key === null ? 'not linearizable' : `${key} is not linearizable`,
    explanation: lines,
    key,
    eventIndexes: minimal.flatMap((operation) => operation.returnIndex === null ? [operation.invokeIndex] : [operation.invokeIndex, operation.returnIndex]).sort((a, b) => a - b),
  }
}

const show = (value: unknown) => JSON.stringify(value ?? null)

function shortOperation(operation: PairedOperation): string {
  const value = operation.outcome === 'ok' && operation.output !== undefined && (operation.input === null || operation.input === undefined) ? operation.output : operation.input
  return `worker ${operation.process}'s ${operation.f} ${show(value)}`
}

function describeOperation(operation: PairedOperation): string {
  const time = (ns: number) => `${(ns / 1e9).toFixed(4)} s`
  const when = operation.returnPosition === Infinity
    ? `from ${time(operation.invokeNs)}, may have happened any time after`
    : `${time(operation.invokeNs)} to ${time(operation.returnNs ?? operation.invokeNs)}`
  const where = operation.node === null ? '' : ` at ${operation.node}`
  return `${shortOperation(operation)}${where}, ${when} (index ${operation.invokeIndex}${operation.returnIndex === null ? '' : `–${operation.returnIndex}`})`
}
