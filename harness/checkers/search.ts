import { ConfigCache, mixBits } from './config-cache.ts'
import type { SequentialModel } from './model.ts'
import type { Problem } from './problem.ts'
import { searchOrder, type SearchOrder } from './search-order.ts'
import { illegal, StepTable } from './step-table.ts'

export interface SearchLimits {
  /** Whether the time is up. Asked now and then. */
  readonly expired: () => boolean
  readonly bytesMax: number
  /** Configurations. */
  readonly nodesMax: number
}

export type UnknownCause = 'time' | 'memory' | 'nodes'

export type SearchResult =
  | { readonly kind: 'linearizable', readonly configurations: number }
  | {
    readonly kind: 'not-linearizable'
    readonly configurations: number
    /** Number in the problem: the operation whose return no order that was tried passes. */
    readonly blocked: number
    /** Position: what happened until then is not linearizable already, whatever comes later. */
    readonly until: number
    /** States that could hold when it had to be placed. */
    readonly states: readonly string[]
  }
  /** `linearized`: how many of the operations that certainly happened the best order so far had placed. */
  | { readonly kind: 'unknown', readonly cause: UnknownCause, readonly configurations: number, readonly linearized: number }

const statesShownMax = 12
/** What the search leaves behind for each operation besides the cache: lists, trail, frames. */
const bytesPerOperation = 64
const nobody = -1
/** Levels that are looked through for the next read. */
const lookAheadMax = 64

/** What is tried from a configuration, one after the other. */
const tryItself = 0
const tryCertainThatLeads = 1
const tryOpenThatLeads = 2
const tryCertainOther = 3
const tryOpenOther = 4
const tried = 5

/**
 * Whether the operations of one object can be put in an order that respects
 * real time and the model: Lowe's just-in-time linearization ("Testing for
 * linearizability", 2017) in depth, on typed arrays. The returns are taken one
 * after the other, and only when an operation returns that is not placed yet
 * are others placed before it; those that lead to it first.
 *
 * What keeps it small, none of which changes the answer:
 * - A completed read that fits is placed at once: wherever else it could
 *   stand, taking it out of there and putting it here disturbs nothing.
 * - Of the open operations of one kind the one that returns first is placed
 *   first: exchanging two of them changes nothing.
 * - One that need not have happened is not placed where it changes nothing,
 *   nor where what comes next would have led to the same state without it.
 * - A configuration (level, state, which open operations are placed) is gone
 *   into once. At a quiescent moment nothing is open and the state alone is
 *   left of what was before: the history is cut there.
 */
export function search(model: SequentialModel, problem: Problem, limits: SearchLimits): SearchResult {
  return searchWith(new StepTable(model, problem.texts), problem, limits)
}

/** The same with a table that may know steps already; for several problems of the same texts. */
export function searchWith(steps: StepTable, problem: Problem, limits: SearchLimits): SearchResult {
  return new JustInTime(steps, searchOrder(problem)).run(limits)
}

class JustInTime {
  readonly #order: SearchOrder
  readonly #steps: StepTable
  readonly #cache: ConfigCache
  readonly #count: number
  /** Certain operations that are not placed, by invocation, doubly linked: node op + 1; node 0 is head and end. */
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #placed: Uint8Array
  /** Of each open kind, how many are placed. */
  readonly #used: Int32Array
  /** A row of the cache: level, state, bits of certain operations, then counts or bits of open ones. */
  readonly #row: Int32Array
  readonly #openFrom: number
  readonly #openAsCounts: boolean
  /** Two numbers for each operation: the hash of a set is the XOR of its members'. */
  readonly #zobrist: Int32Array
  #level = 0
  #state = 0
  #hashSlot = 0
  #hashTag = 0
  /** Certain operations placed and levels passed, to be undone: op, or -1 for a level. */
  readonly #trail: Int32Array
  #trailLength = 0
  /** A frame for each choice: a certain operation, or -2 - q for the open kind q; and how far the choices after it have been tried. */
  readonly #choice: Int32Array
  readonly #stateBefore: Int32Array
  readonly #trailBefore: Int32Array
  readonly #phase: Uint8Array
  readonly #cursor: Int32Array
  #depth = 0
  #furthest = -1
  /** The last read that was found hopeless ahead of time. */
  #hopelessLevel = -1
  readonly #furthestStates = new Set<number>()

  constructor(steps: StepTable, order: SearchOrder) {
    this.#order = order
    this.#steps = steps
    const count = this.#count = order.kinds.length
    const opens = order.openInvoke.length
    this.#next = Int32Array.from({ length: count + 1 }, (_, node) => node === count ? 0 : node + 1)
    this.#previous = Int32Array.from({ length: count + 1 }, (_, node) => node === 0 ? count : node - 1)
    this.#placed = new Uint8Array(count)
    this.#used = new Int32Array(order.openKinds.length)
    this.#openFrom = 2 + ((order.slots + 31) >>> 5)
    this.#openAsCounts = order.openKinds.length * 32 <= opens
    this.#row = new Int32Array(this.#openFrom + (this.#openAsCounts ? order.openKinds.length : (opens + 31) >>> 5))
    this.#cache = new ConfigCache(this.#row.length)
    this.#zobrist = zobristNumbers(count + opens)
    this.#trail = new Int32Array(2 * count)
    const frames = count + opens + 1
    this.#choice = new Int32Array(frames)
    this.#stateBefore = new Int32Array(frames)
    this.#trailBefore = new Int32Array(frames)
    this.#phase = new Uint8Array(frames)
    this.#cursor = new Int32Array(frames)
  }

  run(limits: SearchLimits): SearchResult {
    const baseBytes = this.#count * bytesPerOperation
    let rounds = 0
    this.#enter()
    while (this.#level < this.#count) {
      if ((++rounds & 0xff) === 0) {
        const configurations = this.#cache.size
        const cause = configurations > limits.nodesMax ? 'nodes'
          : this.#cache.bytes + this.#steps.bytes + baseBytes > limits.bytesMax ? 'memory'
            : (rounds & 0xfff) === 0 && limits.expired() ? 'time' : null
        if (cause !== null) return { kind: 'unknown', cause, configurations, linearized: Math.max(0, this.#furthest) }
      }
      const choice = this.#candidate()
      if (choice !== nobody) {
        this.#choose(choice)
        if (this.#enter()) continue
      } else if (this.#depth === 0) {
        return {
          kind: 'not-linearizable', configurations: this.#cache.size,
          blocked: this.#order.original[this.#order.returning[this.#furthest]!]!,
          until: this.#order.returnPosition[Math.max(this.#furthest, this.#hopelessLevel)]!,
          states: [...this.#furthestStates].map((id) => this.#steps.stateText(id)),
        }
      }
      this.#undo()
    }
    return { kind: 'linearizable', configurations: this.#cache.size }
  }

  /** Places the reads that fit and passes the returns of what is placed; false if this configuration was gone into before. */
  #enter(): boolean {
    const { returning, opened, kinds } = this.#order
    const { pure } = this.#steps
    // The last one looked at. Where it was placed its link still leads on: nothing behind it has been touched.
    let last = 0
    while (this.#level < this.#count) {
      const end = opened[this.#level]!
      for (let node = this.#next[last]!; node !== 0 && node <= end; node = this.#next[node]!) {
        last = node
        const kind = kinds[node - 1]!
        if (pure[kind] === 1 && this.#steps.step(this.#state, kind) !== illegal) this.#place(node - 1)
      }
      if (this.#placed[returning[this.#level]!] === 0) break
      do {
        const op = returning[this.#level]!
        const slot = this.#order.slotOf[op]!
        this.#row[2 + (slot >>> 5)]! ^= 1 << (slot & 31)
        this.#trail[this.#trailLength++] = -1
        this.#level++
      } while (this.#level < this.#count && this.#placed[returning[this.#level]!] === 1)
    }
    if (this.#level === this.#count) return true
    if (this.#level > this.#furthest) {
      this.#furthest = this.#level
      this.#furthestStates.clear()
    }
    if (this.#level === this.#furthest && this.#furthestStates.size < statesShownMax) this.#furthestStates.add(this.#state)
    if (this.#isHopeless()) return false
    this.#phase[this.#depth] = tryItself
    this.#row[0] = this.#level
    this.#row[1] = this.#state
    const mixed = Math.imul(this.#state + 1, 0x9e3779b1) ^ Math.imul(this.#level + 1, 0x85ebca6b)
    return this.#cache.add(this.#row, mixBits(this.#hashSlot ^ mixed), this.#hashTag ^ mixed)
  }

  /** Whether the next read can no longer come true, as far as the model's hints tell. Only a write that is not placed yet could then save it. */
  #isHopeless(): boolean {
    const { hints } = this.#steps
    if (hints === undefined) return false
    const { returning, kinds, opened, openKinds, openStart, openInvoke, returnPosition } = this.#order
    const levelMax = Math.min(this.#count, this.#level + lookAheadMax)
    for (let level = this.#level; level < levelMax; level++) {
      const reader = returning[level]!
      const kind = kinds[reader]!
      if (this.#placed[reader] === 1 || this.#steps.pure[kind] === 0) continue
      if (hints.mayLeadTo(this.#state, kind)) return false
      const end = opened[level]!
      for (let node = this.#next[0]!; node !== 0 && node <= end; node = this.#next[node]!) {
        const saviour = kinds[node - 1]!
        if (hints.blind[saviour] === 1 && hints.mayLeadTo(this.#steps.step(this.#state, saviour), kind)) return false
      }
      for (let q = 0; q < openKinds.length; q++) {
        const at = openStart[q]! + this.#used[q]!
        const saviour = openKinds[q]!
        if (hints.blind[saviour] === 0 || at === openStart[q + 1]! || openInvoke[at]! > returnPosition[level]!) continue
        if (hints.mayLeadTo(this.#steps.step(this.#state, saviour), kind)) return false
      }
      this.#hopelessLevel = Math.max(this.#hopelessLevel, level)
      return true
    }
    return false
  }

  /** What to place next from here, or nobody. Goes on where it stopped last time. */
  #candidate(): number {
    const depth = this.#depth
    const returning = this.#order.returning[this.#level]!
    const returningKind = this.#order.kinds[returning]!
    if (this.#phase[depth] === tryItself) {
      this.#startPhase(tryCertainThatLeads)
      if (this.#isWorth(returningKind)) return returning
    }
    while (this.#phase[depth] !== tried) {
      const phase = this.#phase[depth]!
      const found = phase === tryCertainThatLeads || phase === tryCertainOther
        ? this.#nextCertain(returning, returningKind, phase === tryCertainThatLeads)
        : this.#nextOpen(returningKind, phase === tryOpenThatLeads)
      if (found !== nobody) return found
      this.#startPhase(phase + 1)
    }
    return nobody
  }

  #startPhase(phase: number): void {
    this.#phase[this.#depth] = phase
    this.#cursor[this.#depth] = phase === tryCertainThatLeads || phase === tryCertainOther ? this.#next[0]! : 0
  }

  #nextCertain(returning: number, returningKind: number, leads: boolean): number {
    const { kinds, opened, levelOf } = this.#order
    const end = opened[this.#level]!
    for (let node = this.#cursor[this.#depth]!; node !== 0 && node <= end; node = this.#next[node]!) {
      const op = node - 1
      const kind = kinds[op]!
      if (op === returning || this.#steps.pure[kind] === 1) continue
      const after = this.#steps.step(this.#state, kind)
      if (after === illegal || (this.#steps.step(after, returningKind) !== illegal) !== leads) continue
      if (!this.#isWorth(kind) || !this.#returnsFirstOfKind(levelOf[op]!, kind, end)) continue
      this.#cursor[this.#depth] = this.#next[node]!
      return op
    }
    return nobody
  }

  #nextOpen(returningKind: number, leads: boolean): number {
    const { openKinds, openStart, openInvoke, returnPosition } = this.#order
    const before = returnPosition[this.#level]!
    for (let q = this.#cursor[this.#depth]!; q < openKinds.length; q++) {
      const at = openStart[q]! + this.#used[q]!
      if (at === openStart[q + 1]! || openInvoke[at]! > before) continue
      const kind = openKinds[q]!
      const after = this.#steps.step(this.#state, kind)
      if (after === illegal || after === this.#state || (this.#steps.step(after, returningKind) !== illegal) !== leads) continue
      if (!this.#isWorth(kind) || !this.#returnsFirstOfKind(this.#count, kind, this.#order.opened[this.#level]!)) continue
      this.#cursor[this.#depth] = q + 1
      return -2 - q
    }
    return nobody
  }

  /** Legal here, and not leading where it would have led without the last choice, if that was for one that need not have happened and showed to nobody. */
  #isWorth(kind: number): boolean {
    const after = this.#steps.step(this.#state, kind)
    if (after === illegal) return false
    const depth = this.#depth
    if (depth === 0 || this.#choice[depth - 1]! >= 0 || this.#trailLength > this.#trailBefore[depth - 1]!) return true
    return this.#steps.step(this.#stateBefore[depth - 1]!, kind) !== after
  }

  /** `level`: where it returns; `count` for one that never does. */
  #returnsFirstOfKind(level: number, kind: number, end: number): boolean {
    const { kinds, levelOf } = this.#order
    for (let node = this.#next[0]!; node !== 0 && node <= end; node = this.#next[node]!) {
      if (kinds[node - 1] === kind && levelOf[node - 1]! < level) return false
    }
    return true
  }

  #choose(choice: number): void {
    const depth = this.#depth++
    this.#choice[depth] = choice
    this.#stateBefore[depth] = this.#state
    this.#trailBefore[depth] = this.#trailLength
    if (choice >= 0) {
      this.#state = this.#steps.step(this.#state, this.#order.kinds[choice]!)
      this.#place(choice)
    } else {
      const q = -2 - choice
      this.#state = this.#steps.step(this.#state, this.#order.openKinds[q]!)
      this.#toggleOpen(q, this.#used[q]!++, 1)
    }
  }

  #undo(): void {
    const depth = --this.#depth
    while (this.#trailLength > this.#trailBefore[depth]!) {
      const done = this.#trail[--this.#trailLength]!
      if (done >= 0) this.#takeBack(done)
      else {
        const slot = this.#order.slotOf[this.#order.returning[--this.#level]!]!
        this.#row[2 + (slot >>> 5)]! ^= 1 << (slot & 31)
      }
    }
    this.#state = this.#stateBefore[depth]!
    const choice = this.#choice[depth]!
    if (choice >= 0) return
    const q = -2 - choice
    this.#toggleOpen(q, --this.#used[q]!, -1)
  }

  #place(op: number): void {
    this.#trail[this.#trailLength++] = op
    this.#placed[op] = 1
    const next = this.#next[op + 1]!
    const previous = this.#previous[op + 1]!
    this.#next[previous] = next
    this.#previous[next] = previous
    this.#toggle(op)
  }

  /** In the opposite order of `#place`, so that each finds its neighbours again. */
  #takeBack(op: number): void {
    this.#placed[op] = 0
    this.#next[this.#previous[op + 1]!] = op + 1
    this.#previous[this.#next[op + 1]!] = op + 1
    this.#toggle(op)
  }

  #toggle(op: number): void {
    const slot = this.#order.slotOf[op]!
    this.#row[2 + (slot >>> 5)]! ^= 1 << (slot & 31)
    this.#hashSlot ^= this.#zobrist[2 * op]!
    this.#hashTag ^= this.#zobrist[2 * op + 1]!
  }

  /** `nth`: which of its kind is placed or taken back. */
  #toggleOpen(q: number, nth: number, change: 1 | -1): void {
    const bit = this.#order.openStart[q]! + nth
    if (this.#openAsCounts) this.#row[this.#openFrom + q]! += change
    else this.#row[this.#openFrom + (bit >>> 5)]! ^= 1 << (bit & 31)
    const at = 2 * (this.#count + bit)
    this.#hashSlot ^= this.#zobrist[at]!
    this.#hashTag ^= this.#zobrist[at + 1]!
  }
}

/** Fixed pseudo-random numbers, two for each operation. */
function zobristNumbers(count: number): Int32Array {
  const numbers = new Int32Array(2 * count)
  for (let i = 0, seed = 0x243f6a88; i < numbers.length; i++) numbers[i] = mixBits(seed = (seed + 0x9e3779b9) | 0)
  return numbers
}
