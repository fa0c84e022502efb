/** What writers wrote and watchers were told, as the history of the watch workload has it. */
import { z } from 'zod'
import type { HistoryEvent } from '../history/event.ts'
import { MalformedHistoryError, pairOperations, type PairedOperation } from '../history/operations.ts'

const entriesSchema = z.array(z.tuple([z.string(), z.union([z.string(), z.number()]), z.int()]))

/** The value of a `wait` that was answered: what was asked, the index, and all entries as [key, value, version]. */
export const waitValueSchema = z.object({
  since: z.int(), waitMs: z.number(), consistency: z.enum(['default', 'consistent', 'stale']), index: z.int(), entries: entriesSchema,
})

/** One answer to a blocking query. */
export interface Observation {
  readonly prefix: string
  readonly since: number
  readonly waitMs: number
  readonly consistency: 'default' | 'consistent' | 'stale'
  readonly index: number
  readonly entries: ReadonlyMap<string, WatchedValue>
  readonly operation: PairedOperation
}

export interface WatchedValue {
  readonly value: string | number
  readonly version: number
}

export interface WatchHistory {
  /** Writes and deletes that happened or may have, in order of invocation. */
  readonly changes: readonly PairedOperation[]
  /** In order of invocation. */
  readonly observations: readonly Observation[]
}

/** Throws MalformedHistoryError. */
export function watchHistory(history: readonly HistoryEvent[]): WatchHistory {
  const changes: PairedOperation[] = []
  const observations: Observation[] = []
  for (const operation of pairOperations(history)) {
    switch (operation.f) {
      case 'write':
      case 'delete':
        changes.push(operation)
        break
      case 'wait':
        if (operation.outcome === 'ok') observations.push(observationOf(operation))
        break
      default:
        throw new MalformedHistoryError(`The watch checker knows write, delete and wait, not ${operation.f} (index ${operation.invokeIndex}).`)
    }
  }
  return { changes, observations }
}

function observationOf(operation: PairedOperation): Observation {
  const parsed = waitValueSchema.safeParse(operation.output)
  if (!parsed.success) throw new MalformedHistoryError(`The wait at index ${operation.returnIndex} has a value that makes no sense: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`)
  const { entries, ...asked } = parsed.data
  return { ...asked, prefix: operation.key ?? '', entries: new Map(entries.map(([key, value, version]) => [key, { value, version }])), operation }
}
