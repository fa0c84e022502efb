import { describeDuration } from '../../harness/nightly/amounts.ts'
import type { NightRecord, NightRun } from './night-record.ts'
import { failuresOf, headline, replayOf, skippedByReason, titleOf, whatBroke } from './failures.ts'

/** GitHub shows no more of each level in a step. */
const annotationsMax = 10
/** A step's summary may have 1 MiB; what is beyond it is shown nowhere. */
const summaryFailuresMax = 50

/** Workflow commands, a line each, that GitHub Actions shows at the run: errors, and warnings for what is unknown. */
export function githubAnnotations(record: NightRecord, store: string): string[] {
  const failures = failuresOf(record)
  const unknown = (run: NightRun) => run.outcome === 'unknown'
  return [
    ...capped(failures.filter((run) => !unknown(run)), 'error', store),
    ...capped(failures.filter(unknown), 'warning', store),
    `::notice title=${property('splitbrain nightly')}::${data(headline(record))}`,
  ]
}

function capped(runs: readonly NightRun[], level: 'error' | 'warning', store: string): string[] {
  const shown = runs.length <= annotationsMax ? runs : runs.slice(0, annotationsMax - 1)
  const lines = shown.map((run) => {
    const { what, evidence } = whatBroke(run)
    const replay = replayOf(run, store)
    return `::${level} title=${property(`${run.outcome}: ${titleOf(run)}`)}::${data([what, ...evidence, ...replay === null ? [] : [`replay: ${replay}`]].join('\n'))}`
  })
  return shown.length === runs.length ? lines : [...lines, `::${level} title=${property(`${runs.length - shown.length} more`)}::${data('The step\'s summary and the record have all of them.')}`]
}

const data = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')

/** Markdown for `$GITHUB_STEP_SUMMARY`. */
export function githubStepSummary(record: NightRecord, store: string): string {
  const failures = failuresOf(record)
  const cells = [...Map.groupBy(record.runs, ({ workload, nemesis, members, system, env }) => [workload, nemesis.join('+') || 'none', members, system, env].join('\0'))]
  const outcomes = ['valid', 'invalid', 'unknown', 'failed', 'skipped'] as const
  const rows = cells.map(([name, runs]) => `| ${name.split('\0').map(tableCell).join(' | ')} | ${outcomes.map((outcome) => runs.filter((run) => run.outcome === outcome).length || '').join(' | ')} |`)
  const shown = failures.slice(0, summaryFailuresMax)
  return [
    '## splitbrain nightly', '',
    `${inline(headline(record))}, in ${describeDuration(record.tookS)} of ${describeDuration(record.budgetS)}.`, '',
    ...shown.flatMap((run) => failureSection(run, store)),
    ...shown.length === failures.length ? [] : [`And ${failures.length - shown.length} more, in \`night.json\`.`, ''],
    '<details><summary>The matrix</summary>', '',
    `| workload | nemesis | members | system | environment | ${outcomes.join(' | ')} |`, '|---|---|---|---|---|---|---|---|---|---|', ...rows, '', '</details>', '',
    ...skippedByReason(record).map(({ reason, runs }) => `- ${runs.length} skipped: ${inline(reason)}`), '',
  ].join('\n')
}

function failureSection(run: NightRun, store: string): string[] {
  const { what, evidence } = whatBroke(run)
  const replay = replayOf(run, store)
  return [`### ${run.outcome}: ${inline(titleOf(run))}`, '', ...fenced([what, ...evidence].join('\n')), ...replay === null ? [] : fenced(replay)]
}

/** A fence that is longer than any run of backticks inside. */
function fenced(text: string): string[] {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return [fence, text, fence, '']
}

/** Text that Markdown shows as itself. */
const inline = (text: string) => text.replace(/[\\`*_{}[\]<>#|~!&]/g, (character) => character === '<' ? '&lt;' : character === '&' ? '&amp;' : `\\${character}`).replaceAll('\n', ' ')
const tableCell = (text: string) => inline(text)
