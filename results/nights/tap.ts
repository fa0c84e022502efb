import type { NightRecord, NightRun } from './night-record.ts'
import { plainLine, replayOf, titleOf, whatBroke } from './failures.ts'

/** TAP version 14: a test point each run, with what broke as its YAML diagnostic. What was skipped is so, with its reason. */
export function tapText(record: NightRecord, store: string): string {
  const points = record.runs.flatMap((run, at) => [pointLine(run, at + 1), ...run.outcome === 'valid' || run.outcome === 'skipped' ? [] : diagnostic(run, store)])
  return `${['TAP version 14', `1..${record.runs.length}${record.runs.length === 0 ? ' # SKIP nothing was run' : ''}`, ...points].join('\n')}\n`
}

function pointLine(run: NightRun, number: number): string {
  const ok = run.outcome === 'valid' || run.outcome === 'skipped'
  const directive = run.outcome === 'skipped' ? ` # SKIP ${escapeTap(plainLine(run.why ?? ''))}` : ''
  return `${ok ? 'ok' : 'not ok'} ${number} - ${escapeTap(titleOf(run))}${directive}`
}

/** A number sign begins a directive. */
const escapeTap = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('#', '\\#')

/** Strings as JSON, which YAML reads as itself: nothing in them can end the block. */
function diagnostic(run: NightRun, store: string): string[] {
  const { what, evidence } = whatBroke(run)
  return [
    '  ---',
    `  outcome: ${run.outcome}`,
    `  message: ${JSON.stringify(what)}`,
    ...evidence.length === 0 ? ['  evidence: []'] : ['  evidence:', ...evidence.map((line) => `    - ${JSON.stringify(line)}`)],
    `  duration_ms: ${Math.round(run.tookS * 1000)}`,
    `  directory: ${JSON.stringify(run.directory === null ? null : `${store}/${run.directory}`)}`,
    `  replay: ${JSON.stringify(replayOf(run, store))}`,
    '  ...',
  ]
}
