import { z } from 'zod'
import type { SourceEdit } from '../environments/environment.ts'

/** A bug to plant on purpose, so that we see whether the harness sees it. */
export interface Mutant {
  /** For `--mutant`: `ack-before-quorum`. */
  readonly name: string
  /** A sentence: what is broken, and which promise that breaks. */
  readonly about: string
  /** All are made together. */
  readonly edits: readonly SourceEdit[]
  /** Arguments of `splitbrain test` under which the bug shows itself, apart from `--mutant` and `--env`. */
  readonly runs: {
    readonly simulated: readonly string[]
    /** For local and docker; null where none of the faults that it takes is to be had there, or where it would take minutes. */
    readonly local: readonly string[] | null
    /** Of a bug that one family of faults alone can show: the simulated run without that fault, which does not catch it. */
    readonly withoutFault?: readonly string[]
  }
}

const editSchema = z.strictObject({
  file: z.string().regex(/^node\/[\w./-]+\.ts$/, 'must be a .ts file of the member, as node/raft/x.ts')
    .refine((file) => !file.split('/').includes('..'), 'must not leave the folder'),
  find: z.string().refine((text) => text.trim() !== '', 'must not be empty'),
  replace: z.string(),
})

/** A mutant's file: the same fields, of which only the edits are required. */
export const mutantFileSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'must be words in lower case, joined by "-"').optional(),
  about: z.string().optional(),
  edits: z.array(editSchema).min(1, 'must hold at least one edit'),
  runs: z.strictObject({
    simulated: z.array(z.string()).default([]),
    local: z.array(z.string()).nullable().default([]),
    withoutFault: z.array(z.string()).optional(),
  }).default({ simulated: [], local: [] }),
})
