import type { HistoryEvent, OperationEvent } from './event.ts'

/** An invocation with its completion, as checkers see it. */
export interface PairedOperation {
  readonly process: number
  readonly f: string
  readonly key: string | null
  /** The invocation's value. */
  readonly input: unknown
  /** The completion's value, if it is `ok`; else undefined. */
  readonly output: unknown
  /** `fail` operations are left out: they did not happen. `info`: may have happened, at any time from the invocation on. */
  readonly outcome: 'ok' | 'info'
  readonly node: string | null
  /** Positions in the history, from 0: the order is what counts. */
  readonly invokePosition: number
  /** Infinity for `info`, and where no completion came. */
  readonly returnPosition: number
  /** History indexes, as the file says them. */
  readonly invokeIndex: number
  readonly returnIndex: number | null
  readonly invokeNs: number
  readonly returnNs: number | null
  readonly version: number | null
  /** Of a read, where the invocation says it; null: the plan's. */
  readonly consistency: 'default' | 'consistent' | 'stale' | null
}

/** The history contradicts itself before any model is asked. */
export class MalformedHistoryError extends Error {
  override readonly name = 'MalformedHistoryError'
}

interface OpenOperation {
  readonly event: OperationEvent
  readonly position: number
  /** Its place in the order of invocation. */
  readonly slot: number
}

/** Pairs invocations with completions, in order of invocation. Throws MalformedHistoryError. */
export function pairOperations(history: readonly HistoryEvent[]): PairedOperation[] {
  const operations: (PairedOperation | null)[] = []
  const open = new Map<number, OpenOperation>()
  for (let position = 0; position < history.length; position++) {
    const event = history[position]!
    if (event.process === 'nemesis') continue
    const begun = open.get(event.process)
    if (event.type === 'invoke') {
      if (begun !== undefined) {
        throw new MalformedHistoryError(`Worker ${event.process} invokes ${event.f} at index ${event.index}, but its ${begun.event.f} of index ${begun.event.index} has not ended.`)
      }
      open.set(event.process, { event, position, slot: operations.length })
      operations.push(null)
      continue
    }
    if (begun === undefined) {
      throw new MalformedHistoryError(`Worker ${event.process} ends ${event.f} with ${event.type} at index ${event.index}, but it has invoked nothing.`)
    }
    open.delete(event.process)
    if (event.f !== begun.event.f) {
      throw new MalformedHistoryError(`Worker ${event.process} invoked ${begun.event.f} at index ${begun.event.index} and ends ${event.f} at index ${event.index}.`)
    }
    if (event.type !== 'fail') operations[begun.slot] = paired(begun, event, position)
  }
  for (const begun of open.values()) operations[begun.slot] = paired(begun, null, Infinity)
  return operations.filter((operation) => operation !== null)
}

/** `completion`: null where none came. */
function paired({ event, position }: OpenOperation, completion: OperationEvent | null, completionPosition: number): PairedOperation {
  const ok = completion !== null && completion.type === 'ok'
  return {
    process: event.process, f: event.f, key: event.key ?? null, input: event.value,
    output: ok ? completion.value : undefined,
    outcome: ok ? 'ok' : 'info',
    node: event.node ?? null,
    invokePosition: position,
    returnPosition: ok ? completionPosition : Infinity,
    invokeIndex: event.index,
    returnIndex: completion === null ? null : completion.index,
    invokeNs: event.time,
    returnNs: completion === null ? null : completion.time,
    version: ok ? completion.version ?? null : null,
    consistency: event.consistency ?? null,
  }
}
