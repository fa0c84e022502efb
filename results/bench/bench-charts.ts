import { caseWord, groupByMetric, splitCases, type MetricGroup } from './bench-table.ts'
import type { BenchRecord, Measurement } from './bench-record.ts'

/** One picture: a metric over one key of the cases, a line for each combination of the others. */
export interface BenchChart {
  readonly metric: string
  /** The metric, and of which cases. */
  readonly title: string
  readonly unit: string
  /** What the horizontal axis counts: `connections`; empty where there is one place only. */
  readonly xName: string
  /** Its places, evenly spaced: `1`, `16`, `64`, `256`. */
  readonly places: readonly string[]
  readonly lines: readonly ChartLine[]
}

export interface ChartLine {
  readonly name: string
  /** Of each place its samples; null where that case was not measured. */
  readonly samples: readonly (readonly number[] | null)[]
}

/** More lines in one picture cannot be told from each other. */
const linesMax = 6

/**
 * Pictures of all that was measured. Across goes the numeric key with the most
 * values, of two the one that is not the size of the cluster; lines are told apart by the next keys as long as there are few, and
 * the rest of the keys give pictures of their own, beside each other.
 */
export function benchCharts(record: BenchRecord): BenchChart[] {
  return groupByMetric(record.measurements).flatMap((group) => chartsOf(group))
}

function chartsOf({ metric, unit, measurements }: MetricGroup): BenchChart[] {
  const { varying } = splitCases(measurements)
  const valuesOf = (key: string) => distinct(measurements.map((measurement) => measurement.case[key]))
  const numeric = varying.filter((key) => valuesOf(key).every((value) => typeof value === 'number'))
  const across = [...numeric].sort((a, b) => valuesOf(b).length - valuesOf(a).length || Number(a === 'members') - Number(b === 'members'))[0] ?? varying[0]
  const lineKeys: string[] = []
  for (const key of varying) {
    if (key !== across && [...lineKeys, key].reduce((product, one) => product * valuesOf(one).length, 1) <= linesMax) lineKeys.push(key)
  }
  const pictureKeys = varying.filter((key) => key !== across && !lineKeys.includes(key))
  const places = across === undefined ? [undefined] : valuesOf(across).sort(byNumber)
  return partition(measurements, pictureKeys).map(({ name, members }) => ({
    metric,
    title: name === '' ? metric : `${metric}, ${name}`,
    unit,
    xName: across === undefined ? '' : caseWord(across),
    places: places.map((place) => place === undefined ? '' : String(place)),
    lines: partition(members, lineKeys).map((line) => ({
      name: line.name === '' ? metric : line.name,
      samples: places.map((place) => line.members.find((measurement) => across === undefined || measurement.case[across] === place)?.samples ?? null),
    })),
  }))
}

/** By the values of these keys, in the order of first use; `name` says them. */
function partition(measurements: readonly Measurement[], keys: readonly string[]): { readonly name: string, readonly members: readonly Measurement[] }[] {
  const parts = new Map<string, Measurement[]>()
  for (const measurement of measurements) {
    const name = keys.flatMap((key) => measurement.case[key] === undefined ? [] : [describe(key, measurement.case[key])]).join(', ')
    const part = parts.get(name)
    if (part === undefined) parts.set(name, [measurement])
    else part.push(measurement)
  }
  return [...parts].map(([name, members]) => ({ name, members }))
}

/** `64 connections`, `at leader`. */
function describe(key: string, value: string | number): string {
  return typeof value === 'number' ? `${value} ${caseWord(key)}` : `${caseWord(key)} ${value}`
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)]

function byNumber(a: string | number | undefined, b: string | number | undefined): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : 0
}
