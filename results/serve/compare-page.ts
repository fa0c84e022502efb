import { escapeHtml } from '../report/html.ts'
import { page, pathTo, percent, seconds, stateLink, when } from './page.ts'
import type { IndexedRun } from './store-index.ts'

/** What is put side by side: HTML, for each run. */
const rows: readonly (readonly [title: string, cell: (run: IndexedRun) => string])[] = [
  ['verdict', stateLink],
  ['started (UTC)', ({ id, summary }) => `<a href="${escapeHtml(pathTo('/run', id))}">${escapeHtml(when(summary.startedAt))}</a>`],
  ['workload', ({ summary }) => escapeHtml(summary.workload)],
  ['environment', ({ summary }) => summary.env],
  ['system', ({ summary }) => escapeHtml(summary.system)],
  ['members', ({ summary }) => String(summary.members)],
  ['faults', ({ summary }) => escapeHtml(summary.nemesis.join(', ') || 'none')],
  ['seed', ({ summary }) => String(summary.seed)],
  ['planted bug', ({ summary }) => escapeHtml(summary.mutant ?? 'none')],
  ['time limit', ({ summary }) => `${summary.timeLimitS} s`],
  ['commit', ({ summary }) => escapeHtml(summary.commit?.slice(0, 12) ?? '')],
  ['operations', ({ summary }) => summary.availability === null ? '' : String(summary.availability.operations)],
  ['successes a second', ({ summary }) => summary.availability?.throughputPerS.toFixed(1) ?? ''],
  ['answered', ({ summary }) => percent(summary.availability?.answered)],
  ['longest without a success', ({ summary }) => seconds(summary.availability?.longestWithoutSuccessMs)],
  ['without a leader', ({ summary }) => seconds(summary.availability?.withoutLeaderMs)],
  ['changes of leader', ({ summary }) => String(summary.availability?.leaderChanges ?? '')],
  ['first success after a fault began (median)', ({ summary }) => seconds(summary.availability?.firstSuccessAfterStartMs)],
  ['first success after it ended (median)', ({ summary }) => seconds(summary.availability?.firstSuccessAfterEndMs)],
]

/** Runs side by side; what is not the same in all is marked. `missing`: asked for, and not there. */
export function comparePage(runs: readonly IndexedRun[], missing: readonly string[]): string {
  const checkers = [...new Set(runs.flatMap(({ summary }) => summary.checkers.map(({ checker }) => checker)))]
  const checkerRows = checkers.map((name): (typeof rows)[number] => [name, ({ summary }) => {
    const found = summary.checkers.find(({ checker }) => checker === name)
    if (found === undefined) return ''
    return `${found.informational ? '' : `<span class="verdict ${found.verdict}">${found.verdict}</span> `}${escapeHtml(found.summary)}`
  }])
  const row = ([title, cell]: (typeof rows)[number], mark: boolean) => {
    const cells = runs.map(cell)
    return `<tr${mark && new Set(cells).size > 1 ? ' class="differs"' : ''}><th scope="row">${escapeHtml(title)}</th>${cells.map((html) => `<td>${html}</td>`).join('')}</tr>`
  }
  return page('Runs side by side', [
    missing.length === 0 ? '' : `<p>Not in this store (any more): ${missing.map(escapeHtml).join(', ')}</p>`,
    runs.length < 2 ? '<p>Choose two runs or more in <a href="/">the list</a>.</p>' : `<p class="hint">Rows in bold differ. <a href="${escapeHtml(`/comparison?${new URLSearchParams(runs.map(({ id }) => ['run', id]))}`)}">What their numbers show</a>, with samples, charts and what may be chance.</p>`,
    runs.length === 0 ? '' : `<div class="scroll"><table class="compare">${rows.map((one) => row(one, true)).join('')}${checkerRows.map((one) => row(one, false)).join('')}</table></div>`,
  ].join('\n'))
}
