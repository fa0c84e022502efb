import { chartScript, chartStyle, clientFile, htmlPage } from '../html-page.ts'
import { escapeHtml, scriptJson } from '../report/html.ts'
import { medianOf } from '../bench/spread.ts'

/** A metric as medians with whiskers: categories from left to right, series beside each other in each. */
export interface Chart {
  readonly title: string
  readonly unit: string
  /** What categories are: `case`, `members`. */
  readonly categoryName: string
  /** With line breaks where they are long. */
  readonly categories: readonly string[]
  readonly series: readonly {
    readonly name: string
    /** One for each category; null where there is none. */
    readonly points: readonly ({ readonly median: number, readonly min: number, readonly max: number, readonly samples: readonly number[] } | null)[]
  }[]
}

/** One self-contained file: no request to anywhere. The same input gives the same bytes. `body` is HTML, and has a `chartHtml` for each chart. */
export function renderPage(title: string, body: string, charts: readonly Chart[]): string {
  const own = (file: string) => clientFile(import.meta.url, file)
  return htmlPage({ title, styles: [chartStyle(), own('compare.css')], body: `<h1>${escapeHtml(title)}</h1>
${body}
${chartScript()}
<script>const charts = ${scriptJson(charts)};
${own('compare.js')}</script>` })
}

/** Where the script draws the chart; what it shows stands in a table too. */
export function chartHtml(chart: Chart, at: number): string {
  return `<figure><h3>${escapeHtml(chart.title)}</h3><div class="scroll" tabindex="0" id="chart-${at}" role="img" aria-label="${escapeHtml(`${chart.title}: ${chart.series.map(({ name }) => name).join(', ')} by ${chart.categoryName}; the numbers stand in the table`)}"></div></figure>`
}

/** At most this many samples of a point are drawn as dots, evenly chosen: more would only make a bar. */
const dotsMax = 60

export function chartPoint(samples: readonly number[]): NonNullable<Chart['series'][number]['points'][number]> {
  const sorted = [...samples].sort((a, b) => a - b)
  const step = Math.max(1, Math.ceil(sorted.length / dotsMax))
  return { median: medianOf(sorted), min: sorted[0]!, max: sorted.at(-1)!, samples: sorted.length === 1 ? [] : sorted.filter((_, i) => i % step === 0) }
}

export function wordsHtml(words: readonly string[]): string {
  return `<ul class="words">${words.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join('')}</ul>`
}

export function tableHtml(head: readonly string[], rows: readonly (readonly string[])[], classOf: (cell: string) => string = () => ''): string {
  const cell = (text: string, at: number) => at === 0 ? `<th scope="row">${escapeHtml(text)}</th>` : `<td class="${classOf(text)}">${escapeHtml(text)}</td>`
  return `<div class="scroll" tabindex="0"><table><thead><tr>${head.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('')}</tr></thead><tbody>${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('')}</tbody></table></div>`
}
