import { escapeHtml } from '../report/html.ts'
import { caseText, commonParts } from './align.ts'
import type { Comparison } from './comparison.ts'
import { plural } from './numbers.ts'
import { chartHtml, chartPoint, renderPage, tableHtml, wordsHtml, type Chart } from './page.ts'
import { aloneLines, commonText, metricTable, subjectLine, verdictTable } from './print-comparison.ts'
import { method, wordsOf } from './words.ts'

/** What two or more runs, benchmarks, nights or comparisons have in common, and not; the words first. */
export function renderComparison(comparison: Comparison): string {
  const { subjects, warnings, rows } = comparison
  const charts = chartsOf(comparison)
  const metrics = metricTable(comparison)
  const verdicts = verdictTable(comparison)
  const alone = aloneLines(comparison)
  const common = commonText(rows)
  const body = `<ul class="subjects">${subjects.map((subject) => `<li>${escapeHtml(subjectLine(subject))}</li>`).join('')}</ul>
${warnings.map((warning) => `<p class="warning">${escapeHtml(warning)}</p>`).join('')}
<section><h2>What the numbers show</h2>${wordsHtml(wordsOf(comparison))}</section>
${rows.length === 0 ? '' : `<section><h2>Metrics</h2>${common === '' ? '' : `<p class="soft">In all: ${escapeHtml(common)}.</p>`}${tableHtml(metrics.head, metrics.rows, claimClass)}<p class="soft">${escapeHtml(method)}</p></section>
<section><h2>Charts</h2><p class="soft">A point is a median, whiskers reach from the least to the greatest sample, dots are samples.</p>${charts.map(chartHtml).join('')}</section>`}
${verdicts.rows.length === 0 ? '' : `<section><h2>Verdicts</h2>${tableHtml(verdicts.head, verdicts.rows)}</section>`}
${alone.length === 0 ? '' : `<section><h2>Not compared</h2><p>${plural(alone.length, 'metric')} that not all have:</p><ul>${alone.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul></section>`}`
  return renderPage(`Comparison of ${subjects.length} ${subjects[0]!.kind === 'run' ? 'runs' : `records (${subjects[0]!.kind})`}`, body, charts)
}

/** By the claim at the end of a difference's text. */
function claimClass(cell: string): string {
  const claim = /, (better|worse|higher|lower|within the spread|too few samples)$/.exec(cell)?.[1]
  if (claim === undefined) return ''
  return claim === 'better' || claim === 'worse' ? claim : 'none'
}

function chartsOf({ rows, subjects }: Comparison): Chart[] {
  const common = commonParts(rows)
  return [...Map.groupBy(rows, ({ metric, unit }) => JSON.stringify([metric, unit])).values()].map((its): Chart => ({
    title: its[0]!.metric,
    unit: its[0]!.unit,
    categoryName: 'case',
    categories: its.map((row) => caseText(row.case, common).replaceAll(', ', '\n') || row.metric),
    series: subjects.map(({ label }, at) => ({ name: label, points: its.map(({ samples }) => chartPoint(samples[at]!)) })),
  }))
}
