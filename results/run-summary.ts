import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { mutantLabel } from '../harness/plan/mutant-label.ts'

/** What lists, trends and comparisons need of a run, without its history. */
export interface RunSummary {
  /** Absolute, links followed. */
  readonly directory: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly workload: string
  readonly env: 'simulated' | 'local' | 'docker'
  readonly system: string
  readonly members: number
  /** Families of faults, empty where there were none. */
  readonly nemesis: readonly string[]
  readonly seed: number
  readonly mutant: string | null
  /** Of the main phase. */
  readonly timeLimitS: number
  /** Null: it came to none (it is running, was interrupted, or failed; `ended` says which). */
  readonly verdict: 'valid' | 'invalid' | 'unknown' | null
  /** `null` while it runs, or where it was killed. */
  readonly ended: string | null
  readonly checkers: readonly { readonly checker: string, readonly verdict: 'valid' | 'invalid' | 'unknown', readonly summary: string, readonly informational: boolean, readonly evidence: readonly { readonly title: string, readonly explanation: readonly string[] }[] }[]
  /** Of the main phase; null where availability was not recorded. */
  readonly availability: RunAvailability | null
  readonly rerun: string | null
  readonly commit: string | null
}

export interface RunAvailability {
  readonly operations: number
  /** Successful operations a second of the main phase. */
  readonly throughputPerS: number
  /** Of 1: operations that got an answer of substance. */
  readonly answered: number
  readonly longestWithoutSuccessMs: number
  /** Asked once a second; null where nobody asked. */
  readonly withoutLeaderMs: number | null
  readonly leaderChanges: number | null
  /** From the start of a fault, and from its end, to the first success of what was begun since: medians; null where there were no faults. */
  readonly firstSuccessAfterStartMs: number | null
  readonly firstSuccessAfterEndMs: number | null
}

const planSchema = z.looseObject({
  env: z.enum(['simulated', 'local', 'docker']), system: z.string().default('registry'), members: z.int(), workload: z.string(),
  nemesis: z.array(z.string()), seed: z.int(), mutant: z.unknown().optional(), timeLimitS: z.number(), startedAt: z.string(),
  rerun: z.string().optional(), git: z.looseObject({ commit: z.string() }).nullish(),
})
const verdictName = z.enum(['valid', 'invalid', 'unknown'])
const verdictSchema = z.looseObject({
  verdict: verdictName.nullable(),
  ended: z.string().optional(),
  results: z.array(z.looseObject({
    checker: z.string(), verdict: verdictName, summary: z.string(), informational: z.boolean().default(false),
    evidence: z.array(z.looseObject({ title: z.string(), explanation: z.array(z.string()) })).default([]),
    details: z.unknown(),
  })).default([]),
})
const tally = z.looseObject({ ok: z.number(), fail: z.number(), info: z.number(), answered: z.number() })
const median = z.looseObject({ p50: z.number() }).nullish()
const availabilitySchema = z.looseObject({
  total: tally, longestWithoutSuccessMs: z.number(), withoutLeaderMs: z.number().nullish(), leaderChanges: z.number().nullish(),
  firstSuccessAfterStartMs: median, firstSuccessAfterEndMs: median,
})

/** Null where the directory is none of a run (there is no `plan.json` that can be read). */
export function readRunSummary(named: string): RunSummary | null {
  if (!existsSync(named)) return null
  const directory = realpathSync(named)
  const plan = read(join(directory, 'plan.json'), planSchema)
  if (plan === null) return null
  const verdict = read(join(directory, 'verdict.json'), verdictSchema)
  const results = verdict?.results ?? []
  return {
    directory,
    startedAt: plan.startedAt, workload: plan.workload, env: plan.env, system: plan.system, members: plan.members, nemesis: plan.nemesis,
    seed: plan.seed, mutant: mutantName(plan.mutant), timeLimitS: plan.timeLimitS,
    verdict: verdict?.verdict ?? null,
    ended: verdict === null ? null : verdict.ended ?? 'judged',
    checkers: results.map(({ checker, verdict, summary, informational, evidence }) => ({ checker, verdict, summary, informational, evidence: evidence.map(({ title, explanation }) => ({ title, explanation })) })),
    availability: availabilityOf(results.find(({ checker }) => checker === 'availability')?.details, plan.timeLimitS),
    rerun: plan.rerun ?? null,
    commit: plan.git?.commit ?? null,
  }
}

function availabilityOf(details: unknown, timeLimitS: number): RunAvailability | null {
  const found = availabilitySchema.safeParse(details).data
  if (found === undefined) return null
  const { ok, fail, info, answered } = found.total
  const operations = ok + fail + info
  return {
    operations,
    throughputPerS: timeLimitS > 0 ? ok / timeLimitS : 0,
    answered: operations === 0 ? 0 : answered / operations,
    longestWithoutSuccessMs: found.longestWithoutSuccessMs,
    withoutLeaderMs: found.withoutLeaderMs ?? null,
    leaderChanges: found.leaderChanges ?? null,
    firstSuccessAfterStartMs: found.firstSuccessAfterStartMs?.p50 ?? null,
    firstSuccessAfterEndMs: found.firstSuccessAfterEndMs?.p50 ?? null,
  }
}

/** A plan names a bug of the catalogue, or carries one of its own. */
function mutantName(mutant: unknown): string | null {
  if (typeof mutant === 'string') return mutantLabel(mutant)
  const name = (mutant as { name?: unknown } | null | undefined)?.name
  return typeof name === 'string' ? name : null
}

function read<T>(file: string, schema: z.ZodType<T>): T | null {
  if (!existsSync(file)) return null
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return null
  }
}
