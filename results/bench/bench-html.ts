import { chartScript, chartStyle, clientFile, htmlPage } from '../html-page.ts'
import { escapeHtml, scriptJson } from '../report/html.ts'
import { benchCharts, type BenchChart } from './bench-charts.ts'
import type { BenchRecord, Measurement } from './bench-record.ts'
import { caseWord, formatValue, groupByMetric, splitCases, type MetricGroup } from './bench-table.ts'
import { spreadOf } from './spread.ts'

/** `bench.html`: one self-contained file, no request to anywhere. The same record gives the same bytes. */
export function renderBench(record: BenchRecord): string {
  const own = (file: string) => clientFile(import.meta.url, file)
  const { bench, system, env, startedAt } = record
  const { common, varying } = splitCases(record.measurements)
  const groups = groupByMetric(record.measurements)
  const charts = benchCharts(record)
  const everywhere = Object.entries(common).map(([key, value]) => `${caseWord(key)} ${value}`).join(', ')
  return htmlPage({ title: `bench ${bench}: ${system}, ${env}, ${startedAt}`, styles: [chartStyle(), own('bench.css')], body: `<header>
<h1>bench ${escapeHtml(bench)} <small>${escapeHtml(system)}, ${escapeHtml(env)}, ${escapeHtml(startedAt)}</small></h1>
${everywhere === '' ? '' : `<p>In all cases: ${escapeHtml(everywhere)}.</p>`}
<p class="hint">Points are medians, whiskers reach from the smallest to the largest sample, small dots are the samples.</p>
</header>
<nav>${groups.map(({ metric }, at) => `<a href="#m${at}">${escapeHtml(metric)}</a>`).join(' ')}</nav>
<main>
${groups.map((group, at) => metricHtml(group, at, charts, varying)).join('\n')}
${record.notes.length === 0 ? '' : `<section><h2>Notes</h2><ul>${record.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul></section>`}
<section><h2>How it was measured</h2><table class="facts">${factRows(record)}</table>
<h3>Measure it again</h3><pre>${escapeHtml(record.rerun)}</pre></section>
</main>
${chartScript()}
<script>const charts = ${scriptJson(charts)};
${own('bench.js')}</script>` })
}

/** Pictures and the table; the table beside a picture that stands alone. */
function metricHtml({ metric, unit, better, measurements }: MetricGroup, at: number, charts: readonly BenchChart[], varying: readonly string[]): string {
  const figures = charts.flatMap((chart, i) => chart.unit === unit && chart.metric === metric ? [`<figure data-chart="${i}" aria-label="${escapeHtml(chart.title)}, ${escapeHtml(chart.unit)}: its numbers stand in the table">${chart.title === metric ? '' : `<figcaption>${escapeHtml(chart.title)}</figcaption>`}<div class="plot"></div></figure>`] : [])
  const table = `<details${measurements.length <= 12 ? ' open' : ''}><summary>Table of ${measurements.length} ${measurements.length === 1 ? 'case' : 'cases'}</summary>${tableOf(measurements, varying)}</details>`
  return `<section id="m${at}"><h2>${escapeHtml(metric)} <small>${escapeHtml(unit)}${better === null ? '' : `, ${better} is better`}</small></h2>
<div class="charts">${figures.join('')}${figures.length === 1 ? `${table}</div>` : `</div>${table}`}</section>`
}

function tableOf(measurements: readonly Measurement[], varying: readonly string[]): string {
  const head = [...varying.map(caseWord), 'median', 'min', 'max', 'p95', 'p99', 'n']
  const rows = measurements.map((measurement) => {
    const { median, min, max, p95, p99, n } = spreadOf(measurement.samples)
    return [...varying.map((key) => String(measurement.case[key] ?? '')), ...[median, min, max, p95, p99].map(formatValue), String(n)]
  })
  const row = (cells: readonly string[], tag: 'th' | 'td') => `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`
  return `<table>${row(head, 'th')}${rows.map((cells) => row(cells, 'td')).join('')}</table>`
}

function factRows({ machine, versions, git, tookS, startedAt }: BenchRecord): string {
  const facts: [string, string][] = [
    ['processor', `${machine.cpu}, ${machine.cores} cores`],
    ['memory', `${machine.memoryMiB.toLocaleString('en')} MiB`],
    ['kernel', machine.kernel],
    ['load before it began', machine.load.join(', ')],
    ['started', startedAt],
    ['took', `${tookS} s`],
    ...Object.entries(versions),
    ['commit', git === null ? 'none' : `${git.commit}${git.dirty ? ' (changed)' : ''}`],
  ]
  return facts.map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`).join('')
}
