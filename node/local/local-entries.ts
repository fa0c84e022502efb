/** By id; sorted when somebody asks, and not again until an id comes or goes. */
export class LocalEntries<T> {
  readonly #entries = new Map<string, T>()
  readonly #likes = new Map<string, Set<string>>()
  #ids: readonly string[] | null = null

  get(id: string): T | null {
    return this.#entries.get(id) ?? null
  }

  values(): Iterable<T> {
    return this.#entries.values()
  }

  idsLike(id: string): Iterable<string> {
    return this.#likes.get(id.toLowerCase()) ?? []
  }

  sorted(): T[] {
    this.#ids ??= [...this.#entries.keys()].sort()
    return this.#ids.map((id) => this.#entries.get(id)!)
  }

  set(id: string, entry: T): void {
    if (!this.#entries.has(id)) {
      this.#ids = null
      const key = id.toLowerCase()
      const likes = this.#likes.get(key)
      if (likes === undefined) this.#likes.set(key, new Set([id]))
      else likes.add(id)
    }
    this.#entries.set(id, entry)
  }

  delete(id: string): boolean {
    if (!this.#entries.delete(id)) return false
    this.#ids = null
    const key = id.toLowerCase()
    const likes = this.#likes.get(key)!
    likes.delete(id)
    if (likes.size === 0) this.#likes.delete(key)
    return true
  }
}
