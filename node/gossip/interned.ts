/**
 * What was read before is not read again: the same few tags and events come in
 * every exchange of full state. Holds no more than so many, and forgets all when
 * more come.
 */
export class Interned<T> {
  readonly #itemsMax: number
  readonly #known = new Map<string, T>()

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax
  }

  /** `key`: the bytes. What `read` throws is not kept. */
  get(key: string, read: () => T): T {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const value = read()
    if (this.#known.size >= this.#itemsMax) this.#known.clear()
    this.#known.set(key, value)
    return value
  }
}
