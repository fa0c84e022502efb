/**
 * What a history needs besides its events to be judged as its run was: the plan
 * and the faults, with the times that the conductor knew. It travels in the
 * exported file, in each format where a reader who does not know of it is
 * disturbed least: a first line of JSON Lines, a comment of EDN, a first row of
 * CSV, the metadata of Parquet.
 */
import { z } from 'zod'
import type { RunPlan } from '../plan/plan.ts'
import type { FaultRecord } from '../runner/fault-record.ts'

export interface HistoryContext {
  readonly plan: RunPlan
  readonly faults: readonly FaultRecord[]
}

/** The property that marks the object, with the version of what is in it. */
export const contextMark = 'splitbrain'
export const contextVersion = 1

/** Fields without which nothing can be judged; the rest is as it was written. */
const contextSchema = z.object({
  [contextMark]: z.literal(contextVersion),
  plan: z.looseObject({ workload: z.string(), members: z.int().min(1), timeLimitS: z.number(), consistency: z.string(), env: z.string() }),
  faults: z.array(z.looseObject({ fault: z.int(), name: z.string(), step: z.enum(['start', 'stop', 'skip']), askedNs: z.number(), doneNs: z.number(), error: z.string().nullable() })),
})

/** As one line of JSON. */
export function formatContext({ plan, faults }: HistoryContext): string {
  return JSON.stringify({ [contextMark]: contextVersion, plan, faults })
}

/** Null: it is none, or of a version that is not known here. */
export function toContext(value: unknown): HistoryContext | null {
  const parsed = contextSchema.safeParse(value)
  if (!parsed.success) return null
  const { plan, faults } = parsed.data
  return { plan: plan as unknown as RunPlan, faults: faults as unknown as FaultRecord[] }
}

export const isMarked = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.hasOwn(value, contextMark)
