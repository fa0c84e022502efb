import type { PairedOperation } from '../history/operations.ts'
import type { Model } from './model.ts'
import type { MappedOperations } from './zones.ts'

/** Which write each operation saw. */
export interface ReadMapping {
  readonly operations: MappedOperations
  /** No other mapping is possible: what contradicts it contradicts the model. Else the mapping is a guess, and only an order that it gives proves something. */
  readonly forced: boolean
}

const nothing = -1
const initial = 0

/** What each operation writes and observes, as the model's states. */
export interface Effects {
  readonly written: readonly (string | null)[]
  readonly observed: readonly (string | null)[]
}

/**
 * Where every value is written at most once, a value tells its write. Null
 * where one is written twice, or the initial one is.
 */
export function mapByValue(model: Model, operations: readonly PairedOperation[], effects: Effects): ReadMapping | null {
  const ids = new Map<string, number>([[model.initial, initial]])
  const writes = new Int32Array(operations.length).fill(nothing)
  for (let op = 0; op < operations.length; op++) {
    const written = effects.written[op]!
    if (written === null) continue
    if (ids.has(written)) return null
    writes[op] = ids.size
    ids.set(written, ids.size)
  }
  const observes = new Int32Array(operations.length).fill(nothing)
  for (let op = 0; op < operations.length; op++) {
    const observed = effects.observed[op]!
    if (observed === null) continue
    let id = ids.get(observed)
    // Nobody wrote it: a write without a writer.
    if (id === undefined) ids.set(observed, id = ids.size)
    observes[op] = id
  }
  return { operations: mapped(operations, writes, observes, ids.size), forced: true }
}

/** Null where the model does not tell what operations write and observe. */
export function effectsOf(model: Model, operations: readonly PairedOperation[]): Effects | null {
  const written: (string | null)[] = []
  const observed: (string | null)[] = []
  for (const operation of operations) {
    const value = model.written(operation)
    const seen = model.observed(operation)
    if (value === null && seen === null && operation.outcome === 'ok') return null
    // A cas to what it expects is a read.
    written.push(value === seen ? null : value)
    observed.push(value === seen && operation.outcome !== 'ok' ? null : seen)
  }
  return { written, observed }
}

function mapped(operations: readonly PairedOperation[], writes: Int32Array, observes: Int32Array, writeCount: number): MappedOperations {
  return {
    invoke: Float64Array.from(operations, (operation) => operation.invokePosition),
    return: Float64Array.from(operations, (operation) => operation.returnPosition),
    writes, observes, writeCount,
  }
}

/** One version of the object: who made it, and when it must have been made. */
interface Version {
  readonly number: number
  readonly value: string
  /** Number of its write. */
  readonly id: number
  writer: number
  /** Before the first return of what saw it; after the last invocation of what saw an older one. */
  before: number
  after: number
}

/**
 * Where the system tells versions (Consul's ModifyIndex, etcd's mod_revision):
 * the version of a read tells its write, whatever the values. Writes and swaps
 * whose version was not told (Consul tells none; `info`) are matched to the
 * versions that nobody else made, by value and time. What a swap saw is the
 * version before its own. Null where that does not settle it: a read without
 * a version, one version with two values or two writers, a version that nobody
 * can have made, writes of the initial value.
 *
 * It assumes that versions grow in the order of the writes. Should a system
 * break that, the mapping leads to no order, and the general search decides.
 */
export function mapByVersion(model: Model, operations: readonly PairedOperation[], effects: Effects): ReadMapping | null {
  const versions = collectVersions(model, operations, effects)
  if (versions === null) return null
  const ordered = [...versions.values()].sort((a, b) => a.number - b.number)
  setWindows(operations, versions, ordered)
  if (!matchWriters(operations, effects, ordered)) return null
  const writes = new Int32Array(operations.length).fill(nothing)
  const observes = new Int32Array(operations.length).fill(nothing)
  for (const version of ordered) writes[version.writer] = version.id
  let writeCount = ordered.length + 1
  for (let op = 0; op < operations.length; op++) {
    const operation = operations[op]!
    const observed = effects.observed[op]!
    if (effects.written[op] === null) {
      if (observed !== null) observes[op] = operation.version === null ? initial : versions.get(operation.version)!.id
      continue
    }
    const own = writes[op]!
    if (own === nothing) {
      // Its version is never seen. If it is a swap that happened, nothing tells what it saw.
      if (observed !== null && operation.outcome === 'ok') return null
      writes[op] = writeCount++
      // A swap that need not have happened, and that nobody saw: as if it saw itself, it stays outside of all chains.
      if (observed !== null) observes[op] = writes[op]!
    } else if (observed !== null) {
      const before = own === 1 ? null : ordered[own - 2]!
      if ((before?.value ?? model.initial) !== observed) return null
      observes[op] = before?.id ?? initial
    }
  }
  return { operations: mapped(operations, writes, observes, writeCount), forced: false }
}

function collectVersions(model: Model, operations: readonly PairedOperation[], { written, observed }: Effects): Map<number, Version> | null {
  const found = new Map<number, { value: string, writer: number }>()
  for (let op = 0; op < operations.length; op++) {
    const operation = operations[op]!
    if (written[op] === model.initial) return null
    if (operation.outcome !== 'ok') continue
    const value = (written[op] ?? observed[op])!
    if (operation.version === null) {
      if (written[op] === null && value !== model.initial) return null
      continue
    }
    if (value === model.initial) return null
    const known = found.get(operation.version)
    const writer = written[op] === null ? nothing : op
    if (known === undefined) found.set(operation.version, { value, writer })
    else if (known.value !== value || (writer !== nothing && known.writer !== nothing)) return null
    else if (writer !== nothing) known.writer = writer
  }
  const versions = new Map<number, Version>()
  ;[...found.keys()].sort((a, b) => a - b).forEach((number, i) => {
    versions.set(number, { number, id: i + 1, ...found.get(number)!, before: Infinity, after: -Infinity })
  })
  return versions
}

/** When each version must have come to be, if versions grow. */
function setWindows(operations: readonly PairedOperation[], versions: ReadonlyMap<number, Version>, ordered: readonly Version[]): void {
  for (const { version, invokePosition, returnPosition } of operations) {
    const seen = version === null ? undefined : versions.get(version)
    if (seen === undefined) continue
    seen.before = Math.min(seen.before, returnPosition)
    const next = ordered[seen.id]
    if (next !== undefined) next.after = Math.max(next.after, invokePosition)
  }
  for (let i = 1; i < ordered.length; i++) ordered[i]!.after = Math.max(ordered[i]!.after, ordered[i - 1]!.after)
  for (let i = ordered.length - 2; i >= 0; i--) ordered[i]!.before = Math.min(ordered[i]!.before, ordered[i + 1]!.before)
}

/**
 * Gives each version without a writer one that wrote its value at the right
 * time and has no version: of those that fit the one that returned first.
 * False where there is none.
 */
function matchWriters(operations: readonly PairedOperation[], { written }: Effects, ordered: readonly Version[]): boolean {
  const wanted = ordered.filter((version) => version.writer === nothing)
  if (wanted.length === 0) return true
  const candidates = new Map<string, number[]>()
  for (const { value } of wanted) candidates.set(value, [])
  operations.forEach(({ version }, op) => {
    if (version === null && written[op] !== null) candidates.get(written[op]!)?.push(op)
  })
  for (const version of wanted) {
    const left = candidates.get(version.value)!
    let best = -1
    for (let i = 0; i < left.length; i++) {
      const { invokePosition, returnPosition } = operations[left[i]!]!
      // In order of invocation: those that follow began too late as well.
      if (invokePosition > version.before) break
      if (returnPosition < version.after) continue
      if (best < 0 || returnPosition < operations[left[best]!]!.returnPosition) best = i
    }
    if (best < 0) return false
    version.writer = left[best]!
    left.splice(best, 1)
  }
  return true
}
