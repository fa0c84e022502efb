import type { HistoryEvent, OperationEvent } from '../../history/event.ts'
import { MalformedHistoryError } from '../../history/operations.ts'

/**
 * Sets that only grow, one for each key of the history: `add` has an element,
 * unique in its set; `read` and `final-read` have all elements as a list.
 * Other operations are none of the set's.
 */
export interface SetHistory {
  readonly key: string | null
  readonly adds: ReadonlyMap<Element, Add>
  /** Completed ones, in order of completion. */
  readonly reads: readonly SetRead[]
}

/** As it stands in the history; anything that is no number or text, as its JSON. */
export type Element = number | string

interface Timed {
  /** Positions in the history. */
  readonly invoked: number
  /** Infinity: may take effect at any later time. */
  readonly returned: number
  readonly invokedNs: number
  readonly returnedNs: number
  /** However it ended; null: it did not. */
  readonly endedNs: number | null
  readonly eventIndexes: readonly number[]
}

export interface Add extends Timed {
  readonly element: Element
  readonly outcome: 'ok' | 'info' | 'fail'
}

export interface SetRead extends Timed {
  readonly final: boolean
  readonly elements: ReadonlySet<Element>
  /** Those that are in the answer more than once. */
  readonly twice: readonly Element[]
}

/** Throws MalformedHistoryError. */
export function readSets(history: readonly HistoryEvent[]): SetHistory[] {
  const sets = new Map<string | null, { adds: Map<Element, Add>, reads: SetRead[] }>()
  const open = new Map<number, { readonly event: OperationEvent, readonly position: number }>()
  const end = (begun: { readonly event: OperationEvent, readonly position: number }, ended: { readonly event: OperationEvent, readonly position: number } | null) => {
    const { event: { f, key = null, value, index, time } } = begun
    if (f !== 'add' && f !== 'read' && f !== 'final-read') return
    let set = sets.get(key)
    if (set === undefined) sets.set(key, set = { adds: new Map(), reads: [] })
    const outcome = ended === null ? 'info' : ended.event.type as Add['outcome']
    const ok = outcome === 'ok'
    const timed: Timed = {
      invoked: begun.position, invokedNs: time,
      returned: ok ? ended!.position : Number.POSITIVE_INFINITY, returnedNs: ok ? ended!.event.time : Number.POSITIVE_INFINITY,
      endedNs: ended?.event.time ?? null,
      eventIndexes: ended === null ? [index] : [index, ended.event.index],
    }
    if (f === 'add') {
      const element = asElement(value)
      if (set.adds.has(element)) throw new MalformedHistoryError(`${JSON.stringify(value)} is added${key === null ? '' : ` to ${key}`} twice (again at index ${index}): elements must be unique.`)
      set.adds.set(element, { ...timed, element, outcome })
    } else if (ok) {
      set.reads.push({ ...timed, final: f === 'final-read', ...elementsOf(ended!.event) })
    }
  }
  history.forEach((event, position) => {
    if (event.process === 'nemesis') return
    const begun = open.get(event.process)
    if (event.type === 'invoke') {
      if (begun !== undefined) throw new MalformedHistoryError(`Worker ${event.process} invokes ${event.f} at index ${event.index}, but its ${begun.event.f} of index ${begun.event.index} has not ended.`)
      open.set(event.process, { event, position })
      return
    }
    if (begun === undefined) throw new MalformedHistoryError(`Worker ${event.process} ends ${event.f} with ${event.type} at index ${event.index}, but it has invoked nothing.`)
    open.delete(event.process)
    end(begun, { event, position })
  })
  for (const begun of open.values()) end(begun, null)
  return [...sets].map(([key, { adds, reads }]) => ({ key, adds, reads }))
}

function elementsOf({ value, index }: OperationEvent): { elements: ReadonlySet<Element>, twice: Element[] } {
  if (!Array.isArray(value)) throw new MalformedHistoryError(`The read that ends at index ${index} has the value ${JSON.stringify(value)}; it should be a list.`)
  const elements = new Set<Element>()
  const twice: Element[] = []
  for (const item of value) {
    const element = asElement(item)
    if (elements.has(element)) twice.push(element)
    elements.add(element)
  }
  return { elements, twice }
}

const asElement = (value: unknown): Element => typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value)
