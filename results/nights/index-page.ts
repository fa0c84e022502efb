import { chartScript, chartStyle, clientFile, htmlPage } from '../html-page.ts'
import { escapeHtml, scriptJson } from '../report/html.ts'
import { failuresOf, headline, replayOf, titleOf, whatBroke } from './failures.ts'
import { verdictOfNight } from './outcomes.ts'
import { nightsData, type PagedNight } from './page-data.ts'

export type { PagedNight } from './page-data.ts'

/** What a page shows of its newest night at once; then folded; then only in the list. */
const failuresShownMax = 5
const failuresMax = 50

/**
 * `results/store/nights/index.html`: every run of every night, to be filtered,
 * with how throughput, election time and availability went over the nights. One
 * file, no request to anywhere; the same nights give the same bytes.
 * @param nights the oldest first
 * @param storeName as the reader would name the store, for commands
 */
export function renderNightsPage(nights: readonly PagedNight[], storeName: string): string {
  const data = nightsData(nights, storeName)
  const newest = nights.at(-1)
  const own = (file: string) => clientFile(import.meta.url, file)
  return htmlPage({ title: 'splitbrain: nights', styles: [chartStyle(), own('nights.css')], body: `<header><h1>Nights</h1>${newest === undefined ? '<p>There was none yet.</p>' : newestHtml(newest, storeName)}</header>
<section><h2>All runs</h2>
<form id="filters" aria-label="Filters"></form>
<p id="count" role="status"></p>
${data.nightsLeftOut === 0 ? '' : `<p class="hint">${data.nightsLeftOut} older nights are not shown; their records lie beside this page.</p>`}
<div class="trends">
<figure><figcaption>Throughput <small>operations that succeeded, per second: median of a night's runs</small></figcaption><div id="throughput"></div></figure>
<figure><figcaption>Election time <small>from the first vote asked for to the leader: median of a night's elections</small></figcaption><div id="election"></div></figure>
<figure><figcaption>Availability <small>operations that were answered: mean of a night's runs</small></figcaption><div id="answered"></div></figure>
</div>
<h3>By night</h3><div class="scroll tall" tabindex="0"><table id="nights"></table></div>
<h3>Runs</h3><div class="scroll"><table id="runs"></table></div>
<button id="more" type="button" hidden>Show more</button>
<noscript><p>The filters, the trends and the list of runs need JavaScript; the records are the files night.json beside this page.</p></noscript>
</section>
${chartScript()}
<script>const all = ${scriptJson(data)};
${own('nights.js')}</script>` })
}

/** The newest night, readable without a script. */
function newestHtml({ record, directory }: PagedNight, storeName: string): string {
  const failures = failuresOf(record)
  const verdict = verdictOfNight(record)
  const pieces = failures.slice(0, failuresMax).map((run) => {
    const { what, evidence } = whatBroke(run)
    const replay = replayOf(run, storeName)
    const report = run.directory?.startsWith('nights/') && run.outcome !== 'failed' ? ` <a href="${escapeHtml(`${run.directory.slice('nights/'.length)}/report.html`)}">report</a>` : ''
    return `<article class="failure"><h3><span class="verdict ${run.outcome}">${run.outcome}</span> ${escapeHtml(titleOf(run))}${report}</h3>`
      + `<p>${escapeHtml(what)}</p>${evidence.length === 0 ? '' : `<pre>${escapeHtml(evidence.join('\n'))}</pre>`}${replay === null ? '' : `<pre class="command">${escapeHtml(replay)}</pre>`}</article>`
  })
  const files = ['night.json', 'junit.xml', 'night.tap', 'summary.txt'].map((name) => `<a href="${escapeHtml(`${directory}/${name}`)}">${name}</a>`).join(' ')
  return `<p><span class="verdict ${verdict}">${verdict}</span> ${escapeHtml(headline(record))}</p><p class="hint">${files}</p>${pieces.slice(0, failuresShownMax).join('')}`
    + (pieces.length > failuresShownMax ? `<details><summary>${pieces.length - failuresShownMax} more</summary>${pieces.slice(failuresShownMax).join('')}</details>` : '')
    + (failures.length > pieces.length ? `<p>And ${failures.length - pieces.length} others, in the list below.</p>` : '')
}
