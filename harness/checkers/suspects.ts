import type { PairedOperation } from '../history/operations.ts'
import type { Model } from './model.ts'
import { compile, type Problem } from './problem.ts'
import { effectsOf, mapByValue, type Effects } from './read-mapping.ts'
import { searchWith, type SearchLimits } from './search.ts'
import { StepTable } from './step-table.ts'
import { checkZones, type MappedOperations } from './zones.ts'

/** Pairs of operations beyond which it is not asked who may show what. */
const pairsMax = 4e6

/** Operations by number, ready to be judged without some of them again and again. */
export class Suspects {
  readonly operations: readonly PairedOperation[]
  readonly #problem: Problem
  readonly #steps: StepTable
  readonly #limits: SearchLimits
  readonly effects: Effects | null
  /** Where values tell whose write was read, no search is needed. */
  readonly #mapped: MappedOperations | null
  /** Where the model tells no values: for each operation, who may show its effect; null: nobody knows. */
  readonly observers: readonly (readonly number[])[] | null = null

  constructor(model: Model, suspects: readonly PairedOperation[], limits: SearchLimits) {
    const { problem, kept } = compile(model, suspects)
    this.operations = kept
    this.#problem = problem
    this.#steps = new StepTable(model, problem.texts)
    this.#limits = limits
    this.effects = effectsOf(model, kept)
    this.#mapped = this.effects === null ? null : mapByValue(kept, this.effects)
    if (this.effects === null && kept.length ** 2 <= pairsMax) {
      this.observers = kept.map((operation) => kept.flatMap((other, i) => other !== operation && operation.invokePosition < other.returnPosition && model.mayShow(operation, other) ? [i] : []))
    }
  }

  /** Changes no state. */
  readonly isPure = (op: number) => this.#steps.pure[this.#problem.kinds[op]!] === 1
  /** Equal operations are of one kind. */
  readonly kindOf = (op: number) => this.#problem.kinds[op]!
  readonly invokeOf = (op: number) => this.#problem.invoke[op]!
  /** Infinity: it need not have happened. */
  readonly returnOf = (op: number) => this.#problem.return[op]!
  /** The state that it leads to, as a number; -1: none that is known. */
  readonly writtenOf = (op: number) => this.effects?.written[op] ?? -1

  /** In order of invocation. Those that ended behind `until` need not have happened; reads are not among them. */
  contradicts(chosen: readonly number[], until = Infinity): boolean {
    if (this.#mapped !== null) return checkZones(choose(this.#mapped, chosen, until)).kind === 'not-linearizable'
    const { kinds, texts, invoke, return: returns } = this.#problem
    const problem = {
      kinds: Int32Array.from(chosen, (op) => kinds[op]!), texts,
      invoke: Float64Array.from(chosen, (op) => invoke[op]!), return: Float64Array.from(chosen, (op) => cut(returns[op]!, until)),
    }
    return searchWith(this.#steps, problem, this.#limits).kind === 'not-linearizable'
  }

  /**
   * Without those between two places that may be taken out: any order of what
   * was must still be one of what is left. So it is with reads, and with what
   * shows in nothing that is left, or began when all had ended in which it might (smallest.ts).
   */
  without(chosen: readonly number[], from: number, to: number): number[] {
    const gone = new Set<number>()
    for (let i = from; i < Math.min(to, chosen.length); i++) if (this.isPure(chosen[i]!)) gone.add(chosen[i]!)
    const showing = this.#countShowing(chosen, gone)
    const lastReturn = this.#lastReturns(chosen, gone)
    for (let i = Math.min(to, chosen.length) - 1; i >= from; i--) {
      const op = chosen[i]!
      if (gone.has(op) || this.#isShown(op, showing, lastReturn, gone)) continue
      gone.add(op)
      const observed = this.effects?.observed[op] ?? -1
      if (observed >= 0) showing[observed]!--
    }
    return chosen.filter((op) => !gone.has(op))
  }

  /** For each state how many operations observe it; where there are no states to tell, which operations there are. */
  #countShowing(chosen: readonly number[], gone: ReadonlySet<number>): Int32Array {
    const showing = new Int32Array(this.effects?.stateCount ?? this.operations.length)
    for (const op of chosen) {
      if (gone.has(op)) continue
      if (this.effects === null) showing[op] = 1
      else if (this.effects.observed[op]! >= 0) showing[this.effects.observed[op]!]!++
    }
    return showing
  }

  /** For each state when the last of those ended that observe it, at most. */
  #lastReturns(chosen: readonly number[], gone: ReadonlySet<number>): Float64Array {
    const last = new Float64Array(this.effects?.stateCount ?? 0)
    if (this.effects === null) return last
    for (const op of chosen) {
      const state = this.effects.observed[op]!
      if (state >= 0 && !gone.has(op)) last[state] = Math.max(last[state]!, this.returnOf(op))
    }
    return last
  }

  #isShown(op: number, showing: Int32Array, lastReturn: Float64Array, gone: ReadonlySet<number>): boolean {
    if (this.effects === null) return this.observers === null || this.observers[op]!.some((other) => showing[other] === 1 && !gone.has(other))
    const { written, observed } = this.effects
    const state = written[op]!
    return state < 0 || (showing[state]! > (observed[op] === state ? 1 : 0) && lastReturn[state]! > this.invokeOf(op))
  }
}

const cut = (returned: number, until: number) => returned > until ? Infinity : returned

function choose({ invoke, return: returns, writes, observes, writeCount }: MappedOperations, chosen: readonly number[], until: number): MappedOperations {
  return {
    invoke: Float64Array.from(chosen, (op) => invoke[op]!), return: Float64Array.from(chosen, (op) => cut(returns[op]!, until)),
    writes: Int32Array.from(chosen, (op) => writes[op]!), observes: Int32Array.from(chosen, (op) => observes[op]!), writeCount,
  }
}
