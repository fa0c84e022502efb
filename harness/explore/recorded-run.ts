import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import type { Verdict } from '../checkers/verdict.ts'
import type { RunPlan } from '../plan/plan.ts'
import { UsageError } from '../plan/usage-error.ts'

/** A run as its directory has it. */
export interface RecordedRun {
  /** Absolute. */
  readonly directory: string
  readonly plan: RunPlan
  /** Of the code that ran it: `splitbrain 0.1.0`, the commit, … */
  readonly gitCommit: string | null
  /** Null where it came to none. */
  readonly verdict: Verdict | null
  /** Of the results that are invalid: the checker's name. */
  readonly invalidCheckers: readonly string[]
}

/** What every plan has; the rest is checked where options are read from it. */
const planSchema = z.looseObject({ env: z.enum(['simulated', 'local', 'docker']), workload: z.string(), seed: z.int(), members: z.int(), timeLimitS: z.number() })
const verdictSchema = z.looseObject({
  verdict: z.enum(['valid', 'invalid', 'unknown']).nullable(),
  results: z.array(z.looseObject({ checker: z.string(), verdict: z.string() })).default([]),
})

/** Reads a run's directory. Throws UsageError where it is none. */
export function readRecordedRun(named: string, workingDirectory: string = process.cwd()): RecordedRun {
  const directory = resolve(workingDirectory, named)
  const file = join(directory, 'plan.json')
  const plan = parsed(file, planSchema, `${named} is no directory of a run`)
  const verdictFile = join(directory, 'verdict.json')
  const judged = existsSync(verdictFile) ? parsed(verdictFile, verdictSchema, `${named} has no verdict that can be read`) : null
  return {
    directory,
    plan: plan as unknown as RunPlan,
    gitCommit: (plan['git'] as { commit?: string } | null | undefined)?.commit ?? null,
    verdict: judged?.verdict ?? null,
    invalidCheckers: (judged?.results ?? []).filter(({ verdict }) => verdict === 'invalid').map(({ checker }) => checker),
  }
}

function parsed<T>(file: string, schema: z.ZodType<T>, what: string): T {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new UsageError(`${what}: ${file}: ${error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message}.`)
  }
}

/**
 * The files of a run that depend on nothing but its plan and the code, in a
 * simulation: relative names, in order. Not `plan.json` and `verdict.json`,
 * which tell when it was done.
 */
export function reproducibleFiles(directory: string): readonly string[] {
  const members = join(directory, 'members')
  const ofMembers = !existsSync(members) ? [] : readdirSync(members, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
  return [...['history.jsonl', 'faults.jsonl'].filter((name) => existsSync(join(directory, name))), ...ofMembers.sort()]
}

/** SHA-256 over the names and bytes of `reproducibleFiles`, hex. */
export function digestOf(directory: string): string {
  const hash = createHash('sha256')
  for (const name of reproducibleFiles(directory)) hash.update(`${name}\0`).update(readFileSync(join(directory, name))).update('\0')
  return hash.digest('hex')
}

/** Where the second run differs from the first: the first line of the first file that does; null where none does. */
export function firstDifference(first: string, second: string): { readonly file: string, readonly line: number, readonly was: string, readonly is: string } | null {
  const names = [...new Set([...reproducibleFiles(first), ...reproducibleFiles(second)])]
  for (const file of names) {
    const [was, is] = [first, second].map((directory) => existsSync(join(directory, file)) ? readFileSync(join(directory, file), 'utf8') : '(there is no such file)')
    if (was === is) continue
    const [wasLines, isLines] = [was!.split('\n'), is!.split('\n')]
    const line = wasLines.findIndex((text, at) => text !== isLines[at])
    const at = line === -1 ? wasLines.length : line
    return { file, line: at + 1, was: wasLines[at] ?? '(the end)', is: isLines[at] ?? '(the end)' }
  }
  return null
}
