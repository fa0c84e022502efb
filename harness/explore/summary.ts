import type { Coverage } from './coverage.ts'
import { emptiness } from './coverage.ts'
import type { JobEnd, JudgedJob } from './job.ts'

/** Of many runs, in numbers. */
export interface ExploreSummary {
  readonly valid: number
  readonly invalid: number
  readonly unknown: number
  readonly failed: number
  /** Runs that proved little, by the reason. */
  readonly empty: Readonly<Record<string, number>>
  readonly simulatedS: number
  /** Of those that recovered, the one that took longest to. */
  readonly slowestRecovery: { readonly id: number, readonly recoveredMs: number } | null
  readonly coverage: readonly CoverageRow[]
}

/** One thing that runs reach. */
export interface CoverageRow {
  readonly what: string
  /** Over all runs. */
  readonly total: number
  /** Runs that reached it at all. */
  readonly runs: number
  readonly median: number
  readonly max: number
}

const counters: readonly (readonly [string, (coverage: Coverage) => number])[] = [
  ['operations that succeeded', ({ operations }) => operations.ok],
  ['operations that may have happened', ({ operations }) => operations.info],
  ['terms', ({ terms }) => terms],
  ['elections won', ({ elections }) => elections],
  ['restarts of members', ({ restarts }) => restarts],
  ['snapshots installed', ({ snapshotsInstalled }) => snapshotsInstalled],
  ['logs cut back', ({ truncations }) => truncations],
]

export function summarize(ends: readonly JobEnd[], wantsFaults: boolean): ExploreSummary {
  const judged = ends.filter((end): end is JudgedJob => end.kind === 'judged')
  const empty: Record<string, number> = {}
  for (const { coverage } of judged) {
    const reason = emptiness(coverage, wantsFaults)
    if (reason !== null) empty[reason] = (empty[reason] ?? 0) + 1
  }
  const families = [...new Set(judged.flatMap(({ coverage }) => Object.keys(coverage.faults)))].sort()
  const row = (what: string, values: readonly number[]): CoverageRow => {
    const sorted = [...values].sort((a, b) => a - b)
    return { what, total: sorted.reduce((sum, value) => sum + value, 0), runs: sorted.filter((value) => value > 0).length, median: sorted[sorted.length >> 1] ?? 0, max: sorted.at(-1) ?? 0 }
  }
  const verdicts = (verdict: string) => judged.filter((end) => end.verdict === verdict).length
  return {
    valid: verdicts('valid'), invalid: verdicts('invalid'), unknown: verdicts('unknown'),
    failed: ends.length - judged.length,
    empty,
    simulatedS: judged.reduce((sum, { simulatedS }) => sum + simulatedS, 0),
    slowestRecovery: judged.reduce<ExploreSummary['slowestRecovery']>((slowest, { id, recoveredMs }) =>
      recoveredMs !== null && recoveredMs > (slowest?.recoveredMs ?? -1) ? { id, recoveredMs } : slowest, null),
    coverage: [
      ...counters.map(([what, of]) => row(what, judged.map(({ coverage }) => of(coverage)))),
      ...families.map((name) => row(`fault ${name}`, judged.map(({ coverage }) => coverage.faults[name] ?? 0))),
    ],
  }
}

/** As a table, a line each. */
export function describeSummary(summary: ExploreSummary, realS: number, seedOf: (id: number) => number): string[] {
  const runs = summary.valid + summary.invalid + summary.unknown + summary.failed
  const wide = Math.max(...summary.coverage.map(({ what }) => what.length), 10)
  const cells = (what: string, ...numbers: readonly (string | number)[]) => `  ${what.padEnd(wide)}${numbers.map((number) => String(number).padStart(10)).join('')}`
  return [
    `${runs} runs: ${summary.valid} valid, ${summary.invalid} invalid, ${summary.unknown} unknown, ${summary.failed} failed; ${Math.round(summary.simulatedS)} simulated s in ${realS.toFixed(1)} s`,
    cells('reached', 'total', 'runs', 'median', 'most'),
    ...summary.coverage.map(({ what, total, runs, median, max }) => cells(what, total, runs, median, max)),
    ...summary.slowestRecovery === null ? [] : [`  slowest recovery: serving again ${(summary.slowestRecovery.recoveredMs / 1000).toFixed(2)} s after the last healing (seed ${seedOf(summary.slowestRecovery.id)})`],
    ...Object.entries(summary.empty).map(([reason, count]) => `  proves little: ${count} ${count === 1 ? 'run' : 'runs'}: ${reason}`),
  ]
}
