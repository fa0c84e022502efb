import { chartScript, chartStyle, clientFile } from '../html-page.ts'
import { escapeHtml, scriptJson } from '../report/html.ts'
import { page, pathTo, stateLink, when } from './page.ts'
import type { IndexedRun } from './store-index.ts'

/** One run: what it is, its files, and while it runs how it goes. `files`: below its directory. */
export function runPage(run: IndexedRun, files: readonly string[]): string {
  const { id, summary: { startedAt, workload, env, system, members, nemesis, seed, mutant, timeLimitS, checkers, rerun } } = run
  const told = `${workload} on ${members} members of ${system}, ${env}, ${nemesis.join(' + ') || 'no faults'}, seed ${seed}${mutant === null ? '' : `, with the planted bug ${mutant}`}, ${timeLimitS} s`
  const link = (file: string) => `<li><a href="${escapeHtml(pathTo('/files', `${id}/${file}`))}">${escapeHtml(file)}</a></li>`
  return page(id, [
    `<p><span id="state">${stateLink(run)}</span> ${escapeHtml(told)}; started ${escapeHtml(when(startedAt))} UTC</p>`,
    run.running ? livePart() : '',
    checkers.map(({ checker, verdict, summary, informational }) => `<div class="check">${informational ? '' : `<span class="verdict ${verdict}">${verdict}</span> `}<b>${escapeHtml(checker)}</b> ${escapeHtml(summary)}</div>`).join(''),
    rerun === null ? '' : `<h2>Run it again</h2><pre class="command">${escapeHtml(rerun)}</pre>`,
    `<h2>Files</h2><ul class="files">${files.map(link).join('')}</ul>`,
    run.running ? liveScript(id) : '',
  ].join('\n'), run.running ? `<style>${chartStyle()}</style>\n` : '')
}

function livePart(): string {
  return `<section id="live" aria-live="off">
<p id="ended" role="status"></p>
<dl class="gauges"><div><dt>time</dt><dd id="time">…</dd></div><div><dt>left</dt><dd id="left"></dd></div><div><dt>operations a second</dt><dd id="rate"></dd></div><div><dt>median</dt><dd id="p50"></dd></div><div><dt>99th percentile</dt><dd id="p99"></dd></div><div><dt>ok</dt><dd id="ok"></dd></div><div><dt>fail</dt><dd id="fail"></dd></div><div><dt>info</dt><dd id="info"></dd></div><div><dt>leader</dt><dd id="leader"></dd></div></dl>
<progress id="progress" max="1" value="0" aria-label="of the time limit"></progress>
<p>Faults: <b id="faults">…</b></p>
<h2>Operations per second</h2><div id="throughput"></div>
<h2>Latency of what succeeded</h2><div id="latency"></div>
</section>`
}

function liveScript(id: string): string {
  const own = clientFile(import.meta.url, 'live.js')
  const links = { events: pathTo('/events', id), report: `${pathTo('/files', id)}/report.html`, run: pathTo('/run', id) }
  return `${chartScript()}\n<script>const links = ${scriptJson(links)};\n${own}</script>`
}
