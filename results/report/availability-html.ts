import type { FaultWindow, Tally } from '../../harness/checkers/availability.ts'
import type { CheckResult } from '../../harness/checkers/verdict.ts'
import { medianOf } from '../bench/spread.ts'
import { escapeHtml } from './html.ts'

/** More faults than these are told by family, and one by one only where somebody asks. */
const foldedFrom = 12

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
  const faults = windows.length === 0 ? '' : windows.length <= foldedFrom ? faultTable(windows)
    : `${familyTable(windows)}<details><summary>${windows.length} faults, one by one</summary>${faultTable(windows)}</details>`
  return `<section id="availability"><h2>Availability</h2><p>Information; no part of the verdict. Answered: the system gave an answer of substance, be it that a condition did not hold.</p>${operations}${faults}</section>`
}

function faultTable(windows: readonly FaultWindow[]): string {
  return table(
    ['fault', 'from', 'to', 'answered', 'ok', 'fail', 'info', 'first success after its start', 'after its end'],
    windows.map(({ name, fromMs, toMs, operations: tally, firstSuccessAfterStartMs, firstSuccessAfterEndMs }) =>
      [name, seconds(fromMs), toMs === null ? 'the end' : seconds(toMs), ...tallyCells(tally), seconds(firstSuccessAfterStartMs), toMs === null ? '' : seconds(firstSuccessAfterEndMs)]))
}

/** What each family of faults cost, all of its faults together; several may have been on at once. */
function familyTable(windows: readonly FaultWindow[]): string {
  const families = Map.groupBy(windows, ({ name }) => name)
  return table(
    ['family', 'faults', 'answered', 'ok', 'fail', 'info', 'first success after the start, median', 'longest', 'after the end, median', 'longest'],
    [...families].map(([name, own]) => [
      name, String(own.length), ...tallyCells(sumOf(own.map(({ operations }) => operations))),
      ...medianAndLongest(own.map(({ firstSuccessAfterStartMs }) => firstSuccessAfterStartMs)),
      ...medianAndLongest(own.filter(({ toMs }) => toMs !== null).map(({ firstSuccessAfterEndMs }) => firstSuccessAfterEndMs)),
    ]))
}

function sumOf(tallies: readonly Tally[]): Tally {
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0)
  return { ok: sum(({ ok }) => ok), fail: sum(({ fail }) => fail), info: sum(({ info }) => info), answered: sum(({ answered }) => answered) }
}

/** No success at all is longer than any. */
function medianAndLongest(timesMs: readonly (number | null)[]): [string, string] {
  if (timesMs.length === 0) return ['', '']
  const sorted = timesMs.map((ms) => ms ?? Infinity).sort((a, b) => a - b)
  const text = (ms: number) => seconds(ms === Infinity ? null : ms)
  return [text(medianOf(sorted)), text(sorted.at(-1)!)]
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
