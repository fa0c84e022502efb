import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { escapeHtml } from './report/html.ts'

/** What a page is made of. All but the title is HTML, CSS and JavaScript as it is. */
export interface HtmlPage {
  /** Text. */
  readonly title: string
  readonly styles: readonly string[]
  readonly head?: string
  /** With what scripts it needs, at its end. */
  readonly body: string
}

/** One self-contained document: no request to anywhere, not even for an icon. The same input gives the same bytes. */
export function htmlPage({ title, styles, head = '', body }: HtmlPage): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${styles.join('\n')}</style>
${head}</head>
<body>
${body}
</body>
</html>
`
}

/** uPlot's files, to stand in a page. */
export const chartStyle = () => chartFile('uPlot.min.css')
export const chartScript = () => `<script>${chartFile('uPlot.iife.min.js')}</script>`

function chartFile(file: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${file}`), 'utf8')
}

/** A file of the folder `client/` beside the module that asks: `clientFile(import.meta.url, 'report.css')`. */
export function clientFile(moduleUrl: string, file: string): string {
  return readFileSync(new URL(`./client/${file}`, moduleUrl), 'utf8')
}
