import type { PairedOperation } from '../history/operations.ts'
import { asOpen } from './decide.ts'
import type { Model } from './model.ts'
import type { SearchLimits } from './search.ts'
import { smallestBelow } from './smallest.ts'
import { Suspects } from './suspects.ts'

/** Operations that contradict each other, in order of invocation, and how few they are. */
export interface Minimal {
  readonly operations: readonly PairedOperation[]
  readonly size: EvidenceSize
}

/**
 * smallest: no fewer of all contradict each other, of those sets that prove
 * anything (smallest.ts). irreducible: none of them can be left out, though
 * fewer others may do. unfinished: time was up before.
 */
export type EvidenceSize = 'smallest' | 'irreducible' | 'unfinished'

/**
 * Operations are taken out of `suspects`, which contradict each other, many at
 * once and then one by one, while the rest still does: in the end none can be
 * missed. Once from the end and once from the start; the smaller result is
 * kept. Then smaller sets of `all` are tried, where that is not too much work.
 */
export function minimize(model: Model, suspects: readonly PairedOperation[], all: readonly PairedOperation[], limits: SearchLimits): Minimal {
  const { operations, irreducible } = thinnedOut(model, suspects, limits)
  const everything = new Suspects(model, all, limits)
  const below = smallestBelow(everything, operations.length, limits)
  if (limits.expired() || below.kind === 'unknown') return { operations, size: irreducible ? 'irreducible' : 'unfinished' }
  return { operations: below.kind === 'found' ? below.set.operations.map((op) => asItWas(everything.operations[op]!, below.set.until)) : operations, size: 'smallest' }
}

const asItWas = (operation: PairedOperation, until: number) => operation.returnPosition <= until ? operation : asOpen(operation)

/** By removal alone: of two ways the one that leaves fewer. `irreducible`: there was time to try each. */
export function thinnedOut(model: Model, suspects: readonly PairedOperation[], limits: SearchLimits): { readonly operations: readonly PairedOperation[], readonly irreducible: boolean } {
  const set = new Suspects(model, suspects, limits)
  const all = Array.from(set.operations.keys())
  const fromEnd = thinOut(set, all, limits, false)
  const fromStart = fromEnd.length <= 2 ? fromEnd : thinOut(set, all, limits, true)
  const least = fromStart.length < fromEnd.length ? fromStart : fromEnd
  return { operations: least.map((op) => set.operations[op]!), irreducible: !limits.expired() }
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
