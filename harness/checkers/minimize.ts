import type { PairedOperation } from '../history/operations.ts'
import type { Model } from './model.ts'
import { compile, type Problem } from './problem.ts'
import { effectsOf, mapByValue, type Effects } from './read-mapping.ts'
import { searchWith, type SearchLimits } from './search.ts'
import { StepTable } from './step-table.ts'
import { checkZones, type MappedOperations } from './zones.ts'

/** Pairs of operations beyond which it is not asked who may show what. */
const pairsMax = 4e6

/**
 * The smallest contradiction that a short search finds, in order of
 * invocation. Operations are taken out of `suspects`, which contradict each
 * other, many at once and then one by one, while the rest still does: in the
 * end none can be missed. Once from the end and once from the start; the
 * smaller result is returned. When the time is up: what is left then.
 */
export function minimize(model: Model, suspects: readonly PairedOperation[], limits: SearchLimits): PairedOperation[] {
  const set = new Suspects(model, suspects, limits)
  const all = Array.from(set.operations.keys())
  const fromEnd = thinOut(set, all, limits, false)
  const fromStart = fromEnd.length <= 2 ? fromEnd : thinOut(set, all, limits, true)
  return (fromStart.length < fromEnd.length ? fromStart : fromEnd).map((op) => set.operations[op]!)
}

function thinOut(set: Suspects, all: readonly number[], limits: SearchLimits, fromStart: boolean): readonly number[] {
  let left = all
  for (let chunk = Math.ceil(left.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : chunk >> 1) {
    // Taking one out may make another removable: the last round is repeated until it finds nothing.
    for (let before = -1; before !== left.length;) {
      before = left.length
      for (let place = 0; place < left.length;) {
        if (limits.expired()) return left
        const from = fromStart ? place : Math.max(0, left.length - place - chunk)
        const candidate = set.without(left, from, fromStart ? place + chunk : left.length - place)
        const removed = left.length - candidate.length
        place += chunk
        if (removed === 0 || !set.contradicts(candidate)) continue
        left = candidate
        place -= removed
      }
      if (chunk > 1) break
    }
  }
  return left
}

/** Operations by number, ready to be judged without some of them again and again. */
class Suspects {
  readonly operations: readonly PairedOperation[]
  readonly #problem: Problem
  readonly #steps: StepTable
  readonly #limits: SearchLimits
  readonly #effects: Effects | null
  /** Where values tell whose write was read, no search is needed. */
  readonly #mapped: MappedOperations | null
  /** Where the model tells no values: for each operation, who may show its effect; null: nobody knows. */
  readonly #observers: readonly (readonly number[])[] | null = null

  constructor(model: Model, suspects: readonly PairedOperation[], limits: SearchLimits) {
    const { problem, kept } = compile(model, suspects)
    this.operations = kept
    this.#problem = problem
    this.#steps = new StepTable(model, problem.texts)
    this.#limits = limits
    this.#effects = effectsOf(model, kept)
    this.#mapped = this.#effects === null ? null : mapByValue(kept, this.#effects)
    if (this.#effects === null && kept.length ** 2 <= pairsMax) {
      this.#observers = kept.map((operation) => kept.flatMap((other, i) => other !== operation && model.mayShow(operation, other) ? [i] : []))
    }
  }

  contradicts(chosen: readonly number[]): boolean {
    if (this.#mapped !== null) return checkZones(choose(this.#mapped, chosen)).kind === 'not-linearizable'
    const { kinds, texts, invoke, return: returns } = this.#problem
    const problem = {
      kinds: Int32Array.from(chosen, (op) => kinds[op]!), texts,
      invoke: Float64Array.from(chosen, (op) => invoke[op]!), return: Float64Array.from(chosen, (op) => returns[op]!),
    }
    return searchWith(this.#steps, problem, this.#limits).kind === 'not-linearizable'
  }

  /**
   * Without those between two places that may be taken out: any order of what
   * was must still be one of what is left. So it is with reads, and with what
   * shows in nothing that is left.
   */
  without(chosen: readonly number[], from: number, to: number): number[] {
    const isRead = (op: number) => this.#steps.pure[this.#problem.kinds[op]!] === 1
    const gone = new Set<number>()
    for (let i = from; i < Math.min(to, chosen.length); i++) if (isRead(chosen[i]!)) gone.add(chosen[i]!)
    const showing = this.#countShowing(chosen, gone)
    for (let i = Math.min(to, chosen.length) - 1; i >= from; i--) {
      const op = chosen[i]!
      if (gone.has(op) || this.#isShown(op, showing, gone)) continue
      gone.add(op)
      const observed = this.#effects?.observed[op] ?? -1
      if (observed >= 0) showing[observed]!--
    }
    return chosen.filter((op) => !gone.has(op))
  }

  /** For each state how many operations observe it; where there are no states to tell, which operations there are. */
  #countShowing(chosen: readonly number[], gone: ReadonlySet<number>): Int32Array {
    const showing = new Int32Array(this.#effects?.stateCount ?? this.operations.length)
    for (const op of chosen) {
      if (gone.has(op)) continue
      if (this.#effects === null) showing[op] = 1
      else if (this.#effects.observed[op]! >= 0) showing[this.#effects.observed[op]!]!++
    }
    return showing
  }

  #isShown(op: number, showing: Int32Array, gone: ReadonlySet<number>): boolean {
    if (this.#effects === null) return this.#observers === null || this.#observers[op]!.some((other) => showing[other] === 1 && !gone.has(other))
    const { written, observed } = this.#effects
    return written[op]! < 0 || showing[written[op]!]! > (observed[op] === written[op] ? 1 : 0)
  }
}

function choose({ invoke, return: returns, writes, observes, writeCount }: MappedOperations, chosen: readonly number[]): MappedOperations {
  return {
    invoke: Float64Array.from(chosen, (op) => invoke[op]!), return: Float64Array.from(chosen, (op) => returns[op]!),
    writes: Int32Array.from(chosen, (op) => writes[op]!), observes: Int32Array.from(chosen, (op) => observes[op]!), writeCount,
  }
}
