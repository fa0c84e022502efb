import { sizeWords } from '../../harness/checkers/evidence.ts'
import { piecesText, type Drawing } from '../../harness/checkers/drawing.ts'
import type { Evidence, LinearizationAttempt, CheckResult } from '../../harness/checkers/verdict.ts'
import { unreachable } from '../../node/base/assert.ts'
import { bandsLines, bandsPicture } from './bands-picture.ts'
import { evidencePicture, operationText, rowsOf } from './evidence-picture.ts'
import { escapeHtml } from './html.ts'
import type { ReportData } from './report-data.ts'
import { isCycle, transactionPicture } from './transaction-picture.ts'

/** Each piece of evidence: in words, as a picture (with the order that was tried, or of what its checker says is to be drawn), and where it stands in the timeline. */
export function evidenceHtml(results: readonly CheckResult[], data: ReportData): string {
  const pieces = results.flatMap(({ evidence }) => evidence.map((one) => pieceHtml(one, data)))
  return pieces.length === 0 ? '' : `<section id="evidence"><h2>Evidence</h2>${pieces.join('')}</section>`
}

function pieceHtml({ title, explanation, eventIndexes, attempt: found, size, drawing, key }: Evidence, data: ReportData): string {
  const attempt = found ?? null
  const rows = rowsOf(data, eventIndexes)
  const picture = drawing === undefined ? evidencePicture(data, rows, attempt) : drawingHtml(drawing, data, rows, explanation.at(-1) ?? '')
  return `<article class="evidence-piece"><h3>${escapeHtml(title)}${rows.length === 0 ? '' : jumpButton(data, rows)}</h3>`
    + picture
    + (picture === '' || attempt === null ? '' : attemptHtml(data, rows, attempt, key))
    + (size === undefined || size === 'unfinished' ? '' : `<p class="attempt">${sizeWords[size]}</p>`)
    // The picture in letters is for terminals; where there is a drawn one, the words are folded.
    + (picture === '' ? `<pre>${escapeHtml(explanation.join('\n'))}</pre>` : `<details${attempt === null && drawing === undefined ? ' open' : ''}><summary>in words</summary><pre>${escapeHtml(explanation.join('\n'))}</pre></details>`)
    + (rows.length === 0 ? '' : `<details><summary>${rows.length} operation${rows.length === 1 ? '' : 's'}</summary><ol>${rows.map((row) => `<li>${escapeHtml(operationText(data, row))}</li>`).join('')}</ol></details>`)
    + '</article>'
}

/** The picture, what it says as a list, and its conclusion. */
function drawingHtml(drawing: Drawing, data: ReportData, rows: readonly number[], conclusion: string): string {
  const concluded = `<p class="attempt"><b class="impossible">✗</b> ${escapeHtml(conclusion)}</p>`
  switch (drawing.kind) {
    case 'transactions': {
      const { transactions, links } = drawing
      const names = new Map(transactions.map(({ name, index, operations }) => [index, `${name}: ${operations.map((one) => piecesText(one)).join(', ')}`]))
      const steps = links.map(({ from, to, kind, sentence }) => `<li><b>${transactions[from]!.name}</b> before <b>${transactions[to]!.name}</b> (${escapeHtml(kind)}): ${escapeHtml(sentence)}</li>`)
      return transactionPicture(drawing)
        + (isCycle(links) ? `<ol class="attempt">${steps.join('')}</ol>` : '') + concluded
        + evidencePicture(data, rows, null, names)
    }
    case 'bands':
      return bandsPicture(drawing) + `<ul class="attempt">${bandsLines(drawing).map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>` + concluded
    default:
      return unreachable(drawing)
  }
}

/** What the points of the picture mean. */
function attemptHtml(data: ReportData, rows: readonly number[], { initial, order, impossible }: LinearizationAttempt, key: string | null): string {
  const rowOf = new Map(rows.map((row) => [data.operations.invokeIndex[row]!, row]))
  const object = key === null ? 'The object' : `<code>${escapeHtml(key)}</code>`
  const steps = order.flatMap(({ index, state }) => {
    const row = rowOf.get(index)
    return row === undefined ? [] : [`<li>${escapeHtml(operationText(data, row))}: now <b>${escapeHtml(state)}</b></li>`]
  })
  const blocked = impossible === null ? undefined : rowOf.get(impossible)
  return `<p class="attempt">The order that gets furthest. ${object} is ${escapeHtml(initial)} at first; each operation takes effect at its point, between its invocation and its answer.</p>`
    + `<ol class="attempt">${steps.join('')}</ol>`
    + (blocked === undefined ? '' : `<p class="attempt"><b class="impossible">✗</b> ${escapeHtml(operationText(data, blocked))}: has no place, for ${object} is <b>${escapeHtml(order.at(-1)?.state ?? initial)}</b> then, and no other order leads further.</p>`)
}

function jumpButton(data: ReportData, rows: readonly number[]): string {
  const { startMs, endMs } = data.operations
  const from = Math.min(...rows.map((row) => startMs[row]!))
  const to = Math.max(...rows.map((row) => endMs[row] ?? startMs[row]!))
  return ` <button type="button" data-at-ms="${(from + to) / 2}" data-span-ms="${to - from}">show in the timeline</button>`
}
