/**
 * A map of which one copy at a time can be taken without stopping: `capture`
 * costs nothing, and what changes while the copy is read is kept aside as it
 * was. The methods are those of `Map`, so that a table needs to know nothing
 * of snapshots. Values must be immutable.
 */
import { invariant } from '../base/assert.ts'

export interface Capture<K, V> {
  /** The map as it was, in no particular order; may be taken a little at a time. A pair may come twice, with the same value. */
  readonly pairs: Iterator<readonly [K, V]>
  /** Ends it. Must be called, else everything that changes is kept for ever. */
  release(): void
}

export class CopyOnWriteMap<K, V> {
  readonly #map = new Map<K, V>()
  /** While a copy is read: what was under the keys that have changed since; undefined for nothing. */
  #before: Map<K, V | undefined> | null = null

  get size(): number {
    return this.#map.size
  }

  get(key: K): V | undefined {
    return this.#map.get(key)
  }

  has(key: K): boolean {
    return this.#map.has(key)
  }

  set(key: K, value: V): this {
    this.#keep(key)
    this.#map.set(key, value)
    return this
  }

  delete(key: K): boolean {
    this.#keep(key)
    return this.#map.delete(key)
  }

  keys(): IterableIterator<K> {
    return this.#map.keys()
  }

  values(): IterableIterator<V> {
    return this.#map.values()
  }

  entries(): IterableIterator<[K, V]> {
    return this.#map.entries()
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#map.entries()
  }

  capture(): Capture<K, V> {
    invariant(this.#before === null, () => 'a second copy of a map is begun before the first is released')
    const before = new Map<K, V | undefined>()
    this.#before = before
    return {
      pairs: pairsAsOf(this.#map, before),
      release: () => {
        if (this.#before === before) this.#before = null
      },
    }
  }

  #keep(key: K): void {
    if (this.#before !== null && !this.#before.has(key)) this.#before.set(key, this.#map.get(key))
  }
}

/** What stands there unchanged, then what was changed since. A pair that changes after it was given comes again, as it was. */
function* pairsAsOf<K, V>(map: ReadonlyMap<K, V>, before: ReadonlyMap<K, V | undefined>): Generator<readonly [K, V]> {
  for (const pair of map) if (!before.has(pair[0])) yield pair
  // Nothing of the map is left to be given, so that what changes from here on adds only repetitions.
  for (const [key, value] of before) if (value !== undefined) yield [key, value]
}
