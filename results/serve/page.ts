import { readFileSync } from 'node:fs'
import { clientFile, htmlPage } from '../html-page.ts'
import { escapeHtml } from '../report/html.ts'
import { stateOf } from './run-list.ts'
import type { IndexedRun } from './store-index.ts'

const reportStyle = readFileSync(new URL('../report/client/report.css', import.meta.url), 'utf8')
const ownStyle = clientFile(import.meta.url, 'serve.css')

/** A page of the server, in the report's clothes. `title` is text, `body` and `head` are HTML. */
export function page(title: string, body: string, head = ''): string {
  return htmlPage({ title, styles: [reportStyle, ownStyle], head, body: `<nav><a href="/">all runs</a></nav>
<h1>${escapeHtml(title)}</h1>
${body}` })
}

/** An address below `prefix` (`/run`, `/files`); each part of the path stands for itself. */
export const pathTo = (prefix: string, id: string) => `${prefix}/${id.split('/').map(encodeURIComponent).join('/')}`

/** Its verdict, or what it is about, as a link to where that is told. */
export function stateLink(run: IndexedRun): string {
  const state = stateOf(run)
  const href = run.summary.verdict === null ? pathTo('/run', run.id) : `${pathTo('/files', run.id)}/report.html`
  return `<a class="verdict ${run.summary.verdict ?? (state === 'running' ? 'running' : 'ended')}" href="${escapeHtml(href)}">${escapeHtml(state)}</a>`
}

export const percent = (part: number | null | undefined) => part === null || part === undefined ? '' : `${(Math.floor(part * 1000) / 10).toFixed(1)} %`
export const seconds = (ms: number | null | undefined) => ms === null || ms === undefined ? '' : `${(ms / 1000).toFixed(2)} s`
/** `2026-11-21 21:13:43`. */
export const when = (iso: string) => iso.slice(0, 19).replace('T', ' ')
