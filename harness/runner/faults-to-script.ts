import { z } from 'zod'
import { FaultScriptError, type FaultScript, type ScriptedFault } from '../../nemesis/script.ts'

/** What is needed of a line of `faults.jsonl`. */
const recordSchema = z.object({
  fault: z.int(),
  name: z.string(),
  step: z.enum(['start', 'stop', 'skip']),
  value: z.unknown(),
  sinceMainS: z.number().nullable(),
  error: z.string().nullable(),
})

type Recorded = z.infer<typeof recordSchema>

/**
 * The faults that a run had, as a script that makes them again: the same
 * values at the same times of the main phase. What did not come about is left
 * out, and what the last phase mended stays on until that phase.
 * @param records the lines of `faults.jsonl`, in order
 * @throws FaultScriptError
 */
export function scriptFromRecords(records: readonly unknown[], origin: string): FaultScript {
  const read = records.map((record, i): Recorded => {
    const parsed = recordSchema.safeParse(record)
    if (!parsed.success) throw new FaultScriptError(`${origin}, line ${i + 1}: ${z.prettifyError(parsed.error)}`)
    return parsed.data
  })
  const faults = read.filter(({ step, error }) => step === 'start' && error === null).map(({ fault, name, value, sinceMainS }): ScriptedFault => {
    const end = read.find((record) => record.fault === fault && record.step === 'stop')?.sinceMainS ?? null
    const at = Math.max(0, sinceMainS ?? 0)
    return {
      at,
      ...end === null ? {} : { for: Math.max(0.001, Number((end - at).toFixed(6))) },
      fault: name,
      value: value as Record<string, unknown>,
    }
  })
  return { faults: faults.sort((a, b) => a.at - b.at) }
}
