import { invariant } from '../../../node/base/assert.ts'

/**
 * Events in virtual time, earliest first; at equal times in the order in which
 * they were added. A binary heap. The queue's `nowNs` is the simulation's
 * clock: whole nanoseconds, exact up to 104 days.
 */
export class EventQueue {
  #heap: Event[] = []
  /**
   * Events of this very moment, in the order in which they were added, from
   * `#dueFrom` on: half of all. They come behind those of this moment that
   * stand in the heap, which were added when it was yet to come.
   */
  #due: Event[] = []
  #dueFrom = 0
  #sequence = 0
  #nowNs = 0
  /** Cancelled events that still stand here. */
  #cancelledCount = 0

  get nowNs(): number {
    return this.#nowNs
  }

  /** Events that will run. */
  get size(): number {
    return this.#heap.length + this.#due.length - this.#dueFrom - this.#cancelledCount
  }

  /** At `timeNs`, or at once, but not before what stands there already, if that is past. */
  at(timeNs: number, task: () => void): Event {
    const event: Event = { timeNs: Math.max(timeNs, this.#nowNs), sequence: this.#sequence++, task }
    invariant(Number.isSafeInteger(event.timeNs), () => `an event at ${timeNs} ns, which is no whole number of ns that can be told from its neighbours`)
    if (event.timeNs === this.#nowNs) {
      this.#due.push(event)
      return event
    }
    this.#heap.push(event)
    this.#siftUp(this.#heap.length - 1, event)
    return event
  }

  /** Not before `delayMs` has passed: rounded up to whole ns. */
  after(delayMs: number, task: () => void): Event {
    return this.at(this.#nowNs + Math.max(0, Math.ceil(delayMs * 1e6)), task)
  }

  /** The event will not run. Harmless after it ran. */
  cancel(event: Event): void {
    if (event.task === null) return
    event.task = null
    this.#cancelledCount++
    if (this.#cancelledCount > 64 && this.#cancelledCount * 2 > this.#heap.length + this.#due.length) this.#compact()
  }

  /** Goes on to the next event and runs it. False if there is none. What it throws comes out here. */
  runNext(): boolean {
    for (;;) {
      const event = this.#pop()
      if (event === undefined) return false
      const { task } = event
      if (task === null) {
        this.#cancelledCount--
        continue
      }
      event.task = null
      this.#nowNs = event.timeNs
      task()
      return true
    }
  }

  #siftUp(from: number, event: Event): void {
    const heap = this.#heap
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  #siftDown(from: number, event: Event): void {
    const heap = this.#heap
    const size = heap.length
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, event)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = event
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    if (this.#dueFrom < this.#due.length && (first === undefined || first.timeNs > this.#nowNs)) {
      const event = this.#due[this.#dueFrom++]!
      if (this.#dueFrom === this.#due.length) {
        this.#due.length = 0
        this.#dueFrom = 0
      }
      return event
    }
    const last = heap.pop()
    if (first !== undefined && heap.length > 0) this.#siftDown(0, last!)
    return first
  }

  /** Timers are mostly cancelled: without this the heap would grow with all of them. */
  #compact(): void {
    this.#heap = this.#heap.filter((event) => event.task !== null)
    this.#due = this.#due.slice(this.#dueFrom).filter((event) => event.task !== null)
    this.#dueFrom = 0
    this.#cancelledCount = 0
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at--) this.#siftDown(at, this.#heap[at]!)
  }
}

/** A place in the queue, to cancel it by. */
export interface Event {
  readonly timeNs: number
  readonly sequence: number
  /** Null once it ran or was cancelled. */
  task: (() => void) | null
}

function isBefore(a: Event, b: Event): boolean {
  return a.timeNs < b.timeNs || (a.timeNs === b.timeNs && a.sequence < b.sequence)
}
