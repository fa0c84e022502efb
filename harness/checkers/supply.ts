import type { SearchOrder } from './search-order.ts'
import { noState, type StepTable } from './step-table.ts'

/**
 * Who still wants to see a state, and whether anybody is left to make it. Only
 * for models whose every operation tells what it leads to; else nothing is
 * ever found wanting.
 */
export class Supply {
  readonly #order: SearchOrder
  readonly #placed: Uint8Array
  /** Of each open kind, how many are placed. */
  used: Int32Array
  /** By state: levels of the certain operations that require it, and of those that produce it, ascending. */
  readonly #wanting = new Map<number, Int32Array>()
  readonly #making = new Map<number, Int32Array>()
  /** By state: open kinds that produce it. */
  readonly #openMaking = new Map<number, number[]>()
  readonly #knows: boolean

  /** `placed` and `used` are the search's own, and change as it goes. */
  constructor(order: SearchOrder, steps: StepTable, placed: Uint8Array, used: Int32Array) {
    this.#order = order
    this.#placed = placed
    this.used = used
    const { requires, produces, pure } = steps
    this.#knows = pure.every((isPure, kind) => isPure === 1 || produces[kind] !== noState)
    if (!this.#knows) return
    const wanting = new Map<number, number[]>()
    const making = new Map<number, number[]>()
    order.returning.forEach((op, level) => {
      const kind = order.kinds[op]!
      if (requires[kind] !== noState) append(wanting, requires[kind]!, level)
      if (pure[kind] === 0) append(making, produces[kind]!, level)
    })
    for (const [state, levels] of wanting) this.#wanting.set(state, Int32Array.from(levels))
    for (const [state, levels] of making) this.#making.set(state, Int32Array.from(levels))
    order.openKinds.forEach((kind, q) => {
      if (pure[kind] === 0) append(this.#openMaking, produces[kind]!, q)
    })
  }

  /** The level at which the next operation returns that requires the state and is not placed; Infinity where there is none. */
  nextWanting(state: number, level: number): number {
    const levels = this.#wanting.get(state)
    if (levels === undefined) return Infinity
    for (let at = firstFrom(levels, level); at < levels.length; at++) {
      if (this.#placed[this.#order.returning[levels[at]!]!] === 0) return levels[at]!
    }
    return Infinity
  }

  /** Whether something that is not placed can still make the state before an operation returns at `wanting`. */
  canMake(state: number, level: number, wanting: number): boolean {
    const { returning, opened, openStart, openInvoke, returnPosition } = this.#order
    const end = opened[wanting]!
    const levels = this.#making.get(state)
    if (levels !== undefined) {
      for (let at = firstFrom(levels, level), tries = 0; at < levels.length; at++) {
        const op = returning[levels[at]!]!
        // It is in doubt, so it may be: this is only a hint.
        if (tries++ > triesMax) return true
        if (this.#placed[op] === 0 && op < end && levels[at] !== wanting) return true
      }
    }
    for (const q of this.#openMaking.get(state) ?? []) {
      const at = openStart[q]! + this.used[q]!
      if (at < openStart[q + 1]! && openInvoke[at]! < returnPosition[wanting]!) return true
    }
    return false
  }

  /** The level of an operation that can no longer see the state, which is not the present one; -1 where there is none. */
  starved(state: number, level: number): number {
    if (!this.#knows) return -1
    const wanting = this.nextWanting(state, level)
    return wanting === Infinity || this.canMake(state, level, wanting) ? -1 : wanting
  }
}

const triesMax = 256

function append(lists: Map<number, number[]>, state: number, item: number): void {
  const list = lists.get(state)
  if (list === undefined) lists.set(state, [item])
  else list.push(item)
}

function firstFrom(levels: Int32Array, level: number): number {
  let low = 0
  let high = levels.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (levels[middle]! < level) low = middle + 1
    else high = middle
  }
  return low
}
