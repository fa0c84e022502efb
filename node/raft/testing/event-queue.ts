/** Events in virtual time, earliest first; equal times in the order they were added. A binary heap. */
export class EventQueue {
  readonly #heap: { readonly atMs: number, readonly order: number, readonly run: () => void }[] = []
  #order = 0
  nowMs = 0

  at(atMs: number, run: () => void): void {
    const heap = this.#heap
    const event = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, run }
    let i = heap.length
    heap.push(event)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = event
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run)
  }

  /** Runs events up to and at `endMs`, or until `stop` says so. */
  runUntil(endMs: number, stop: () => boolean = () => false): void {
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= endMs && !stop()) {
      const event = this.#pop()
      this.nowMs = event.atMs
      event.run()
    }
    if (!stop()) this.nowMs = endMs
  }

  #pop() {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    const size = heap.length
    if (size === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= size) break
      if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return first
  }
}

function before(a: { atMs: number, order: number }, b: { atMs: number, order: number }): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
