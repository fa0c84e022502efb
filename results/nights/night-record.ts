import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** What one `splitbrain nightly` did: `night.json` in `results/store/nights/<start>/`. */
const nightRunSchema = z.object({
  /** Of the matrix. */
  workload: z.string(),
  nemesis: z.array(z.string()),
  members: z.int(),
  system: z.string(),
  env: z.enum(['simulated', 'local', 'docker']),
  seed: z.int(),
  timeLimitS: z.number(),
  /** `failed`: the run itself did; `skipped`: the budget was over, or it cannot be done here (`why`). */
  outcome: z.enum(['valid', 'invalid', 'unknown', 'failed', 'skipped']),
  why: z.string().nullable(),
  /** Of checkers that are not valid. */
  findings: z.array(z.object({ checker: z.string(), verdict: z.enum(['valid', 'invalid', 'unknown']), summary: z.string(), evidence: z.array(z.string()) })),
  /** Relative to the store; null where it was pruned or never made. */
  directory: z.string().nullable(),
  rerun: z.string().nullable(),
  tookS: z.number(),
  throughputPerS: z.number().nullable(),
  /** Of 1. */
  answered: z.number().nullable(),
  withoutLeaderMs: z.number().nullable(),
  /** Each election's, from the first vote that was asked for to the leader: from the members' traces; empty where there are none. */
  electionMs: z.array(z.number()),
})

const nightRecordSchema = z.object({
  startedAt: z.string(),
  tookS: z.number(),
  budgetS: z.number(),
  jobs: z.int(),
  versions: z.record(z.string(), z.string()),
  git: z.object({ commit: z.string(), dirty: z.boolean() }).nullable(),
  runs: z.array(nightRunSchema),
})

export type NightRun = Readonly<z.infer<typeof nightRunSchema>>
export type NightRecord = Readonly<z.infer<typeof nightRecordSchema>>

/** Throws an Error with a sentence where the file is none. */
export function readNightRecord(file: string): NightRecord {
  try {
    return nightRecordSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new Error(`${file} is no record of a night: ${error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message}.`)
  }
}
