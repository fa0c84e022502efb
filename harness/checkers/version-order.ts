import type { PairedOperation } from '../history/operations.ts'

/**
 * What the versions in a history tell about its writes, key by key. For
 * systems whose versions grow with each change (Consul's ModifyIndex, etcd's
 * mod_revision); a key that is absent, and was never deleted, has version 0.
 */
export interface VersionOrder {
  /** The version that an operation read or made; null where nobody told. */
  versionOf(operation: PairedOperation): number | null
  /** The newest version of a key that somebody had been told when a position was reached. */
  knownAt(key: string | null, position: number): Known | null
  /** When somebody was first told a version newer than this one; null: never. */
  firstNewer(key: string | null, version: number): Known | null
}

export interface Known {
  readonly version: number
  /** The operation that was told, when it returned. */
  readonly by: PairedOperation
}

export const isRead = (operation: PairedOperation): boolean => operation.f === 'read'

/** What a write or a swap writes. */
export function valueWritten({ f, input }: PairedOperation): unknown {
  return f === 'cas' && Array.isArray(input) ? input[1] : input
}

const place = (key: string | null, value: unknown) => `${key ?? ''}\u0000${JSON.stringify(value ?? null)}`

export function versionOrder(operations: readonly PairedOperation[]): VersionOrder {
  const versions = versionsByValue(operations)
  const versionOf = (operation: PairedOperation): number | null => {
    if (operation.version !== null) return operation.version
    if (isRead(operation)) return operation.outcome === 'ok' && operation.output === null ? 0 : null
    return versions.get(place(operation.key, valueWritten(operation))) ?? null
  }
  // For each key the versions that were newer than all before, in order of the returns that told them.
  const records = new Map<string | null, Known[]>()
  const returned = operations.filter(({ outcome }) => outcome === 'ok').sort((a, b) => a.returnPosition - b.returnPosition)
  for (const by of returned) {
    const version = versionOf(by)
    if (version === null) continue
    const known = records.get(by.key)
    if (known === undefined) records.set(by.key, [{ version, by }])
    else if (known.at(-1)!.version < version) known.push({ version, by })
  }
  return {
    versionOf,
    knownAt: (key, position) => lastWhere(records.get(key) ?? [], ({ by }) => by.returnPosition < position),
    firstNewer: (key, version) => {
      const known = records.get(key) ?? []
      return known[countWhere(known, (record) => record.version <= version)] ?? null
    },
  }
}

/** Writes are often not told their version: reads of what they wrote tell it, if nobody else wrote the same. */
function versionsByValue(operations: readonly PairedOperation[]): Map<string, number> {
  const writers = new Map<string, number>()
  for (const operation of operations) {
    if (isRead(operation)) continue
    const at = place(operation.key, valueWritten(operation))
    writers.set(at, (writers.get(at) ?? 0) + 1)
  }
  const versions = new Map<string, number>()
  for (const operation of operations) {
    if (!isRead(operation) || operation.version === null) continue
    const at = place(operation.key, operation.output)
    if (writers.get(at) === 1) versions.set(at, operation.version)
  }
  return versions
}

/** How many of the first elements fulfil a condition that holds for a beginning only. */
function countWhere<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(items[middle]!)) low = middle + 1
    else high = middle
  }
  return low
}

function lastWhere<T>(items: readonly T[], holds: (item: T) => boolean): T | null {
  return items[countWhere(items, holds) - 1] ?? null
}
