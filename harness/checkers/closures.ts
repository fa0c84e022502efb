import type { Suspects } from './suspects.ts'

/** The initial state's number, see read-mapping.ts. */
const initial = 0

/** Who must be in a set because another is; see smallest.ts. `until`: where the history is cut. */
export class Closures {
  /** False: an effect may show in what is itself no read, and then nothing is known here. */
  readonly known: boolean
  /** Each operation that is no read can be done in any state, or tells which it observes. */
  readonly statesTold: boolean
  readonly #suspects: Suspects
  readonly #observed: Int32Array | null
  /** By operation, who may have made what it observes. */
  readonly #makersOf: (op: number) => readonly number[]

  constructor(suspects: Suspects) {
    const { operations, effects, observers } = suspects
    this.#suspects = suspects
    this.statesTold = effects !== null
    this.#observed = effects?.observed ?? null
    if (effects !== null) {
      const makers = new Map<number, number[]>()
      effects.written.forEach((state, op) => {
        if (state < 0 || suspects.isPure(op)) return
        const same = makers.get(state)
        if (same === undefined) makers.set(state, [op])
        else same.push(op)
      })
      this.known = true
      this.#makersOf = (op) => makers.get(effects.observed[op]!) ?? []
    } else {
      const makers = operations.map((): number[] => [])
      observers?.forEach((its, op) => {
        if (!suspects.isPure(op)) for (const observer of its) makers[observer]!.push(op)
      })
      this.known = observers !== null && makers.every((its, op) => its.length === 0 || suspects.isPure(op))
      this.#makersOf = (op) => makers[op]!
    }
  }

  /** Those that must have happened: first who observes a state, then the rest. Without reads that others speak for. */
  candidates(): { readonly observers: readonly number[], readonly others: readonly number[] } {
    const said = saidByAnother(this.#suspects)
    const all = Array.from(this.#suspects.operations.keys()).filter((op) => this.#suspects.returnOf(op) !== Infinity && !said.has(op))
    const observes = (op: number) => this.#observed === null || this.#observed[op]! >= 0
    return { observers: all.filter(observes), others: all.filter((op) => !observes(op)) }
  }

  /** All that a closed set needs that has these; null: more than so many. */
  closure(ops: readonly number[], until: number, sizeMax: number): ReadonlySet<number> | null {
    const { invokeOf, returnOf } = this.#suspects
    const closed = new Set(ops)
    for (const op of closed) {
      const before = Math.min(returnOf(op), until)
      for (const maker of this.#makersOf(op)) if (invokeOf(maker) < before) closed.add(maker)
      if (closed.size > sizeMax) return null
    }
    return closed
  }

  /** Whether each write that is neither observed nor observes stands in the way of somebody; others say nothing. */
  canBeMinimal(set: readonly number[], until: number): boolean {
    const observed = this.#observed
    if (observed === null) return true
    const { invokeOf, returnOf, writtenOf } = this.#suspects
    const seesInitial = set.some((op) => observed[op] === initial)
    return set.every((op) => {
      if (observed[op]! >= 0 || set.some((other) => other !== op && observed[other] === writtenOf(op))) return true
      return set.some((other) => returnOf(op) < invokeOf(other)) && (seesInitial || set.some((other) => returnOf(other) < Math.min(until, invokeOf(op))))
    })
  }
}

/** Reads whose time holds all of the time of an equal one. */
function saidByAnother({ operations, isPure, kindOf, returnOf }: Suspects): Set<number> {
  const firstReturn = new Map<number, number>()
  const said = new Set<number>()
  // They stand in order of invocation, so from the end: those before began later.
  for (let op = operations.length - 1; op >= 0; op--) {
    if (!isPure(op) || returnOf(op) === Infinity) continue
    const first = firstReturn.get(kindOf(op)) ?? Infinity
    if (first < returnOf(op)) said.add(op)
    firstReturn.set(kindOf(op), Math.min(first, returnOf(op)))
  }
  return said
}
