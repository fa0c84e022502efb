import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { CheckResult, Verdict } from '../../harness/checkers/verdict.ts'
import { evidencePicture, operationText, rowsOf } from './evidence-picture.ts'
import { escapeHtml, scriptJson } from './html.ts'
import { reportData, type ReportData } from './report-data.ts'
import type { ReportInput } from './report-input.ts'

export type { ReportInput } from './report-input.ts'

const verdictWords: Record<Verdict, string> = {
  valid: 'Nothing that was observed contradicts the guarantees that were checked.',
  invalid: 'What was observed cannot have happened in a system that keeps its guarantees.',
  unknown: 'What was observed does not decide it; see the reasons below.',
}

/** `report.html`: one self-contained file, no request to anywhere. The same input gives the same bytes. */
export function renderReport(input: ReportInput): string {
  const highlighted = input.results.flatMap((result) => result.evidence.flatMap((evidence) => evidence.eventIndexes))
  const data = reportData(input.history, input.plan.concurrency, highlighted)
  const require = createRequire(import.meta.url)
  const library = (file: string) => readFileSync(require.resolve(`uplot/dist/${file}`), 'utf8')
  const own = (file: string) => readFileSync(new URL(`./client/${file}`, import.meta.url), 'utf8')
  const title = `${input.verdict}: ${input.plan.workload}, ${input.plan.members} members, ${input.plan.nemesis.join(' + ') || 'no faults'}, seed ${input.plan.seed}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${library('uPlot.min.css')}
${own('report.css')}</style>
</head>
<body>
<header>
<h1><span class="verdict ${input.verdict}">${input.verdict}</span> ${escapeHtml(input.plan.workload)} <small>on ${input.plan.members} members of ${escapeHtml(input.plan.system)}, ${escapeHtml(input.plan.env)}</small></h1>
<p>${verdictWords[input.verdict]}</p>
</header>
<section><h2>Checks</h2>${input.results.map((result) => checkHtml(result)).join('')}</section>
${evidenceHtml(input.results, data)}
<section><h2>Operations</h2>${countsHtml(data)}
<p class="hint">Drag to move, wheel or <kbd>+</kbd> <kbd>−</kbd> to zoom, arrow keys to pan, <kbd>0</kbd> to see all. Bands are faults.</p>
<canvas id="timeline" tabindex="0" aria-label="Operations by worker over time"></canvas>
<div id="legend" class="legend"></div>
<h3>Latency</h3><div id="latency"></div>
<h3>Operations per second</h3><div id="throughput"></div>
</section>
<section><h2>Faults</h2>${faultsHtml(data)}</section>
<section><h2>Plan</h2><table class="plan">${planRows(input)}</table>
<h3>Run it again</h3><pre class="command">${escapeHtml(input.rerun)}</pre></section>
<script>${library('uPlot.iife.min.js')}</script>
<script>const report = ${scriptJson(data)};
${own('report.js')}</script>
</body>
</html>
`
}

function checkHtml(result: CheckResult): string {
  return `<div class="check"><span class="verdict ${result.verdict}">${result.notRun === true ? 'not run' : result.verdict}</span> <b>${escapeHtml(result.checker)}</b> ${escapeHtml(result.summary)}</div>`
}

function evidenceHtml(results: readonly CheckResult[], data: ReportData): string {
  const pieces = results.flatMap((result) => result.evidence.map((evidence) => {
    const rows = rowsOf(data, evidence.eventIndexes)
    return `<article class="evidence-piece"><h3>${escapeHtml(evidence.title)}</h3>`
      + `<pre>${escapeHtml(evidence.explanation.join('\n'))}</pre>`
      + evidencePicture(data, rows.map((row) => data.operations.invokeIndex[row]!))
      + (rows.length === 0 ? '' : `<details><summary>${rows.length} operations</summary><ol>${rows.map((row) => `<li>${escapeHtml(operationText(data, row))}</li>`).join('')}</ol></details>`)
      + '</article>'
  }))
  return pieces.length === 0 ? '' : `<section><h2>Evidence</h2>${pieces.join('')}</section>`
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
  return `<table><tr><th>from</th><th>to</th><th>fault</th></tr>${rows.join('')}</table>`
}

function planRows(input: ReportInput): string {
  const rows: [string, unknown][] = [...Object.entries(input.plan), ['started', input.startedAt], ['versions', input.versions]]
  return rows.map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(typeof value === 'string' ? value : JSON.stringify(value))}</td></tr>`).join('')
}
