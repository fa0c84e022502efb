import type { Measurement } from '../bench/bench-record.ts'
import type { Circumstance, Subject } from './subject.ts'

/** One metric in one case that all subjects have. */
export interface AlignedRow {
  readonly case: Measurement['case']
  readonly metric: string
  readonly unit: string
  readonly better: Measurement['better']
  /** One for each subject, in their order. */
  readonly samples: readonly (readonly number[])[]
}

/** Something that is not the same in all subjects. */
export interface Divergence {
  readonly name: string
  readonly weight: Circumstance['weight']
  /** One for each subject; null where it has none such. */
  readonly values: readonly (string | null)[]
}

export interface Alignment {
  readonly rows: readonly AlignedRow[]
  /** What not all of them have. */
  readonly alone: readonly { readonly metric: string, readonly case: Measurement['case'], readonly of: readonly string[] }[]
  readonly divergences: readonly Divergence[]
}

/** Puts the same metric of the same case side by side. Two subjects or more. */
export function align(subjects: readonly Subject[]): Alignment {
  const separate = separatingKeys(subjects.map(({ measurements }) => measurements))
  const tables = subjects.map(({ measurements }) => new Map(measurements.map((one) => [keyOf(one, separate), one])))
  const keys = [...new Set(tables.flatMap((table) => [...table.keys()]))]
  const rows: AlignedRow[] = []
  const alone: { metric: string, case: Measurement['case'], of: string[] }[] = []
  for (const key of keys) {
    const found = tables.map((table) => table.get(key))
    const first = found.find((one) => one !== undefined)!
    const its = without(first.case, separate)
    if (found.every((one) => one !== undefined)) {
      rows.push({ case: its, metric: first.metric, unit: first.unit, better: first.better, samples: found.map(({ samples }) => samples) })
    } else {
      alone.push({ metric: first.metric, case: its, of: subjects.filter((_, at) => found[at] !== undefined).map(({ label }) => label) })
    }
  }
  return {
    // Cases of one metric together.
    rows: [...Map.groupBy(rows, ({ metric, unit }) => `${metric} ${unit}`).values()].flat(),
    alone,
    divergences: [
      ...[...separate].map((name): Divergence => ({ name, weight: 'plan', values: subjects.map(({ measurements }) => text(measurements.find((one) => name in one.case)?.case[name])) })),
      ...diverging(subjects),
    ],
  }
}

const text = (value: string | number | undefined) => value === undefined ? null : String(value)

/**
 * Parts of cases of which each subject has one value throughout, but not the
 * same: one measured 3 members and another 5, say. That is what is being
 * compared, so it must not keep their rows apart.
 */
function separatingKeys(subjects: readonly (readonly Measurement[])[]): Set<string> {
  const names = new Set(subjects.flat().flatMap((one) => Object.keys(one.case)))
  const separating = new Set([...names].filter((name) => {
    const values = subjects.map((measurements) => new Set(measurements.map((one) => one.case[name])))
    return values.every(({ size }) => size === 1) && new Set(values.map(([only]) => only)).size > 1
  }))
  return separating
}

function keyOf({ case: its, metric, unit }: Measurement, separate: ReadonlySet<string>): string {
  return JSON.stringify([metric, unit, Object.entries(without(its, separate)).sort(([a], [b]) => a < b ? -1 : 1)])
}

function without(its: Measurement['case'], names: ReadonlySet<string>): Measurement['case'] {
  return Object.fromEntries(Object.entries(its).filter(([name]) => !names.has(name)))
}

function diverging(subjects: readonly Subject[]): Divergence[] {
  const names = [...new Set(subjects.flatMap(({ circumstances }) => circumstances.map(({ name }) => name)))]
  return names.flatMap((name): Divergence[] => {
    const its = subjects.map(({ circumstances }) => circumstances.find((one) => one.name === name))
    const values = its.map((one) => one?.value ?? null)
    return new Set(values).size === 1 ? [] : [{ name, weight: its.find((one) => one !== undefined)!.weight, values }]
  })
}

/** What tells cases apart, as text; what all rows have in common is left out. */
export function caseText(its: Measurement['case'], common: ReadonlySet<string>): string {
  return Object.entries(its).filter(([name]) => !common.has(name)).map(([name, value]) => `${name} ${value}`).join(', ')
}

/** Parts of cases that have the same value in every row. */
export function commonParts(rows: readonly { readonly case: Measurement['case'] }[]): ReadonlySet<string> {
  const names = new Set(rows.flatMap((row) => Object.keys(row.case)))
  return new Set([...names].filter((name) => new Set(rows.map((row) => row.case[name])).size === 1))
}
