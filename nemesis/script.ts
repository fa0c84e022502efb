import { z } from 'zod'
import type { Nemesis } from './nemesis.ts'

/**
 * Faults with their times, as a person writes them or as a recorded run is
 * turned into them:
 * `{ "faults": [{ "at": 5, "for": 3, "fault": "pause", "target": "leader" }] }`.
 */
export interface FaultScript {
  readonly faults: readonly ScriptedFault[]
}

export interface ScriptedFault {
  /** Seconds after the main phase began. */
  readonly at: number
  /** Seconds until it is mended; without it the last phase does that. */
  readonly for?: number | undefined
  /** The family's name. */
  readonly fault: string
  /** Short for `value.target`. */
  readonly target?: string | undefined
  /** What the family is asked; what it leaves open is drawn from the seed. A recorded run's says everything. */
  readonly value?: Readonly<Record<string, unknown>> | undefined
  /** For readers. */
  readonly note?: string | undefined
}

const scriptSchema: z.ZodType<FaultScript> = z.strictObject({
  faults: z.array(z.strictObject({
    at: z.number().min(0),
    for: z.number().gt(0).optional(),
    fault: z.string(),
    target: z.string().optional(),
    value: z.record(z.string(), z.unknown()).optional(),
    note: z.string().optional(),
  })),
})

export class FaultScriptError extends Error {
  override readonly name = 'FaultScriptError'
}

/**
 * Checks the shape, in order of time.
 * @param origin for sentences: `The script faults.json`
 * @throws FaultScriptError
 */
export function parseFaultScript(value: unknown, origin: string): FaultScript {
  const parsed = scriptSchema.safeParse(value)
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`)
    throw new FaultScriptError(`${origin} is no script of faults: ${problems.join('; ')}. One is { "faults": [{ "at": 5, "for": 3, "fault": "pause", "target": "leader" }] }, times in seconds.`)
  }
  return { faults: [...parsed.data.faults].sort((a, b) => a.at - b.at) }
}

/** What is asked of the family, its target among it. */
export const askedOf = ({ target, value }: ScriptedFault): Readonly<Record<string, unknown>> =>
  target === undefined ? value ?? {} : { ...value, target }

/** Everything that does not fit these families and members, a sentence each. */
export function scriptObjections(script: FaultScript, nemeses: Readonly<Record<string, Nemesis>>, members: readonly string[]): string[] {
  return script.faults.flatMap((scripted, i) => {
    const where = `faults.${i} (${scripted.fault} at ${scripted.at} s)`
    const nemesis = Object.hasOwn(nemeses, scripted.fault) ? nemeses[scripted.fault]! : undefined
    if (nemesis === undefined) return [`${where}: there is no such fault; there are ${Object.keys(nemeses).join(', ')}`]
    if (nemesis.objection === undefined) return [`${where}: this family cannot be scripted`]
    const objection = nemesis.objection(askedOf(scripted), members)
    return objection === null ? [] : [`${where}: ${objection}`]
  })
}
