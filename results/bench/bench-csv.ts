import type { BenchRecord } from './bench-record.ts'

/** A row each sample, so that any tool can make its own quantiles; the case's keys are columns of their own. RFC 4180. */
export function benchCsv({ bench, env, system, startedAt, measurements }: BenchRecord): string {
  const keys = [...new Set(measurements.flatMap((measurement) => Object.keys(measurement.case)))]
  const rows = measurements.flatMap((measurement) => measurement.samples.map((value, at) =>
    [bench, env, system, startedAt, ...keys.map((key) => measurement.case[key] ?? ''), measurement.metric, measurement.unit, measurement.better ?? '', at + 1, value]))
  return [['bench', 'env', 'system', 'startedAt', ...keys, 'metric', 'unit', 'better', 'sample', 'value'], ...rows]
    .map((row) => `${row.map((cell) => field(String(cell))).join(',')}\r\n`).join('')
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
