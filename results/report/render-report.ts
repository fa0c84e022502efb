import type { CheckResult, Verdict } from '../../harness/checkers/verdict.ts'
import { availabilityHtml } from './availability-html.ts'
import { evidenceHtml } from './evidence-html.ts'
import { chartScript, chartStyle, clientFile, htmlPage } from '../html-page.ts'
import { escapeHtml, scriptJson } from './html.ts'
import { leadership, leadershipHtml } from './leadership.ts'
import { memberLogsHtml, moments } from './moments.ts'
import { packReport } from './pack-report.ts'
import { reportData, type ReportData } from './report-data.ts'
import type { ReportInput } from './report-input.ts'

export type { ReportInput } from './report-input.ts'

const verdictWords: Record<Verdict, string> = {
  valid: 'Nothing that was observed contradicts the guarantees that were checked.',
  invalid: 'What was observed cannot have happened in a system that keeps its guarantees.',
  unknown: 'What was observed does not decide it; see the reasons below.',
}

/** The page's own script, in the order in which its parts need each other. */
const clientFiles = ['data.js', 'view.js', 'layout.js', 'timeline.js', 'charts.js', 'main.js']

/** `report.html`: one self-contained file, no request to anywhere. The same input gives the same bytes. */
export function renderReport(input: ReportInput): string {
  const { plan, results, history, members } = input
  const data = reportData(history, plan.concurrency, results.flatMap((result) => result.evidence.flatMap((evidence) => evidence.eventIndexes)))
  const led = leadership(members, input.leaders, data.endMs)
  const timeOfEvent = new Map(history.map(({ index, time }) => [index, time / 1e6]))
  const at = moments(results, data, timeOfEvent)
  const own = (file: string) => clientFile(import.meta.url, file)
  const title = `${input.verdict}: ${plan.workload}, ${plan.members} members, ${plan.nemesis.join(' + ') || 'no faults'}, seed ${plan.seed}`
  return htmlPage({ title: title, styles: [chartStyle(), own('report.css')], body: `<header>
<h1><span class="verdict ${input.verdict}">${input.verdict}</span> ${escapeHtml(plan.workload)} <small>on ${plan.members} members of ${escapeHtml(plan.system)}, ${escapeHtml(plan.env)}</small></h1>
<p>${verdictWords[input.verdict]}</p>
</header>
<main>
<section><h2>Checks</h2>${results.map((result) => checkHtml(result)).join('')}</section>
${evidenceHtml(results, data)}
<section id="operations"><h2>Operations</h2>${countsHtml(data)}
<div class="tools" role="group" aria-label="Lanes of the timeline"><button type="button" data-lanes="workers" aria-pressed="true">by worker</button><button type="button" data-lanes="members" aria-pressed="false">by member</button></div>
<canvas id="timeline" tabindex="0" role="application" aria-label="Operations over time, with faults and leaders. Arrow keys move, plus and minus zoom, 0 shows all, m changes between workers and members, n and p go through operations, e goes to the next piece of evidence."></canvas>
<p id="detail" aria-live="polite"></p>
<div id="legend" class="legend"></div>
<p class="hint">Drag to move; <kbd>Ctrl</kbd> and the wheel to zoom. With the timeline in focus: <kbd>+</kbd> <kbd>−</kbd> zoom, <kbd>←</kbd> <kbd>→</kbd> move, <kbd>0</kbd> all, <kbd>m</kbd> workers or members, <kbd>n</kbd> <kbd>p</kbd> next and previous operation, <kbd>e</kbd> next moment of evidence (or the first fault), <kbd>Esc</kbd> nothing chosen. In a chart: drag to zoom. Operations too short to be told apart share a column, split by how they ended.</p>
<h3>Latency</h3><div id="latency"></div>
<h3>Throughput</h3><div id="throughput"></div>
<h3>Availability: what succeeded</h3><div id="succeeded"></div>
</section>
${availabilityHtml(results)}
<section><h2>Faults</h2>${faultsHtml(data)}</section>
${leadershipHtml(led, data.bands.some(({ name }) => name === 'clock'))}
${memberLogsHtml(at, members)}
<section><h2>Plan</h2><table class="plan">${planRows(input)}</table>
<h3>Run it again</h3><pre class="command">${escapeHtml(input.rerun)}</pre></section>
</main>
<script type="application/json" id="report-data">${scriptJson(packReport(data, members, led.spans, at))}</script>
${chartScript()}
<script>(() => {
'use strict'
${clientFiles.map(own).join('')}})()</script>` })
}

function checkHtml(result: CheckResult): string {
  // What only informs is neither good nor bad.
  const pill = result.informational === true ? '' : `<span class="verdict ${result.verdict}">${result.notRun === true ? 'not run' : result.verdict}</span> `
  const notes = (result.notes ?? []).map((note) => `<br>${escapeHtml(note)}`).join('')
  return `<div class="check">${pill}<b>${escapeHtml(result.checker)}</b> ${escapeHtml(result.summary)}${notes}</div>`
}

function countsHtml(data: ReportData): string {
  const counts = data.functions.map(() => [0, 0, 0, 0])
  data.operations.f.forEach((f, row) => { counts[f]![data.operations.outcome[row]!]!++ })
  const rows = data.functions.map((name, f) => `<tr><th>${escapeHtml(name)}</th>${counts[f]!.map((count) => `<td>${count}</td>`).join('')}</tr>`)
  return `<table class="counts"><tr><th></th><th>ok</th><th>fail</th><th>info</th><th>no answer</th></tr>${rows.join('')}</table>`
}

function faultsHtml(data: ReportData): string {
  if (data.bands.length === 0) return '<p>None.</p>'
  const rows = data.bands.map((band) => `<tr><td>${(band.startMs / 1e3).toFixed(2)} s</td><td>${(band.endMs / 1e3).toFixed(2)} s</td><td>${escapeHtml(band.label)}</td></tr>`)
  return `<details${rows.length <= 24 ? ' open' : ''}><summary>${rows.length}</summary><table><tr><th>from</th><th>to</th><th>fault</th></tr>${rows.join('')}</table></details>`
}

function planRows(input: ReportInput): string {
  const rows: [string, unknown][] = [...Object.entries(input.plan), ['started', input.startedAt], ['versions', input.versions]]
  return rows.map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(typeof value === 'string' ? value : JSON.stringify(value))}</td></tr>`).join('')
}
