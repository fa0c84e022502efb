import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { measuredSchema } from '../bench/bench-record.ts'

/** What `splitbrain compare --members 3,4,5` measured: `compare.json` in `results/store/compare/<start>/`. */
const membersRecordSchema = measuredSchema.extend({
  compare: z.literal('members'),
  memberCounts: z.array(z.int()),
  /** What the numbers show, in sentences. */
  words: z.array(z.string()),
})

export type MembersRecord = Readonly<z.infer<typeof membersRecordSchema>>

/** Throws an Error with a sentence where the file is none. */
export function readMembersRecord(file: string): MembersRecord {
  try {
    return membersRecordSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new Error(`${file} is no record of a comparison: ${error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message}.`)
  }
}
