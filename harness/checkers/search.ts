import { ConfigCache } from './config-cache.ts'
import type { Model } from './model.ts'

/** One operation for the search. Positions are distinct; smaller is earlier. */
export interface SearchOperation {
  /** As the model encodes it. */
  readonly encoded: string
  readonly invoke: number
  /** Infinity: it may have happened at any time from `invoke` on, or not at all. */
  readonly return: number
}

export interface SearchLimits {
  /** Whether the time is up. Asked now and then. */
  readonly expired: () => boolean
  readonly bytesMax: number
}

export type SearchResult =
  | { readonly kind: 'linearizable', readonly configurations: number }
  | {
    readonly kind: 'not-linearizable'
    readonly configurations: number
    /** No order reaches beyond the return of this operation: everything invoked before that return is already not linearizable. */
    readonly blocked: number
    /** States that could hold when it had to be placed. */
    readonly states: readonly string[]
  }
  | { readonly kind: 'unknown', readonly cause: 'time' | 'memory', readonly configurations: number, readonly linearized: number }

const statesShownMax = 12
const illegal = -1
const unvisited = -2

/**
 * Whether the operations of one object can be put in an order that respects
 * real time and the model: Wing and Gong's search with Lowe's cache of
 * configurations, on typed arrays. Explores by hand-kept stack; the linked
 * list holds the events of operations that are not linearized yet.
 *
 * Done as soon as every operation that certainly happened is placed: what may
 * have happened need not.
 */
export function search(model: Model, operations: readonly SearchOperation[], limits: SearchLimits): SearchResult {
  const count = operations.length
  const steps = new StepTable(model, operations)
  const list = new EventList(operations)
  const words = (count + 31) >>> 5
  const bits = new Int32Array(Math.max(1, words))
  const cache = new ConfigCache(Math.max(1, words))
  const zobrist = zobristNumbers(count)
  const stackOperation = new Int32Array(count)
  const stackState = new Int32Array(count)
  let depth = 0
  let hash = 0
  let state = 0
  let certain = 0
  for (const operation of operations) if (operation.return !== Infinity) certain++
  let furthest = -1
  let furthestReturn = -1
  const furthestStates = new Set<number>()
  let node = list.first
  let rounds = 0
  while (certain > 0) {
    if ((++rounds & 0x3ff) === 0) {
      const cause = cache.bytes + steps.bytes > limits.bytesMax ? 'memory' : limits.expired() ? 'time' : null
      if (cause !== null) return { kind: 'unknown', cause, configurations: cache.size, linearized: depth }
    }
    if (list.isInvoke(node)) {
      const operation = list.operation(node)
      const next = steps.step(state, operation)
      if (next !== illegal) {
        bits[operation >>> 5]! ^= 1 << (operation & 31)
        const nextHash = hash ^ zobrist[operation]!
        if (cache.add(bits, next, nextHash)) {
          stackOperation[depth] = operation
          stackState[depth] = state
          depth++
          state = next
          hash = nextHash
          if (operations[operation]!.return !== Infinity) certain--
          list.lift(operation)
          node = list.first
          continue
        }
        bits[operation >>> 5]! ^= 1 << (operation & 31)
      }
      node = list.next(node)
      continue
    }
    // The return of an operation that is not placed: no order from here. (The
    // list cannot end before: a certain operation's return is still in it.)
    const blocked = list.operation(node)
    const blockedReturn = operations[blocked]!.return
    if (blockedReturn > furthestReturn) {
      furthest = blocked
      furthestReturn = blockedReturn
      furthestStates.clear()
    }
    if (blocked === furthest && furthestStates.size < statesShownMax) furthestStates.add(state)
    if (depth === 0) {
      return { kind: 'not-linearizable', configurations: cache.size, blocked: furthest, states: [...furthestStates].map((id) => steps.stateText(id)) }
    }
    depth--
    const undone = stackOperation[depth]!
    state = stackState[depth]!
    bits[undone >>> 5]! ^= 1 << (undone & 31)
    hash ^= zobrist[undone]!
    if (operations[undone]!.return !== Infinity) certain++
    list.unlift(undone)
    node = list.next(list.invokeNode(undone))
  }
  return { kind: 'linearizable', configurations: cache.size }
}

/** Invocations and returns in order of time, doubly linked; taking an operation out and putting it back costs nothing. */
class EventList {
  readonly #next: Int32Array
  readonly #previous: Int32Array
  /** Node i + 1 is event i; node 0 is the head. Invocations are operation + 1, returns -(operation + 1). */
  readonly #meaning: Int32Array
  readonly #invokeNode: Int32Array
  readonly #returnNode: Int32Array

  constructor(operations: readonly SearchOperation[]) {
    const events: { readonly position: number, readonly meaning: number }[] = []
    operations.forEach((operation, i) => {
      events.push({ position: operation.invoke, meaning: i + 1 })
      if (operation.return !== Infinity) events.push({ position: operation.return, meaning: -(i + 1) })
    })
    events.sort((a, b) => a.position - b.position)
    const size = events.length + 1
    this.#next = new Int32Array(size)
    this.#previous = new Int32Array(size)
    this.#meaning = new Int32Array(size)
    this.#invokeNode = new Int32Array(operations.length)
    this.#returnNode = new Int32Array(operations.length)
    events.forEach(({ meaning }, i) => {
      const node = i + 1
      this.#meaning[node] = meaning
      if (meaning > 0) this.#invokeNode[meaning - 1] = node
      else this.#returnNode[-meaning - 1] = node
      this.#next[node - 1] = node
      this.#previous[node] = node - 1
    })
    this.#next[size - 1] = 0
  }

  get first(): number {
    return this.#next[0]!
  }

  next(node: number): number {
    return this.#next[node]!
  }

  isInvoke(node: number): boolean {
    return this.#meaning[node]! > 0
  }

  operation(node: number): number {
    const meaning = this.#meaning[node]!
    return (meaning > 0 ? meaning : -meaning) - 1
  }

  invokeNode(operation: number): number {
    return this.#invokeNode[operation]!
  }

  lift(operation: number): void {
    this.#unlink(this.#invokeNode[operation]!)
    const returned = this.#returnNode[operation]!
    if (returned > 0) this.#unlink(returned)
  }

  /** In the opposite order of `lift`, so that each node finds its neighbours again. */
  unlift(operation: number): void {
    const returned = this.#returnNode[operation]!
    if (returned > 0) this.#relink(returned)
    this.#relink(this.#invokeNode[operation]!)
  }

  #unlink(node: number): void {
    const next = this.#next[node]!
    const previous = this.#previous[node]!
    this.#next[previous] = next
    if (next > 0) this.#previous[next] = previous
  }

  #relink(node: number): void {
    const next = this.#next[node]!
    this.#next[this.#previous[node]!] = node
    if (next > 0) this.#previous[next] = node
  }
}

/** States and distinct operations as numbers; each step of the model is asked for once. */
class StepTable {
  readonly #model: Model
  readonly #kinds: Int32Array
  readonly #encoded: string[] = []
  readonly #states: string[]
  readonly #stateIds: Map<string, number>
  #table: Int32Array
  #textBytes = 0

  constructor(model: Model, operations: readonly SearchOperation[]) {
    this.#model = model
    this.#states = [model.initial]
    this.#stateIds = new Map([[model.initial, 0]])
    const ids = new Map<string, number>()
    this.#kinds = Int32Array.from(operations, ({ encoded }) => {
      let id = ids.get(encoded)
      if (id === undefined) {
        id = this.#encoded.length
        ids.set(encoded, id)
        this.#encoded.push(encoded)
      }
      return id
    })
    this.#table = new Int32Array(Math.max(1, this.#encoded.length) * 64).fill(unvisited)
  }

  get bytes(): number {
    return this.#table.byteLength + this.#textBytes
  }

  stateText(id: number): string {
    return this.#states[id]!
  }

  step(state: number, operation: number): number {
    const kind = this.#kinds[operation]!
    const at = state * this.#encoded.length + kind
    const known = this.#table[at]!
    if (known !== unvisited) return known
    const next = this.#model.step(this.#states[state]!, this.#encoded[kind]!)
    const id = next === null ? illegal : this.#intern(next)
    this.#table[at] = id
    return id
  }

  #intern(text: string): number {
    const known = this.#stateIds.get(text)
    if (known !== undefined) return known
    const id = this.#states.length
    this.#states.push(text)
    this.#stateIds.set(text, id)
    this.#textBytes += 2 * text.length + 64
    const needed = (id + 1) * this.#encoded.length
    if (needed > this.#table.length) {
      const larger = new Int32Array(Math.max(needed, this.#table.length * 2)).fill(unvisited)
      larger.set(this.#table)
      this.#table = larger
    }
    return id
  }
}

/** A fixed pseudo-random number for each operation: the hash of a set is the XOR of its members'. */
function zobristNumbers(count: number): Int32Array {
  const numbers = new Int32Array(count)
  let seed = 0x243f6a88
  for (let i = 0; i < count; i++) {
    seed = (seed + 0x9e3779b9) | 0
    let value = Math.imul(seed ^ (seed >>> 16), 0x21f0aaad)
    value = Math.imul(value ^ (value >>> 15), 0x735a2d97)
    numbers[i] = value ^ (value >>> 15)
  }
  return numbers
}
