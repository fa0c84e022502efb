import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import type { Workload } from '../../workloads/workload.ts'
import type { CheckResult } from '../checkers/verdict.ts'
import { HistoryFormatError } from '../history/format-error.ts'
import { readJsonl } from '../history/read-jsonl.ts'
import { memberNames } from '../plan/fault-options.ts'
import { systemNames, type RunPlan } from '../plan/plan.ts'
import { UsageError } from '../plan/usage-error.ts'
import { systems } from '../systems/index.ts'
import { judgeMembers } from './check-members.ts'
import type { FaultRecord } from './fault-record.ts'
import type { FinishedRun } from './judge-run.ts'
import type { LeaderChange } from './main-phase.ts'

/** Fields without which nothing can be judged; the rest of the plan is as it was written. */
const planSchema = z.looseObject({ workload: z.string(), members: z.int().min(1), timeLimitS: z.number(), consistency: z.string(), system: z.enum(systemNames).optional(), rerun: z.string().optional() })
const faultSchema = z.looseObject({ fault: z.int(), name: z.string(), step: z.enum(['start', 'stop', 'skip']), askedNs: z.number(), doneNs: z.number(), error: z.string().nullable() })
const leaderSchema = z.object({ timeNs: z.number(), leader: z.string().nullable() })
const verdictSchema = z.looseObject({
  verdict: z.enum(['valid', 'invalid', 'unknown']).nullable(),
  ended: z.string().optional(),
  results: z.array(z.looseObject({ checker: z.string(), verdict: z.enum(['valid', 'invalid', 'unknown']), summary: z.string() })).optional(),
})

export interface StoredRun extends FinishedRun {
  readonly rerun: string | null
  /** Those of which there are traces. */
  readonly tracedMembers: readonly string[]
  /** What a reader should know: a torn last line, … */
  readonly notes: readonly string[]
}

/** What only the run itself could see; these results are taken as it wrote them. */
const seenByRunOnly: ReadonlySet<string> = new Set(['recovery', 'faults'])

/**
 * A run's directory, read back. What a killed run had not written is missing:
 * whether its cluster would have recovered is then unknown. Throws UsageError.
 */
export function readRun(
  directory: string, workloads: Readonly<Record<string, Workload>>, checkMembers: (directory: string, members: readonly string[]) => Promise<readonly CheckResult[]>,
): StoredRun {
  const facts = readRunFacts(directory, workloads)
  const { events, notes } = readHistory(directory)
  return {
    ...facts, notes,
    history: events,
    known: knownResults(directory),
    checkMembers: () => judgeMembers(systems[facts.plan.system ?? 'registry'], checkMembers, join(directory, 'members'), facts.tracedMembers),
  }
}

/** All of a run but its history, which may be long, and what it was judged. Throws UsageError. */
export function readRunFacts(directory: string, workloads: Readonly<Record<string, Workload>>): Pick<StoredRun, 'plan' | 'workload' | 'tracedMembers' | 'rerun' | 'faults' | 'leaders'> {
  const stored = readJson(directory, 'plan.json', planSchema)
  if (stored === null) throw new UsageError(`${directory} is no run's directory: there is no plan.json in it.`)
  const workload = Object.hasOwn(workloads, stored.workload) ? workloads[stored.workload] : undefined
  if (workload === undefined) throw new UsageError(`${directory} is a run of workload ${stored.workload}, which is unknown here; there are ${Object.keys(workloads).join(', ')}.`)
  const plan = stored as unknown as RunPlan
  return {
    plan, workload,
    tracedMembers: membersOf(join(directory, 'members'), plan),
    rerun: stored.rerun ?? null,
    faults: (readLines(directory, 'faults.jsonl', faultSchema) ?? []) as unknown as FaultRecord[],
    leaders: readLines(directory, 'leaders.jsonl', leaderSchema) as LeaderChange[] | null,
  }
}

/** Those of the start must all have left something; others did if they ever ran. */
function membersOf(directory: string, plan: RunPlan): string[] {
  const first = memberNames(plan.members)
  const others = existsSync(directory) ? readdirSync(directory).filter((name) => !first.includes(name) && existsSync(join(directory, name, 'raft-trace.jsonl'))).sort() : []
  return [...first, ...others]
}

function knownResults(directory: string): CheckResult[] {
  const stored = readJson(directory, 'verdict.json', verdictSchema)
  const known = (stored?.results ?? []).filter(({ checker }) => seenByRunOnly.has(checker)) as unknown as CheckResult[]
  if (known.some(({ checker }) => checker === 'recovery')) return known
  const why = stored === null ? 'the run was killed before its end' : `the run ended early (${stored.ended ?? 'without a verdict'})`
  return [{ checker: 'recovery', verdict: 'unknown', summary: `${why}: whether the cluster recovered was not seen`, evidence: [], details: {} }, ...known]
}

function readHistory(directory: string): ReturnType<typeof readJsonl> {
  const text = readText(directory, 'history.jsonl')
  if (text === null) throw new UsageError(`${directory} has no history.jsonl: the run came to no operation.`)
  try {
    return readJsonl(text)
  } catch (error) {
    if (error instanceof HistoryFormatError) throw new UsageError(`${join(directory, 'history.jsonl')}: ${error.message}`)
    throw error
  }
}

/** Null: there is no such file. */
function readLines<T>(directory: string, name: string, schema: z.ZodType<T>): T[] | null {
  const text = readText(directory, name)
  if (text === null) return null
  const lines = text.split('\n')
  return lines.flatMap((line, at) => {
    if (line === '') return []
    // A killed run may leave its last line torn.
    const parsed = parse(line, schema)
    if (parsed === null && at < lines.length - 1) throw new UsageError(`${join(directory, name)}, line ${at + 1} cannot be read: ${line.slice(0, 100)}`)
    return parsed ?? []
  })
}

function readJson<T>(directory: string, name: string, schema: z.ZodType<T>): T | null {
  const text = readText(directory, name)
  if (text === null) return null
  const parsed = parse(text, schema)
  if (parsed === null) throw new UsageError(`${join(directory, name)} is not what a run writes there.`)
  return parsed
}

function parse<T>(text: string, schema: z.ZodType<T>): T | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

function readText(directory: string, name: string): string | null {
  try {
    return readFileSync(join(directory, name), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new UsageError(`${name} of ${basename(directory)} cannot be read: ${(error as Error).message}.`)
  }
}
