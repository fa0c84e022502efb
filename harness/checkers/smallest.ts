/**
 * The smallest contradiction there is among operations on one object: sets of
 * one, two, … of them are tried, until one contradicts itself or the work
 * allowed is used up.
 *
 * Not every set will do. What is left out must be such that any order of all
 * is still one of what is left:
 *
 * - The history may be cut anywhere: what began later is left out, and what had
 *   not ended by then may or may not have happened.
 * - Reads change nothing, and may be left out always.
 * - Anything else, if nobody of the set may have seen it. In an order of all,
 *   whoever observes a state stands behind somebody who made it, with no other
 *   change between them, and who made it began before the observer ended. So
 *   the set is closed: with each observer everybody is in it who can have made
 *   what it saw, and began in time. Then, when the others are left out, nothing
 *   has changed for anybody in it.
 *
 * A set of this kind that contradicts itself proves that all do. Of these only
 * those are tried that can be a smallest contradiction:
 *
 * - An operation that need not have happened is in it only for somebody who may have seen it.
 * - Of equal reads one whose time lies within another's says all that the other says.
 * - Where writes can be done in any state, and all else says which it observes:
 *   somebody in it must observe something; and a write that nobody of the set
 *   observes, nor that observes anything, must have ended before another of
 *   them began, or it could stand last; it must have begun behind the end of
 *   another, or it could stand first, unless the initial state is observed.
 */
import { Closures } from './closures.ts'
import type { SearchLimits } from './search.ts'
import type { Suspects } from './suspects.ts'

/** Sets that are looked at: half a second's worth. */
const setsMax = 25_000
/** Larger ones are too many for all but the shortest histories. */
const sizeMax = 12
/** Sets between two looks at the clock. */
const stride = 256

/** `until`: those of the operations that ended behind it may not have happened. */
export interface ClosedSet {
  readonly operations: readonly number[]
  readonly until: number
}

export type Smallest =
  /** No smaller set contradicts itself. */
  | { readonly kind: 'found', readonly set: ClosedSet }
  /** No set of fewer than so many contradicts itself. */
  | { readonly kind: 'none' }
  /** There were too many. */
  | { readonly kind: 'unknown' }

/** Among all sets of fewer than `size`. */
export function smallestBelow(suspects: Suspects, size: number, limits: SearchLimits): Smallest {
  if (size > sizeMax) return { kind: 'unknown' }
  const closures = new Closures(suspects)
  if (!closures.known) return { kind: 'unknown' }
  const sets = new ClosedSets(suspects, closures, limits)
  for (let target = 1; target < size; target++) {
    const set = sets.firstContradiction(target)
    if (sets.exhausted) return { kind: 'unknown' }
    if (set !== null) return { kind: 'found', set }
  }
  return { kind: 'none' }
}

class ClosedSets {
  readonly #suspects: Suspects
  readonly #closures: Closures
  readonly #limits: SearchLimits
  /** What must have happened in a set; the rest of it is there for them. Those that observe something first. */
  readonly #certain: readonly number[]
  /** One of the first so many must be in a set. */
  readonly #beginnings: number
  #sets = 0
  exhausted = false

  constructor(suspects: Suspects, closures: Closures, limits: SearchLimits) {
    this.#suspects = suspects
    this.#closures = closures
    this.#limits = limits
    const { observers, others } = closures.candidates()
    this.#certain = [...observers, ...others]
    this.#beginnings = closures.statesTold ? observers.length : this.#certain.length
  }

  /** A closed set of so many that contradicts itself; null also where it is not known. */
  firstContradiction(size: number): ClosedSet | null {
    const extend = (chosen: ReadonlySet<number>, until: number, from: number): ClosedSet | null => {
      const end = chosen.size === 0 ? this.#beginnings : this.#certain.length
      for (let i = from; i < end; i++) {
        const op = this.#certain[i]!
        const returned = this.#suspects.returnOf(op)
        if (chosen.has(op) ? returned <= until : chosen.size === size) continue
        // Here already, for it is so with most: what observes nothing and comes last must end before one of the others begins.
        if (chosen.size === size - 1 && i >= this.#beginnings && !this.#endsBeforeSome(op, chosen)) continue
        if (this.#isExhausted()) return null
        const cut = Math.max(until, returned)
        const next = this.#closures.closure([...chosen, op], cut, size)
        if (next === null) continue
        const found = (next.size === size ? this.#judge(next, cut) : null) ?? extend(next, cut, i + 1)
        if (found !== null || this.exhausted) return found
      }
      return null
    }
    return extend(new Set(), -Infinity, 0)
  }

  #endsBeforeSome(op: number, chosen: ReadonlySet<number>): boolean {
    for (const other of chosen) if (this.#suspects.returnOf(op) < this.#suspects.invokeOf(other)) return true
    return false
  }

  #judge(set: ReadonlySet<number>, until: number): ClosedSet | null {
    const operations = [...set].sort((a, b) => a - b)
    return this.#closures.canBeMinimal(operations, until) && this.#suspects.contradicts(operations, until) ? { operations, until } : null
  }

  /** A search that ran out of time says of nothing that it contradicts itself. */
  #isExhausted(): boolean {
    this.#sets += 1
    if (this.#sets > setsMax || (this.#sets % stride === 0 && this.#limits.expired())) this.exhausted = true
    return this.exhausted
  }
}
