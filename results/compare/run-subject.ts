import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readJsonl } from '../../harness/history/read-jsonl.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'
import type { Measurement } from '../bench/bench-record.ts'
import { spreadOf } from '../bench/spread.ts'
import type { RunSummary } from '../run-summary.ts'
import { disturbing, type Circumstance, type Subject } from './subject.ts'

/** A run: its plan, its verdict, and how it could be used. Most of its numbers are one value each, of which nothing can be claimed. */
export function runSubject(label: string, run: RunSummary): Subject {
  const notes: string[] = run.verdict === null ? [`it came to no verdict (${run.ended ?? 'it is still running, or was killed'})`] : []
  return {
    label,
    place: run.directory,
    kind: 'run',
    startedAt: run.startedAt,
    about: `${run.workload} on ${run.members} members of ${run.system}, ${run.env}, ${run.nemesis.join('+') || 'no faults'}, seed ${run.seed}`,
    circumstances: circumstancesOf(run),
    measurements: [...availabilityOf(run), ...faultWindowsOf(run), ...latenciesOf(run, (note) => notes.push(note))],
    verdicts: [{
      of: 'the run',
      counts: { [run.verdict ?? 'no verdict']: 1 },
      findings: run.checkers.filter(({ verdict, informational }) => !informational && verdict !== 'valid').map(({ checker, summary }) => `${checker}: ${summary}`),
    }],
    notes,
  }
}

const planSchema = z.looseObject({ versions: z.record(z.string(), z.string()).optional(), git: z.object({ commit: z.string(), dirty: z.boolean() }).nullish() })
/** Of the plan, what says nothing of what was asked for, or is told elsewhere. */
const notCompared = new Set(['runId', 'startedAt', 'rerun', 'versions', 'git', 'env', 'system'])

function circumstancesOf({ directory, env, system, commit }: RunSummary): Circumstance[] {
  const plan = planSchema.parse(JSON.parse(readFileSync(join(directory, 'plan.json'), 'utf8')))
  const asked = Object.entries(plan).filter(([name, value]) => !notCompared.has(name) && value !== null)
  return [
    ...disturbing({ environment: env, system, ...plan.versions }),
    ...asked.map(([name, value]): Circumstance => ({ name, value: typeof value === 'string' ? value : JSON.stringify(value), weight: 'plan' })),
    { name: 'commit', value: commit === null ? 'none' : `${commit.slice(0, 7)}${plan.git?.dirty === true ? ' (changed)' : ''}`, weight: 'source' },
  ]
}

function one(metric: string, unit: string, better: Measurement['better'], value: number | null, its: Measurement['case'] = {}): Measurement[] {
  return value === null ? [] : [{ case: its, metric, unit, better, samples: [value] }]
}

function availabilityOf({ availability }: RunSummary): Measurement[] {
  if (availability === null) return []
  return [
    ...one('throughput', '/s', 'higher', availability.throughputPerS),
    ...one('answered', '%', 'higher', availability.answered * 100),
    ...one('longest time without a success', 'ms', 'lower', availability.longestWithoutSuccessMs),
    ...one('time without a leader', 'ms', 'lower', availability.withoutLeaderMs),
    ...one('changes of leader', '', null, availability.leaderChanges),
  ]
}

const windowsSchema = z.looseObject({
  results: z.array(z.looseObject({
    checker: z.string(),
    details: z.looseObject({
      windows: z.array(z.looseObject({ name: z.string(), firstSuccessAfterStartMs: z.number().nullable(), firstSuccessAfterEndMs: z.number().nullable() })).optional(),
    }).nullish(),
  })),
})

/** One sample a fault. */
function faultWindowsOf({ directory, availability }: RunSummary): Measurement[] {
  if (availability === null) return []
  const verdict = windowsSchema.safeParse(JSON.parse(readFileSync(join(directory, 'verdict.json'), 'utf8'))).data
  const windows = verdict?.results.find(({ checker }) => checker === 'availability')?.details?.windows ?? []
  const metrics = [['first success after a fault began', 'firstSuccessAfterStartMs'], ['first success after a fault ended', 'firstSuccessAfterEndMs']] as const
  return [...Map.groupBy(windows, ({ name }) => name)].flatMap(([fault, its]) => metrics.flatMap(([metric, field]): Measurement[] => {
    const samples = its.map((window) => window[field]).filter((value) => value !== null)
    return samples.length === 0 ? [] : [{ case: { fault }, metric, unit: 'ms', better: 'lower', samples }]
  }))
}

function latenciesOf({ directory }: RunSummary, note: (line: string) => void): Measurement[] {
  const file = join(directory, 'history.jsonl')
  if (!existsSync(file)) return []
  try {
    return latenciesOfHistory(readJsonl(readFileSync(file, 'utf8')).events)
  } catch (error) {
    note(`latencies are not known: ${(error as Error).message}`)
    return []
  }
}

/** Of operations that succeeded. One value each: operations of one run all had the same weather, so their number proves nothing. */
export function latenciesOfHistory(history: readonly HistoryEvent[]): Measurement[] {
  const begun = new Map<number, number>()
  const latenciesMs = new Map<string, number[]>()
  for (const event of history) {
    if (event.process === 'nemesis') continue
    if (event.type === 'invoke') begun.set(event.process, event.time)
    const beginNs = begun.get(event.process)
    if (event.type !== 'ok' || beginNs === undefined) continue
    const its = latenciesMs.get(event.f) ?? []
    latenciesMs.set(event.f, its)
    its.push((event.time - beginNs) / 1e6)
  }
  return [...latenciesMs].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([operation, samples]) => {
    const { median, p99 } = spreadOf(samples)
    return [...one('latency p50', 'ms', 'lower', median, { operation }), ...one('latency p99', 'ms', 'lower', p99, { operation })]
  })
}
