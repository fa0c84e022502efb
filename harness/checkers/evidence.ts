import type { PairedOperation } from '../history/operations.ts'
import { linearizationAttempt } from './attempt.ts'
import { textPicture } from './evidence-picture.ts'
import type { EvidenceSize, Minimal } from './minimize.ts'
import type { Model } from './model.ts'
import { compile } from './problem.ts'
import { search, type SearchLimits } from './search.ts'
import type { Evidence } from './verdict.ts'

/** What is known of how few the operations are. */
export const sizeWords: Readonly<Record<Exclude<EvidenceSize, 'unfinished'>, string>> = {
  smallest: 'This is the smallest there is: no fewer operations prove a contradiction.',
  irreducible: 'None of these operations can be left out; whether fewer others contradict each other is not known.',
}

/** Operations beyond which all orders are too many. */
const attemptedMax = 40

/**
 * A contradiction in words and as a picture: what happened, what could not, and
 * what the object could have been then. `all`: how many operations there are.
 */
export function explain(model: Model, key: string | null, { operations: minimal, size }: Minimal, all: number, limits: SearchLimits): Evidence {
  const leftOut = all - minimal.length
  const { problem, kept } = compile(model, minimal)
  // Without hints: each state that could be is wanted, not a short way to none.
  const result = search({ initial: model.initial, step: model.step, isPure: model.isPure }, problem, limits)
  const impossible = result.kind === 'not-linearizable' ? kept[result.blocked]! : null
  const attempt = minimal.length > attemptedMax ? null : linearizationAttempt(model, minimal)
  const lines = minimal.map((operation) => describeOperation(operation))
  if (leftOut > 0) lines.push(`(${leftOut} other operation${leftOut === 1 ? '' : 's'} left out: without them this still contradicts itself.)`)
  if (size !== 'unfinished') lines.push(sizeWords[size])
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
    size,
    ...attempt === null ? {} : { attempt },
  }
}

const show = (value: unknown) => JSON.stringify(value ?? null)

/** `read 1`, `cas [1,2]`. */
export function shortText(operation: PairedOperation): string {
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
