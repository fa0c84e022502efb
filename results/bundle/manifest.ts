import { createHash } from 'node:crypto'
import { createReadStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** In the bundle's folder; each file of the bundle stands in it but itself. */
export const manifestName = 'manifest.json'
/** The run's own directory, as it was. */
export const runFolder = 'run'
/** A bug of somebody's own, which no other machine has. */
export const mutantName = 'inputs/mutant.json'

export const manifestSchema = z.object({
  bundle: z.literal('splitbrain'),
  version: z.literal(1),
  run: z.object({
    workload: z.string(), env: z.string(), system: z.string(), seed: z.int(), startedAt: z.string().nullable(),
    verdict: z.enum(['valid', 'invalid', 'unknown']).nullable(),
  }),
  madeBy: z.object({ splitbrain: z.string().nullable(), node: z.string().nullable(), commit: z.string().nullable(), dirty: z.boolean() }),
  /** By name, in order. */
  files: z.array(z.object({ name: z.string(), sizeBytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
})
export type Manifest = z.infer<typeof manifestSchema>

/** Names of all files below a folder, with `/`, in order. Links and what else is no file are left out. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1).replaceAll('\\', '/'))
    .sort((a, b) => a < b ? -1 : 1)
}

/** Hex. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

export const sha256OfText = (text: string) => createHash('sha256').update(text).digest('hex')
