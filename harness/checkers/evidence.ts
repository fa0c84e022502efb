import type { PairedOperation } from '../history/operations.ts'
import { decide } from './decide.ts'
import { textPicture } from './evidence-picture.ts'
import type { Model } from './model.ts'
import { compile } from './problem.ts'
import { isRemovable } from './prune.ts'
import { search, type SearchLimits } from './search.ts'
import type { Evidence } from './verdict.ts'

/**
 * The smallest contradiction that a short search finds, in order of
 * invocation. Operations are taken out of `suspects`, which contradict each
 * other, many at once and then one by one, while the rest still does: none of
 * what remains can be missed. Once from the end and once from the start; the
 * smaller one is returned.
 */
export function minimize(model: Model, suspects: readonly PairedOperation[], limits: SearchLimits): PairedOperation[] {
  const contradicts = (candidate: readonly PairedOperation[]) => decide(model, candidate, limits).kind === 'not-linearizable'
  // What is open and shows nothing is no part of the contradiction.
  const start = suspects.filter((operation) => model.encode(operation) !== null)
  const fromEnd = thinOut(model, start, limits, contradicts, false)
  if (fromEnd.length <= 2 || limits.expired()) return fromEnd
  const fromStart = thinOut(model, start, limits, contradicts, true)
  return fromStart.length < fromEnd.length ? fromStart : fromEnd
}

function thinOut(
  model: Model, suspects: readonly PairedOperation[], limits: SearchLimits,
  contradicts: (candidate: readonly PairedOperation[]) => boolean, fromStart: boolean,
): PairedOperation[] {
  let left = [...suspects]
  for (let chunk = Math.ceil(left.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : chunk >> 1) {
    // Taking one out may make another removable: the last round is repeated until it finds nothing.
    for (let before = -1; before !== left.length;) {
      before = chunk === 1 ? left.length : -1
      for (let place = 0; place < left.length;) {
        if (limits.expired()) return left
        const from = fromStart ? place : Math.max(0, left.length - place - chunk)
        const to = fromStart ? place + chunk : left.length - place
        const candidate = withoutRange(model, left, from, to)
        const removed = left.length - candidate.length
        place += chunk
        if (removed === 0 || !contradicts(candidate)) continue
        left = candidate
        place -= removed
      }
      if (chunk > 1) break
    }
  }
  return left
}

/** Takes out what may be taken out between two places, reads first: they may have been what held a write. */
function withoutRange(model: Model, operations: readonly PairedOperation[], from: number, to: number): PairedOperation[] {
  const range = operations.slice(from, to)
  const reads = new Set(range.filter((operation) => model.isRead(operation)))
  let left = operations.filter((operation) => !reads.has(operation))
  for (const operation of range.reverse()) {
    if (!reads.has(operation) && isRemovable(model, operation, left)) left = left.filter((other) => other !== operation)
  }
  return left
}

/**
 * A contradiction in words and as a picture: what happened, what could not, and
 * what the object could have been then. `minimal`: as `minimize` returns it;
 * `leftOut`: how many operations it lacks.
 */
export function explain(model: Model, key: string | null, minimal: readonly PairedOperation[], leftOut: number, limits: SearchLimits): Evidence {
  const { problem, kept } = compile(model, minimal)
  const result = search(model, problem, limits)
  const impossible = result.kind === 'not-linearizable' ? kept[result.blocked]! : null
  const lines = minimal.map((operation) => describeOperation(operation))
  if (leftOut > 0) lines.push(`(${leftOut} other operation${leftOut === 1 ? '' : 's'} left out: without them this still contradicts itself.)`)
  const picture = textPicture(minimal, shortText, impossible)
  if (picture.length > 0) lines.push('', ...picture, '')
  if (result.kind === 'not-linearizable') {
    const possible = [...new Set(result.states.map((state) => model.describeState(state)))]
    lines.push(`No order of the operations explains ${shortOperation(impossible!)} (index ${impossible!.invokeIndex}): whatever the order before it, ${key === null ? 'the object' : key} was ${possible.join(' or ')}.`)
  }
  return {
    title: key === null ? 'not linearizable' : `${key} is not linearizable`,
    explanation: lines,
    key,
    eventIndexes: minimal.flatMap((operation) => operation.returnIndex === null ? [operation.invokeIndex] : [operation.invokeIndex, operation.returnIndex]).sort((a, b) => a - b),
  }
}

const show = (value: unknown) => JSON.stringify(value ?? null)

/** `read 1`, `cas [1,2]`. */
function shortText(operation: PairedOperation): string {
  const value = operation.outcome === 'ok' && operation.output !== undefined && (operation.input === null || operation.input === undefined) ? operation.output : operation.input
  return `${operation.f} ${show(value)}`
}

function shortOperation(operation: PairedOperation): string {
  return `worker ${operation.process}'s ${shortText(operation)}`
}

function describeOperation(operation: PairedOperation): string {
  const time = (ns: number) => `${(ns / 1e9).toFixed(4)} s`
  const when = operation.returnPosition === Infinity
    ? `from ${time(operation.invokeNs)}, may have happened any time after`
    : `${time(operation.invokeNs)} to ${time(operation.returnNs ?? operation.invokeNs)}`
  const where = operation.node === null ? '' : ` at ${operation.node}`
  return `${shortOperation(operation)}${where}, ${when} (index ${operation.invokeIndex}${operation.returnIndex === null ? '' : `–${operation.returnIndex}`})`
}
