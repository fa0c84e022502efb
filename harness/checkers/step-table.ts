import type { SequentialModel } from './model.ts'

export const illegal = -1
export const noState = -1
const unvisited = -2
/** Entries; beyond, steps are remembered one by one. */
const denseMax = 1 << 22
const sparseEntryBytes = 48

/**
 * States and kinds of operations as numbers; the model is asked for each step
 * once. Where states are few the answers stand in a table of states by kinds,
 * else (a text that grows with each append) in a map.
 */
export class StepTable {
  readonly #model: SequentialModel
  readonly #texts: readonly string[]
  readonly #states: string[]
  readonly #stateIds: Map<string, number>
  readonly #sparse = new Map<number, number>()
  /** Kinds that change no state. */
  readonly pure: Uint8Array
  /** By kind, as the model's hints tell: the states it requires and produces, or `noState`; and whether it is legal everywhere and leads to one state. */
  readonly requires: Int32Array
  readonly produces: Int32Array
  readonly blind: Uint8Array
  /** Undefined: it always may. */
  readonly mayLeadTo: ((state: number, kind: number) => boolean) | undefined
  #table: Int32Array
  #textBytes = 0

  constructor(model: SequentialModel, texts: readonly string[]) {
    this.#model = model
    this.#texts = texts
    this.#states = [model.initial]
    this.#stateIds = new Map([[model.initial, 0]])
    this.pure = Uint8Array.from(texts, (text) => model.isPure(text) ? 1 : 0)
    this.#table = new Int32Array(Math.min(denseMax, Math.max(1, texts.length) * 8)).fill(unvisited)
    const { hints } = model
    const idOf = (state: string | null | undefined) => state === null || state === undefined ? noState : this.#intern(state)
    this.requires = Int32Array.from(texts, (text) => idOf(hints?.requires(text)))
    this.produces = Int32Array.from(texts, (text) => idOf(hints?.produces(text)))
    this.blind = Uint8Array.from(texts, (_, kind) => this.pure[kind] === 0 && this.produces[kind] !== noState && this.requires[kind] === noState ? 1 : 0)
    this.mayLeadTo = hints?.mayLeadTo === undefined ? undefined : (state, kind) => hints.mayLeadTo!(this.#states[state]!, texts[kind]!)
  }

  get bytes(): number {
    return this.#table.byteLength + this.#textBytes + this.#sparse.size * sparseEntryBytes
  }

  stateText(id: number): string {
    return this.#states[id]!
  }

  /** The state after, or `illegal`. */
  step(state: number, kind: number): number {
    const at = state * this.#texts.length + kind
    if (at < this.#table.length) {
      const known = this.#table[at]!
      return known !== unvisited ? known : this.#visit(state, kind, at)
    }
    return this.#sparse.get(at) ?? this.#visit(state, kind, at)
  }

  #visit(state: number, kind: number, at: number): number {
    const next = this.#model.step(this.#states[state]!, this.#texts[kind]!)
    const id = next === null ? illegal : this.#intern(next)
    if (at < this.#table.length) this.#table[at] = id
    else this.#sparse.set(at, id)
    return id
  }

  #intern(text: string): number {
    const known = this.#stateIds.get(text)
    if (known !== undefined) return known
    const id = this.#states.length
    this.#states.push(text)
    this.#stateIds.set(text, id)
    this.#textBytes += 2 * text.length + 64
    const needed = (id + 1) * this.#texts.length
    if (needed > this.#table.length && this.#table.length < denseMax) {
      const larger = new Int32Array(Math.min(denseMax, Math.max(needed, this.#table.length * 2))).fill(unvisited)
      larger.set(this.#table)
      this.#table = larger
    }
    return id
  }
}
