import { ConfigCache, mixBits } from './config-cache.ts'
import type { SequentialModel } from './model.ts'
import type { Problem } from './problem.ts'
import { searchOrder, type SearchOrder } from './search-order.ts'
import { illegal, StepTable } from './step-table.ts'
import { Supply } from './supply.ts'

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
/** Words of a row before the bits. */
const bitsFrom = 3
/** Levels that are looked through for the next read. */
const lookAheadMax = 64

/** What is tried from a configuration, one after the other. */
const tryFirst = 0
const trySecond = 1
const tryCertainThatLeads = 2
const tryOpenThatLeads = 3
const tryCertainOther = 4
// 5: open ones that do not lead to it
const tried = 6

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
 * - A write that returns need not be placed where it shows if one was placed
 *   since its invocation: it may have come right before that one, hidden.
 *   So writes are never placed only to be hidden.
 * - Where the model says what operations require and lead to, a configuration
 *   is given up as soon as somebody wants a state that nobody is left to make.
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
  readonly #supply: Supply
  /** A row of the cache: level, state, credit, bits of certain operations, then counts or bits of open ones. */
  readonly #row: Int32Array
  readonly #openFrom: number
  readonly #openAsCounts: boolean
  /** Two numbers for each operation: the hash of a set is the XOR of its members'. */
  readonly #zobrist: Int32Array
  #level = 0
  #state = 0
  /** Certain operations invoked before the last write was placed, those numbered below: writes among them may have come before it. */
  #credit = 0
  #hashSlot = 0
  #hashTag = 0
  /** Certain operations placed and levels passed, to be undone: op, or -1 for a level. */
  readonly #trail: Int32Array
  #trailLength = 0
  /** A frame for each choice: a certain operation, the same + count where it is hidden, or -2 - q for the open kind q; and how far the choices after it have been tried. */
  readonly #choice: Int32Array
  readonly #stateBefore: Int32Array
  readonly #creditBefore: Int32Array
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
    this.#openFrom = bitsFrom + ((order.slots + 31) >>> 5)
    this.#openAsCounts = order.openKinds.length * 32 <= opens
    this.#row = new Int32Array(this.#openFrom + (this.#openAsCounts ? order.openKinds.length : (opens + 31) >>> 5))
    this.#cache = new ConfigCache(this.#row.length)
    this.#supply = new Supply(order, steps, this.#placed, this.#used)
    this.#zobrist = zobristNumbers(count + opens)
    this.#trail = new Int32Array(2 * count)
    const frames = count + opens + 1
    this.#choice = new Int32Array(frames)
    this.#stateBefore = new Int32Array(frames)
    this.#creditBefore = new Int32Array(frames)
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
        this.#row[bitsFrom + (slot >>> 5)]! ^= 1 << (slot & 31)
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
    this.#phase[this.#depth] = tryFirst
    this.#row[0] = this.#level
    this.#row[1] = this.#state
    const credit = this.#row[2] = this.#creditThatMatters()
    const mixed = Math.imul(this.#state + 1, 0x9e3779b1) ^ Math.imul(this.#level + 1, 0x85ebca6b) ^ Math.imul(credit + 1, 0xc2b2ae35)
    return this.#cache.add(this.#row, mixBits(this.#hashSlot ^ mixed), this.#hashTag ^ mixed)
  }

  /** The credit, down to the last write that it still serves: less makes no difference. */
  #creditThatMatters(): number {
    let last = 0
    for (let node = this.#next[0]!; node !== 0 && node <= this.#credit; node = this.#next[node]!) {
      if (this.#steps.blind[this.#order.kinds[node - 1]!] === 1) last = node
    }
    return last
  }

  /** Whether something that certainly happened can no longer be placed, as far as the model's hints tell. */
  #isHopeless(): boolean {
    const level = this.#depth === 0 ? nobody : this.#starvedByLastChoice()
    const hopeless = level !== nobody ? level : this.#steps.mayLeadTo === undefined ? nobody : this.#unreachableRead(this.#steps.mayLeadTo)
    this.#hopelessLevel = Math.max(this.#hopelessLevel, hopeless)
    return hopeless !== nobody
  }

  /** Who wants the state that was left, or the one that was never shown, and cannot get it any more. */
  #starvedByLastChoice(): number {
    const choice = this.#choice[this.#depth - 1]!
    const lost = choice < this.#count ? this.#stateBefore[this.#depth - 1]! : this.#steps.produces[this.#order.kinds[choice - this.#count]!]!
    return lost === this.#state ? nobody : this.#supply.starved(lost, this.#level)
  }

  /** The next read, if only a write could still make it come true and none that is left would. */
  #unreachableRead(mayLeadTo: (state: number, kind: number) => boolean): number {
    const { returning, kinds, opened, openKinds, openStart, openInvoke, returnPosition } = this.#order
    const { pure, blind } = this.#steps
    const levelMax = Math.min(this.#count, this.#level + lookAheadMax)
    for (let level = this.#level; level < levelMax; level++) {
      const reader = returning[level]!
      const kind = kinds[reader]!
      if (this.#placed[reader] === 1 || pure[kind] === 0) continue
      if (mayLeadTo(this.#state, kind)) return nobody
      const end = opened[level]!
      for (let node = this.#next[0]!; node !== 0 && node <= end; node = this.#next[node]!) {
        const saviour = kinds[node - 1]!
        if (blind[saviour] === 1 && mayLeadTo(this.#steps.step(this.#state, saviour), kind)) return nobody
      }
      for (let q = 0; q < openKinds.length; q++) {
        const at = openStart[q]! + this.#used[q]!
        const saviour = openKinds[q]!
        if (blind[saviour] === 0 || at === openStart[q + 1]! || openInvoke[at]! > returnPosition[level]!) continue
        if (mayLeadTo(this.#steps.step(this.#state, saviour), kind)) return nobody
      }
      return level
    }
    return nobody
  }

  /** What to place next from here, or nobody. Goes on where it stopped last time. */
  #candidate(): number {
    const depth = this.#depth
    const returning = this.#order.returning[this.#level]!
    const returningKind = this.#order.kinds[returning]!
    while (this.#phase[depth]! < tryCertainThatLeads) {
      const itself = this.#phase[depth] === (this.#showsFirst(returning, returningKind) ? tryFirst : trySecond)
      this.#startPhase(this.#phase[depth]! + 1)
      if (itself && this.#isWorth(returningKind)) return returning
      if (!itself && this.#mayHide(returning, returningKind)) return returning + this.#count
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

  /** Whether a write that returns may have come right before the last one. Not worth it where it makes no difference to the state. */
  #mayHide(op: number, kind: number): boolean {
    return op < this.#credit && this.#steps.blind[kind] === 1 && this.#steps.produces[kind] !== this.#state
  }

  /** Whether to try a write that returns where it shows before trying it hidden: whose state is wanted sooner? */
  #showsFirst(op: number, kind: number): boolean {
    if (!this.#mayHide(op, kind)) return true
    return this.#supply.nextWanting(this.#steps.produces[kind]!, this.#level) < this.#supply.nextWanting(this.#state, this.#level)
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

  /** Legal here, and not making the last choice pointless: one that showed to nobody, and either need not have happened or may be hidden. */
  #isWorth(kind: number): boolean {
    const after = this.#steps.step(this.#state, kind)
    if (after === illegal) return false
    const depth = this.#depth
    if (depth === 0) return true
    const last = this.#choice[depth - 1]!
    const showed = this.#trailLength - this.#trailBefore[depth - 1]! > (last < 0 ? 0 : 1)
    if (showed) return true
    // A write that did not return yet may come hidden before this one as well.
    if (last >= 0) return this.#steps.blind[kind] === 0 || this.#steps.blind[this.#order.kinds[last % this.#count]!] === 0
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
    this.#creditBefore[depth] = this.#credit
    this.#trailBefore[depth] = this.#trailLength
    if (choice >= this.#count) return this.#place(choice - this.#count)
    const kind = choice >= 0 ? this.#order.kinds[choice]! : this.#order.openKinds[-2 - choice]!
    if (this.#steps.blind[kind] === 1) this.#credit = this.#order.opened[this.#level]!
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
        this.#row[bitsFrom + (slot >>> 5)]! ^= 1 << (slot & 31)
      }
    }
    this.#state = this.#stateBefore[depth]!
    this.#credit = this.#creditBefore[depth]!
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
    this.#row[bitsFrom + (slot >>> 5)]! ^= 1 << (slot & 31)
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
