import { describeDuration } from '../../harness/nightly/amounts.ts'
import type { NightRecord, NightRun } from './night-record.ts'
import { failuresOf, headline, plainLine, replayOf, skippedByReason, titleOf, whatBroke } from './failures.ts'

/**
 * The night for a terminal, a line each: the matrix in numbers, what was
 * skipped and why, and at the end, for each failure, what broke, the evidence in
 * two lines and the command that replays it.
 */
export function summaryText(record: NightRecord, store: string): string[] {
  const failures = failuresOf(record)
  return [
    `${headline(record)}; ${describeDuration(record.tookS)} of ${describeDuration(record.budgetS)}, ${record.jobs} at a time`,
    ...tableOf(record.runs),
    ...skippedByReason(record).map(({ reason, runs }) => plainLine(`  ${runs.length} skipped: ${reason}${runs.length === 1 ? ` (${titleOf(runs[0]!)})` : ''}`)),
    ...failures.flatMap((run) => {
      const { what, evidence } = whatBroke(run)
      return ['', `${run.outcome}: ${titleOf(run)}`, `  what broke: ${what}`, ...evidence.map((line) => `    ${line}`), `  replay: ${replayOf(run, store) ?? 'its options are not known'}`]
    }),
  ]
}

/** A row for each workload under each nemesis: over members, systems, environments and seeds. */
function tableOf(runs: readonly NightRun[]): string[] {
  const groups = [...Map.groupBy(runs, ({ workload, nemesis }) => `${workload} under ${nemesis.join('+') || 'no faults'}`)].sort(([a], [b]) => a < b ? -1 : 1)
  const wide = Math.max(20, ...groups.map(([name]) => name.length))
  const columns = ['valid', 'invalid', 'unknown', 'failed', 'skipped'] as const
  const row = (name: string, cells: readonly string[]) => `  ${name.padEnd(wide)}${cells.map((cell) => cell.padStart(9)).join('')}`.trimEnd()
  return [
    row('', [...columns, 'ops/s', 'answered', 'election']),
    ...groups.map(([name, runs]) => row(name, [
      ...columns.map((outcome) => String(runs.filter((run) => run.outcome === outcome).length || '·')),
      orDash(median(runs.flatMap(({ throughputPerS }) => throughputPerS ?? [])), (value) => value.toFixed(0)),
      orDash(median(runs.flatMap(({ answered }) => answered ?? [])), (value) => `${(value * 100).toFixed(1)}%`),
      orDash(median(runs.flatMap(({ electionMs }) => electionMs)), (value) => `${Math.round(value)} ms`),
    ])),
  ]
}

const orDash = (value: number | null, format: (value: number) => string) => value === null ? '·' : format(value)

/** Null where there is nothing. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted.length === 0 ? null : (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}
