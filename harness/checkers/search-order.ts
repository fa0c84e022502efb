import type { Problem } from './problem.ts'

/**
 * A problem laid out for the search. Operations that certainly happened are
 * numbered 0… in order of invocation, and again in order of return (levels).
 * Those that may have happened stand aside, by kind: of one kind they are
 * interchangeable, so only how many were taken counts.
 */
export interface SearchOrder {
  /** Kind of each certain operation. */
  readonly kinds: Int32Array
  /** Each certain operation's number in the problem. */
  readonly original: Int32Array
  /** For each certain operation: its place in the order of returns. */
  readonly levelOf: Int32Array
  /** The certain operation that returns at each level. */
  readonly returning: Int32Array
  /** Certain operations invoked before that return: those numbered below. */
  readonly opened: Int32Array
  /** The return's position in the history. */
  readonly returnPosition: Float64Array
  /** A bit for each certain operation that no other has while both are open. */
  readonly slotOf: Int32Array
  readonly slots: number
  /** Kinds of operations that may have happened. */
  readonly openKinds: Int32Array
  /** Invocations of each of them, from `openStart[q]` up to `openStart[q + 1]`, ascending. */
  readonly openInvoke: Float64Array
  readonly openStart: Int32Array
}

export function searchOrder(problem: Problem): SearchOrder {
  const certain: number[] = []
  const open = new Map<number, number[]>()
  for (let i = 0; i < problem.kinds.length; i++) {
    if (problem.return[i] !== Infinity) certain.push(i)
    else {
      const invokes = open.get(problem.kinds[i]!)
      if (invokes === undefined) open.set(problem.kinds[i]!, [problem.invoke[i]!])
      else invokes.push(problem.invoke[i]!)
    }
  }
  const count = certain.length
  const original = Int32Array.from(certain)
  const invoke = Float64Array.from(original, (i) => problem.invoke[i]!)
  const returns = Float64Array.from(original, (i) => problem.return[i]!)
  const returning = Int32Array.from({ length: count }, (_, op) => op).sort((a, b) => returns[a]! - returns[b]!)
  const levelOf = new Int32Array(count)
  const opened = new Int32Array(count)
  const slotOf = new Int32Array(count)
  const free: number[] = []
  let slots = 0
  let next = 0
  for (let level = 0; level < count; level++) {
    const op = returning[level]!
    levelOf[op] = level
    for (; next < count && invoke[next]! < returns[op]!; next++) slotOf[next] = free.pop() ?? slots++
    opened[level] = next
    free.push(slotOf[op]!)
  }
  const openStart = new Int32Array(open.size + 1)
  const openInvoke: number[] = []
  ;[...open.values()].forEach((invokes, q) => {
    openInvoke.push(...invokes)
    openStart[q + 1] = openInvoke.length
  })
  return {
    kinds: Int32Array.from(original, (i) => problem.kinds[i]!),
    original, levelOf, returning, opened, slotOf, slots,
    returnPosition: Float64Array.from(returning, (op) => returns[op]!),
    openKinds: Int32Array.from(open.keys()),
    openInvoke: Float64Array.from(openInvoke),
    openStart,
  }
}
