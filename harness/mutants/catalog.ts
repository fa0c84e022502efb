import { readFileSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { z } from 'zod'
import { UsageError } from '../plan/usage-error.ts'
import { plantedBugs } from './bugs.ts'
import { mutantFileSchema, type Mutant } from './mutant.ts'

export type { Mutant }

/** Names that `--mutant` knows. */
export function mutantNames(): string[] {
  return plantedBugs.map((mutant) => mutant.name)
}

/**
 * A planted bug by its name, or from a JSON file with the same fields; a file is
 * what has a path separator or ends in `.json`. Or the JSON itself, so that a
 * plan holds all of it. Throws UsageError with a sentence for the person who
 * typed it.
 */
export function loadMutant(nameOrFile: string): Mutant {
  if (nameOrFile.trimStart().startsWith('{')) return parseMutant(nameOrFile, '--mutant', 'inline', 'given as JSON')
  if (!isMutantFile(nameOrFile)) {
    const mutant = plantedBugs.find(({ name }) => name === nameOrFile)
    if (mutant !== undefined) return mutant
    throw new UsageError(`--mutant ${nameOrFile}: there is no such planted bug; there are ${mutantNames().join(', ') || 'none'}. A file must end in .json.`)
  }
  let text: string
  try {
    text = readFileSync(nameOrFile, 'utf8')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new UsageError(`--mutant ${nameOrFile}: ${missing ? 'there is no such file.' : `${(error as Error).message}.`}`)
  }
  return parseMutant(text, `--mutant ${nameOrFile}`, basename(nameOrFile, extname(nameOrFile)), `from ${nameOrFile}`)
}

function parseMutant(text: string, said: string, defaultName: string, defaultAbout: string): Mutant {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${said}: ${(error as Error).message}.`)
  }
  const parsed = mutantFileSchema.safeParse(value)
  if (!parsed.success) throw new UsageError(`${said} is not a mutant:\n${z.prettifyError(parsed.error)}`)
  const { name = defaultName, about = defaultAbout, edits, runs } = parsed.data
  return { name, about, edits, runs }
}

/** Whether `--mutant` names a file, not a bug of the catalogue. */
export function isMutantFile(nameOrFile: string): boolean {
  return !nameOrFile.trimStart().startsWith('{') && (/[/\\]/.test(nameOrFile) || nameOrFile.endsWith('.json'))
}
