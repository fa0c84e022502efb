import type { PairedOperation } from '../history/operations.ts'
import type { Model } from './model.ts'
import type { MappedOperations } from './zones.ts'

/** What each operation of one object writes and observes: numbers of distinct states, -1 for nothing. State 0 is the initial one. */
export interface Effects {
  readonly written: Int32Array
  readonly observed: Int32Array
  readonly stateCount: number
}

const nothing = -1
const initial = 0

/** Null where the model does not tell. */
export function effectsOf(model: Model, operations: readonly PairedOperation[]): Effects | null {
  const ids = new Map<string, number>([[model.initial, initial]])
  const idOf = (state: string | null) => {
    if (state === null) return nothing
    let id = ids.get(state)
    if (id === undefined) ids.set(state, id = ids.size)
    return id
  }
  const written = new Int32Array(operations.length)
  const observed = new Int32Array(operations.length)
  for (let op = 0; op < operations.length; op++) {
    const operation = operations[op]!
    written[op] = idOf(model.written(operation))
    observed[op] = idOf(model.observed(operation))
    // What may have happened may show too, unless it only reads.
    if (written[op] === nothing && observed[op] === nothing && (operation.outcome === 'ok' || !model.isRead(operation))) return null
  }
  return { written, observed, stateCount: ids.size }
}

/**
 * Where every value is written at most once, a value tells its write: no other
 * mapping is possible, and what contradicts it contradicts the model. Null
 * where one is written twice, or the initial one is.
 */
export function mapByValue(operations: readonly PairedOperation[], { written, observed, stateCount }: Effects): MappedOperations | null {
  const seen = new Uint8Array(stateCount)
  seen[initial] = 1
  // A swap to what is there already is a read, and if it need not have happened it is nothing.
  const isRead = (op: number) => written[op] === observed[op]
  for (let op = 0; op < written.length; op++) {
    const state = written[op]!
    if (state === nothing || isRead(op)) continue
    if (seen[state] === 1) return null
    seen[state] = 1
  }
  return mapped(
    operations,
    written.map((state, op) => isRead(op) ? nothing : state),
    observed.map((state, op) => isRead(op) && operations[op]!.outcome !== 'ok' ? nothing : state),
    stateCount,
  )
}

function mapped(operations: readonly PairedOperation[], writes: Int32Array, observes: Int32Array, writeCount: number): MappedOperations {
  const invoke = new Float64Array(operations.length)
  const returns = new Float64Array(operations.length)
  for (let op = 0; op < operations.length; op++) {
    invoke[op] = operations[op]!.invokePosition
    returns[op] = operations[op]!.returnPosition
  }
  return { invoke, return: returns, writes, observes, writeCount }
}

/** The versions that an object went through, in their order. */
interface Versions {
  readonly count: number
  readonly state: Int32Array
  /** Which operation made it, or nothing. */
  readonly writer: Int32Array
  /** For each operation, the version that it was told, or nothing. */
  readonly told: Int32Array
  /** When each came to be, if versions grow: before the first return of what was told it or a later one … */
  readonly before: Float64Array
  /** … and after the last invocation of what was told an older one. */
  readonly after: Float64Array
}

/**
 * Where the system tells versions (Consul's ModifyIndex, etcd's mod_revision):
 * the version of a read tells its write, whatever the values. Writes and swaps
 * whose version was not told (Consul tells none; `info`) are matched to the
 * versions that nobody else made, by value and time. What a swap saw is the
 * version before its own. Null where that does not settle it: a read without
 * a version, one version with two values or two writers, a version that nobody
 * can have made, writes of the initial value (a deletion tells no version).
 *
 * It is a guess, which assumes that versions grow in the order of the writes:
 * an order that it leads to is one, whatever was assumed; that there is none
 * proves nothing.
 */
export function mapByVersion(operations: readonly PairedOperation[], effects: Effects): MappedOperations | null {
  const versions = collectVersions(operations, effects)
  if (versions === null || !matchWriters(operations, effects, versions)) return null
  const { written, observed } = effects
  const writes = new Int32Array(written.length).fill(nothing)
  const observes = new Int32Array(written.length).fill(nothing)
  for (let version = 0; version < versions.count; version++) writes[versions.writer[version]!] = version + 1
  let writeCount = versions.count + 1
  for (let op = 0; op < written.length; op++) {
    if (written[op] === nothing) {
      // An initial value is told without a version.
      if (observed[op] !== nothing) observes[op] = versions.told[op]! + 1
    } else if (writes[op] === nothing) {
      // Nobody was told its version. If it is a swap that happened, nothing tells what it saw.
      if (observed[op] !== nothing && operations[op]!.outcome === 'ok') return null
      writes[op] = writeCount++
      // A swap that need not have happened: as if it saw itself, it stays outside of all chains.
      if (observed[op] !== nothing) observes[op] = writes[op]!
    } else if (observed[op] !== nothing) {
      const before = writes[op]! - 2
      if ((before < 0 ? initial : versions.state[before]!) !== observed[op]) return null
      observes[op] = before + 1
    }
  }
  return mapped(operations, writes, observes, writeCount)
}

function collectVersions(operations: readonly PairedOperation[], { written, observed }: Effects): Versions | null {
  const found = new Map<number, number>()
  const numbers: number[] = []
  const states: number[] = []
  const writers: number[] = []
  const told = new Int32Array(written.length).fill(nothing)
  for (let op = 0; op < written.length; op++) {
    const { version, outcome } = operations[op]!
    if (written[op] === initial) return null
    if (outcome !== 'ok') continue
    const isWrite = written[op] !== nothing
    const state = isWrite ? written[op]! : observed[op]!
    if (version === null ? !isWrite && state !== initial : state === initial) return null
    if (version === null) continue
    const at = found.get(version)
    if (at === undefined) {
      told[op] = numbers.length
      found.set(version, numbers.length)
      numbers.push(version)
      states.push(state)
      writers.push(isWrite ? op : nothing)
    } else {
      if (states[at] !== state || (isWrite && writers[at] !== nothing)) return null
      told[op] = at
      if (isWrite) writers[at] = op
    }
  }
  const place = new Int32Array(numbers.length)
  // With the versions that were never told: where a swap did not see the
  // version before its own there was another one, made by a write without an answer.
  const orderedStates: number[] = []
  const orderedWriters: number[] = []
  for (const number of Float64Array.from(numbers).sort()) {
    const at = found.get(number)!
    const writer = writers[at]!
    const seen = writer === nothing ? nothing : observed[writer]!
    if (seen !== nothing && seen !== (orderedStates.at(-1) ?? initial)) {
      orderedStates.push(seen)
      orderedWriters.push(nothing)
    }
    place[at] = orderedStates.length
    orderedStates.push(states[at]!)
    orderedWriters.push(writer)
  }
  const count = orderedStates.length
  const before = new Float64Array(count).fill(Infinity)
  const after = new Float64Array(count).fill(-Infinity)
  for (let op = 0; op < told.length; op++) {
    if (told[op] === nothing) continue
    const version = told[op] = place[told[op]!]!
    const { invokePosition, returnPosition } = operations[op]!
    if (returnPosition < before[version]!) before[version] = returnPosition
    if (version + 1 < count && invokePosition > after[version + 1]!) after[version + 1] = invokePosition
  }
  for (let version = 1; version < count; version++) after[version] = Math.max(after[version]!, after[version - 1]!)
  for (let version = count - 2; version >= 0; version--) before[version] = Math.min(before[version]!, before[version + 1]!)
  return { count, state: Int32Array.from(orderedStates), writer: Int32Array.from(orderedWriters), told, before, after }
}

/**
 * Gives each version without a writer one that wrote its value at the right
 * time and has no version: of those that fit the one that returned first.
 * False where there is none.
 */
function matchWriters(operations: readonly PairedOperation[], { written, observed, stateCount }: Effects, { count, state, writer, before, after }: Versions): boolean {
  if (!writer.includes(nothing)) return true
  const candidates: number[][] = Array.from({ length: stateCount }, () => [])
  for (let op = 0; op < written.length; op++) {
    if (written[op] !== nothing && (operations[op]!.version === null || operations[op]!.outcome !== 'ok')) candidates[written[op]!]!.push(op)
  }
  for (let version = 0; version < count; version++) {
    if (writer[version] !== nothing) continue
    const left = candidates[state[version]!]!
    const stateBefore = version === 0 ? initial : state[version - 1]!
    let best = -1
    for (let i = 0; i < left.length; i++) {
      const { invokePosition, returnPosition } = operations[left[i]!]!
      // In order of invocation: those that follow began too late as well.
      if (invokePosition > before[version]!) break
      if (returnPosition < after[version]!) {
        // Too early for this one, and so for all that follow.
        left.splice(i--, 1)
        continue
      }
      const seen = observed[left[i]!]!
      if (seen !== nothing && seen !== stateBefore) continue
      if (best < 0 || returnPosition < operations[left[best]!]!.returnPosition) best = i
    }
    if (best < 0) return false
    writer[version] = left[best]!
    left.splice(best, 1)
  }
  return true
}
