import type { BenchRecord, Measurement } from './bench-record.ts'
import { spreadOf } from './spread.ts'

/** One metric over all cases in which it was measured, in the order of measuring. */
export interface MetricGroup {
  readonly metric: string
  readonly unit: string
  readonly better: Measurement['better']
  readonly measurements: readonly Measurement[]
}

export function groupByMetric(measurements: readonly Measurement[]): MetricGroup[] {
  const groups = new Map<string, { metric: string, unit: string, better: Measurement['better'], measurements: Measurement[] }>()
  for (const measurement of measurements) {
    const { metric, unit, better } = measurement
    const key = `${metric}\n${unit}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { metric, unit, better, measurements: [measurement] })
    else group.measurements.push(measurement)
  }
  return [...groups.values()]
}

/** What the cases of these measurements have in common, and the keys by which they differ, each in the order of first use. */
export function splitCases(measurements: readonly Measurement[]): { readonly common: Readonly<Record<string, string | number>>, readonly varying: readonly string[] } {
  const keys = [...new Set(measurements.flatMap((measurement) => Object.keys(measurement.case)))]
  const varying = keys.filter((key) => new Set(measurements.map((measurement) => measurement.case[key])).size > 1)
  return { common: Object.fromEntries(keys.filter((key) => !varying.includes(key)).map((key) => [key, measurements[0]!.case[key]!])), varying }
}

/** Three significant digits, and never fewer than the whole part. */
export function formatValue(value: number): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en')
  if (size >= 10) return value.toFixed(1)
  return size >= 1 ? value.toFixed(2) : String(Number(value.toPrecision(2)))
}

const words: Readonly<Record<string, string>> = { valueBytes: 'bytes', latencyMs: 'link ms' }

export const caseWord = (key: string) => words[key] ?? key

/** For a terminal: what is better or worse, a row each case; what only tells stands in the files. */
export function benchTable(record: BenchRecord): string[] {
  const groups = groupByMetric(record.measurements)
  if (groups.length === 0) return []
  const { common, varying } = splitCases(record.measurements)
  const telling = groups.filter(({ better }) => better === null)
  const shown = telling.length === groups.length ? groups : groups.filter(({ better }) => better !== null)
  const fixed = Object.entries(common).map(([key, value]) => `${caseWord(key)} ${value}`)
  return [
    ...fixed.length === 0 ? [] : [`everywhere: ${fixed.join(', ')}`],
    ...shown.flatMap((group) => ['', ...groupTable(group, varying)]),
    ...shown.length === groups.length ? [] : ['', `not shown here, as they are neither good nor bad: ${telling.map(({ metric }) => metric).join(', ')}`],
    '',
  ]
}

function groupTable({ metric, unit, better, measurements }: MetricGroup, varying: readonly string[]): string[] {
  const head = [...varying.map(caseWord), 'median', 'min', 'max', 'n']
  const rows = measurements.map((measurement) => {
    const { median, min, max, n } = spreadOf(measurement.samples)
    return [...varying.map((key) => String(measurement.case[key] ?? '')), formatValue(median), formatValue(min), formatValue(max), String(n)]
  })
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)))
  const line = (cells: readonly string[]) => `  ${cells.map((cell, column) => cell.padStart(widths[column]!)).join('  ')}`
  return [`${metric}, ${unit}${better === null ? '' : ` (${better} is better)`}`, line(head), ...rows.map(line)]
}
