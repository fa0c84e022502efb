import type { PairedOperation } from '../history/operations.ts'
import type { Model } from './model.ts'
import { compile, type Problem } from './problem.ts'
import type { LinearizationAttempt } from './verdict.ts'

const configurationsMax = 20_000

/** A place of the search: the operation that was put there and the state it found; what comes after it was tried up to `next`. */
interface Frame {
  readonly op: number
  readonly stateBefore: string
  next: number
}

/**
 * The order that gets furthest: the most completed operations have returned
 * before the first one that cannot be placed, with the fewest others placed to
 * get there. For drawing, so for the few operations of evidence that was made
 * small; null where they are too many to try all orders of. Candidates are
 * those invoked before the first return that is still due (Wing and Gong,
 * "Testing and verifying concurrent objects", 1993).
 */
export function linearizationAttempt(model: Model, operations: readonly PairedOperation[]): LinearizationAttempt | null {
  const { problem, kept } = compile(model, operations)
  const best = furthest(model, problem)
  if (best === null) return null
  let state = model.initial
  const order = best.map((op) => {
    state = model.step(state, problem.texts[problem.kinds[op]!]!)!
    return { index: kept[op]!.invokeIndex, state: model.describeState(state) }
  })
  const blocked = firstDue(problem, new Set(best))
  return { initial: model.describeState(model.initial), order, impossible: blocked === null ? null : kept[blocked]!.invokeIndex }
}

/** Depth first over (which are placed, state), each gone into once. Null: too many of them. */
function furthest(model: Model, problem: Problem): number[] | null {
  const count = problem.kinds.length
  const placed = new Set<number>()
  const seen = new Set<string>()
  const frames: Frame[] = []
  let best: number[] = []
  let bestPassed = -1
  let state = model.initial
  let next = 0
  for (;;) {
    if (next === 0) {
      const passed = returnsPassed(problem, placed)
      if (passed > bestPassed || (passed === bestPassed && frames.length < best.length)) {
        bestPassed = passed
        best = frames.map(({ op }) => op)
      }
    }
    const dueAt = firstReturn(problem, placed)
    let chosen = -1
    for (; next < count && chosen < 0; next++) {
      if (placed.has(next) || problem.invoke[next]! > dueAt) continue
      const after = model.step(state, problem.texts[problem.kinds[next]!]!)
      if (after === null) continue
      const place = `${[...placed, next].sort((a, b) => a - b).join(',')} ${after}`
      if (seen.has(place)) continue
      seen.add(place)
      if (seen.size > configurationsMax) return null
      chosen = next
      frames.push({ op: chosen, stateBefore: state, next: next + 1 })
      placed.add(chosen)
      state = after
    }
    if (chosen >= 0) {
      next = 0
      continue
    }
    const back = frames.pop()
    if (back === undefined) return best
    placed.delete(back.op)
    state = back.stateBefore
    next = back.next
  }
}

/** When the first operation that is not placed returns. Infinity: none has to. */
function firstReturn(problem: Problem, placed: ReadonlySet<number>): number {
  let first = Infinity
  problem.return.forEach((position, op) => {
    if (!placed.has(op)) first = Math.min(first, position)
  })
  return first
}

function firstDue(problem: Problem, placed: ReadonlySet<number>): number | null {
  const position = firstReturn(problem, placed)
  return position === Infinity ? null : problem.return.indexOf(position)
}

/** How many returned before the first that is not placed. */
function returnsPassed(problem: Problem, placed: ReadonlySet<number>): number {
  const due = firstReturn(problem, placed)
  return problem.return.reduce((sum, position) => position < due ? sum + 1 : sum, 0)
}
