/**
 * A map of which copies can be taken without stopping: `capture` costs nothing,
 * and what changes while a copy is read is kept aside as it was. Values must be
 * immutable. Who reads a copy knows its keys (`SortedKeys.capture`).
 *
 * It is a row of many small maps. One large `Map` stops the program for tens of
 * milliseconds whenever it outgrows its table (a million entries: 60 to 90 ms).
 */
export interface Capture<V> {
  /** What stood at a key of the map as it was. */
  get(key: string): V | undefined
  /** Ends it. Must be called, else everything that changes is kept for ever. */
  release(): void
}

/** A power of two. With a million entries each has two thousand, which move in well under a millisecond. */
const shardsCount = 512
/** Of a key, its last characters tell the shard: what is counted up stands there. */
const hashedUnitsMax = 24

export class CopyOnWriteMap<V> {
  readonly #shards: (Map<string, V> | undefined)[] = new Array(shardsCount).fill(undefined)
  #size = 0
  /** For each copy that is read: what was under the keys that have changed since; undefined for nothing. */
  readonly #before = new Set<Map<string, V | undefined>>()

  get size(): number {
    return this.#size
  }

  get(key: string): V | undefined {
    return this.#shards[shardOf(key)]?.get(key)
  }

  has(key: string): boolean {
    return this.#shards[shardOf(key)]?.has(key) ?? false
  }

  set(key: string, value: V): this {
    this.#keep(key)
    const at = shardOf(key)
    const shard = this.#shards[at] ??= new Map()
    const before = shard.size
    shard.set(key, value)
    this.#size += shard.size - before
    return this
  }

  delete(key: string): boolean {
    this.#keep(key)
    const deleted = this.#shards[shardOf(key)]?.delete(key) ?? false
    if (deleted) this.#size--
    return deleted
  }

  *[Symbol.iterator](): Generator<[string, V]> {
    for (const shard of this.#shards) if (shard !== undefined) yield* shard
  }

  capture(): Capture<V> {
    const before = new Map<string, V | undefined>()
    this.#before.add(before)
    return {
      get: (key) => before.has(key) ? before.get(key) : this.get(key),
      release: () => { this.#before.delete(before) },
    }
  }

  #keep(key: string): void {
    if (this.#before.size === 0) return
    for (const before of this.#before) if (!before.has(key)) before.set(key, this.get(key))
  }
}

/** FNV-1a over UTF-16 units. */
function shardOf(key: string): number {
  let hash = key.length
  for (let i = Math.max(0, key.length - hashedUnitsMax); i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash ^ hash >>> 15) & (shardsCount - 1)
}
