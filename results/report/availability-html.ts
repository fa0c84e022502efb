import type { FaultWindow, Tally } from '../../harness/checkers/availability.ts'
import type { CheckResult } from '../../harness/checkers/verdict.ts'
import { escapeHtml } from './html.ts'

/** What the availability checker found, as tables: by operation, and by fault. Empty where it found nothing to tell. */
export function availabilityHtml(results: readonly CheckResult[]): string {
  const details = results.find(({ checker }) => checker === 'availability')?.details
  if (details === undefined || !('windows' in details)) return ''
  const byOperation = details['byOperation'] as Readonly<Record<string, Tally>>
  const windows = details['windows'] as readonly FaultWindow[]
  const operations = table(['', 'answered', 'ok', 'fail', 'info'], [
    ...Object.entries(byOperation).map(([f, tally]) => [f, ...tallyCells(tally)]),
    ['during faults', ...tallyCells(details['duringFaults'] as Tally)],
    ['without faults', ...tallyCells(details['withoutFaults'] as Tally)],
  ])
  const faults = windows.length === 0 ? '' : table(
    ['fault', 'from', 'to', 'answered', 'ok', 'fail', 'info', 'first success after its start', 'after its end'],
    windows.map(({ name, fromMs, toMs, operations: tally, firstSuccessAfterStartMs, firstSuccessAfterEndMs }) =>
      [name, seconds(fromMs), toMs === null ? 'the end' : seconds(toMs), ...tallyCells(tally), seconds(firstSuccessAfterStartMs), toMs === null ? '' : seconds(firstSuccessAfterEndMs)]))
  return `<section id="availability"><h2>Availability</h2><p>Information; no part of the verdict. Answered: the system gave an answer of substance, be it that a condition did not hold.</p>${operations}${faults}</section>`
}

function tallyCells({ ok, fail, info, answered }: Tally): string[] {
  const size = ok + fail + info
  return [size === 0 ? '' : `${(Math.floor(answered / size * 1000) / 10).toFixed(1)} %`, String(ok), String(fail), String(info)]
}

const seconds = (ms: number | null) => ms === null ? 'none' : `${(ms / 1000).toFixed(2)} s`

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: 'th' | 'td') => `<tr>${cells.map((cell, i) => i === 0 ? `<th>${escapeHtml(cell)}</th>` : `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`
  return `<table class="counts">${row(head, 'th')}${rows.map((cells) => row(cells, 'td')).join('')}</table>`
}
