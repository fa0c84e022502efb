import type { CheckResult } from '../../harness/checkers/verdict.ts'
import { escapeHtml } from './html.ts'
import type { LogLine, MemberRecord } from './member-records.ts'
import type { ReportData } from './report-data.ts'

/** A moment that a reader wants to look at, in ms of the run. */
export interface Moment {
  readonly title: string
  readonly atMs: number
}

const momentsMax = 3
const linesBefore = 14
const linesAfter = 6

/**
 * When the evidence came to an end; without evidence that has a time, the first
 * fault; without a fault, the first operation that did not succeed.
 */
export function moments(results: readonly CheckResult[], data: ReportData, timeOfEvent: ReadonlyMap<number, number>): Moment[] {
  const found = results.flatMap(({ evidence }) => evidence.flatMap(({ title, eventIndexes }) => {
    const times = eventIndexes.flatMap((index) => timeOfEvent.get(index) ?? [])
    return times.length === 0 ? [] : [{ title, atMs: times.reduce((a, b) => Math.max(a, b)) }]
  }))
  if (found.length > 0) return found.slice(0, momentsMax)
  const band = data.bands[0]
  if (band !== undefined) return [{ title: `the first fault, ${band.label}`, atMs: band.startMs }]
  const row = data.operations.outcome.findIndex((outcome) => outcome !== 0)
  return row < 0 ? [] : [{ title: 'the first operation that did not succeed', atMs: data.operations.endMs[row] ?? data.operations.startMs[row]! }]
}

/** What each member wrote around each moment, in one order of time; bounded, however long the logs are. */
export function memberLogsHtml(at: readonly Moment[], members: readonly MemberRecord[]): string {
  if (at.length === 0 || members.every(({ log }) => log.length === 0)) return ''
  const pieces = at.map(({ title, atMs }, i) => {
    const lines = members.flatMap(({ member, log }) => around(log, atMs).map((line) => ({ member, ...line })))
      .sort((a, b) => a.atMs - b.atMs || (a.member < b.member ? -1 : a.member > b.member ? 1 : 0))
    const row = ({ member, atMs: lineMs, text }: (typeof lines)[number]) =>
      `<tr class="${level(text)}"><td>${(lineMs / 1e3).toFixed(3)} s</td><th>${escapeHtml(member)}</th><td>${escapeHtml(withoutTime(text))}</td></tr>`
    const mark = `<tr class="moment"><td>${(atMs / 1e3).toFixed(3)} s</td><td colspan="2">${escapeHtml(title)}</td></tr>`
    const rows = [...lines.filter((line) => line.atMs <= atMs).map(row), mark, ...lines.filter((line) => line.atMs > atMs).map(row)]
    return `<details${i === 0 ? ' open' : ''}><summary>around ${(atMs / 1e3).toFixed(3)} s: ${escapeHtml(title)}</summary><table class="log">${rows.join('')}</table></details>`
  })
  return `<section id="logs"><h2>What members wrote then</h2><p class="hint">The last ${linesBefore} lines of each before the moment and the first ${linesAfter} after it, by the member's own clock. Whole logs: <code>members/NAME/member.log</code> beside this file.</p>${pieces.join('')}</section>`
}

function around(log: readonly LogLine[], atMs: number): { readonly atMs: number, readonly text: string }[] {
  const timed = log.flatMap((line) => line.atMs === null ? [] : [{ atMs: line.atMs, text: line.text }])
  const before = timed.filter((line) => line.atMs <= atMs).slice(-linesBefore)
  return [...before, ...timed.filter((line) => line.atMs > atMs).slice(0, linesAfter)]
}

const level = (text: string) => /\[ERR|\[ERROR|"level":"(?:error|fatal|panic)"/.test(text) ? 'error' : /\[WARN|"level":"warn"/.test(text) ? 'warn' : 'info'

/** The time stands in a column of its own. */
function withoutTime(text: string): string {
  if (!text.startsWith('{"timeMs"')) return text.trim().replace(/^\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?\s*/, '')
  try {
    const { timeMs: _, level, message, ...fields } = JSON.parse(text) as Record<string, unknown>
    return `[${String(level).toUpperCase()}] ${String(message)}${Object.entries(fields).map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join('')}`
  } catch {
    return text
  }
}
