/**
 * News to be piggybacked on whatever is sent. Each is sent a bounded number of
 * times; the least sent first, of those the longest, of those the newest.
 */
export class BroadcastQueue {
  readonly #itemsMax: number
  #items: Item[] = []
  #order = 0

  /** Above `itemsMax` the item that was sent most is dropped. */
  constructor(itemsMax = 4096) {
    this.#itemsMax = itemsMax
  }

  get size(): number {
    return this.#items.length
  }

  /** `key`: newer news replaces what is queued under the same. Null: replaces nothing. */
  add(key: string | null, bytes: Uint8Array): void {
    if (key !== null) this.#items = this.#items.filter((item) => item.key !== key)
    this.#items.push({ key, bytes, transmits: 0, order: this.#order++ })
    if (this.#items.length > this.#itemsMax) {
      this.#items.sort(bySending)
      this.#items.pop()
    }
  }

  /** Whether it is still to be sent. */
  has(key: string): boolean {
    return this.#items.some((item) => item.key === key)
  }

  /** Takes what fits into `bytesMax`, each with `overheadBytes` more, and counts it as sent. */
  take(bytesMax: number, overheadBytes: number, transmitsMax: number): Uint8Array[] {
    if (this.#items.length === 0) return []
    this.#items.sort(bySending)
    const taken: Uint8Array[] = []
    let left = bytesMax
    for (const item of this.#items) {
      const size = item.bytes.length + overheadBytes
      if (size > left) continue
      left -= size
      taken.push(item.bytes)
      item.transmits++
    }
    if (taken.length > 0) this.#items = this.#items.filter((item) => item.transmits < transmitsMax)
    return taken
  }
}

interface Item {
  readonly key: string | null
  readonly bytes: Uint8Array
  transmits: number
  readonly order: number
}

function bySending(a: Item, b: Item): number {
  return a.transmits - b.transmits || b.bytes.length - a.bytes.length || b.order - a.order
}
