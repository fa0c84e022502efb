import type { IndexedRun } from './store-index.ts'

/** What a reader wants to see of all runs: from the page's address. */
export interface ListQuery {
  readonly filters: Readonly<Partial<Record<FilterName, string>>>
  readonly text: string
  readonly sort: SortName
  readonly ascending: boolean
  /** From 1. */
  readonly page: number
}

export const filterNames = ['workload', 'env', 'system', 'members', 'nemesis', 'verdict'] as const
export type FilterName = (typeof filterNames)[number]

export const pageSize = 200

/** What a run is filtered by; of several values any one does. */
const valuesOf: Readonly<Record<FilterName, (run: IndexedRun) => readonly string[]>> = {
  workload: ({ summary }) => [summary.workload],
  env: ({ summary }) => [summary.env],
  system: ({ summary }) => [summary.system],
  members: ({ summary }) => [String(summary.members)],
  nemesis: ({ summary }) => summary.nemesis.length === 0 ? ['none'] : summary.nemesis,
  verdict: (run) => [stateOf(run)],
}

/** Its verdict, or why it has none. */
export function stateOf({ summary, running }: IndexedRun): string {
  return summary.verdict ?? (running ? 'running' : summary.ended ?? 'killed')
}

/** Numbers and text by which runs are ordered; null stands last. */
const sortKeys = {
  started: ({ summary }) => summary.startedAt,
  workload: ({ summary }) => summary.workload,
  members: ({ summary }) => summary.members,
  seed: ({ summary }) => summary.seed,
  verdict: stateOf,
  throughput: ({ summary }) => summary.availability?.throughputPerS ?? null,
  answered: ({ summary }) => summary.availability?.answered ?? null,
  silence: ({ summary }) => summary.availability?.longestWithoutSuccessMs ?? null,
} as const satisfies Record<string, (run: IndexedRun) => string | number | null>
export type SortName = keyof typeof sortKeys

export function readListQuery(search: URLSearchParams): ListQuery {
  const filters: Partial<Record<FilterName, string>> = {}
  for (const name of filterNames) {
    const value = search.get(name)
    if (value !== null && value !== '') filters[name] = value
  }
  const sort = search.get('sort') ?? 'started'
  return {
    filters, text: (search.get('text') ?? '').trim(),
    sort: Object.hasOwn(sortKeys, sort) ? sort as SortName : 'started',
    ascending: search.get('order') === 'up',
    page: Math.max(1, Math.floor(Number(search.get('page') ?? 1)) || 1),
  }
}

/** The same as an address. */
export function writeListQuery({ filters, text, sort, ascending, page }: ListQuery): string {
  const search = new URLSearchParams(filters)
  if (text !== '') search.set('text', text)
  if (sort !== 'started') search.set('sort', sort)
  if (ascending) search.set('order', 'up')
  if (page > 1) search.set('page', String(page))
  const written = search.toString()
  return written === '' ? '/' : `/?${written}`
}

export interface SelectedRuns {
  readonly shown: readonly IndexedRun[]
  /** On all pages. */
  readonly count: number
  readonly pages: number
}

export function selectRuns(runs: readonly IndexedRun[], query: ListQuery): SelectedRuns {
  const words = query.text.toLowerCase().split(/\s+/).filter((word) => word !== '')
  const fitting = runs.filter((run) =>
    filterNames.every((name) => query.filters[name] === undefined || valuesOf[name](run).includes(query.filters[name]))
    && (words.length === 0 || words.every((word) => textOf(run).includes(word))))
  const key = sortKeys[query.sort]
  const sign = query.ascending ? 1 : -1
  const sorted = fitting.map((run) => ({ run, by: key(run) })).sort((a, b) => {
    if (a.by === null || b.by === null) return a.by === b.by ? 0 : a.by === null ? 1 : -1
    return (a.by < b.by ? -1 : a.by > b.by ? 1 : a.run.summary.startedAt < b.run.summary.startedAt ? -1 : 1) * sign
  }).map(({ run }) => run)
  return { shown: sorted.slice((query.page - 1) * pageSize, query.page * pageSize), count: sorted.length, pages: Math.max(1, Math.ceil(sorted.length / pageSize)) }
}

/** What is there to choose from, with how many runs have it. */
export function choices(runs: readonly IndexedRun[], name: FilterName): (readonly [value: string, count: number])[] {
  const counts = new Map<string, number>()
  for (const run of runs) for (const value of valuesOf[name](run)) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
}

/** All that a person may remember of a run. */
function textOf({ id, summary }: IndexedRun): string {
  const { seed, mutant, commit, checkers, rerun, nemesis, system, env } = summary
  return [id, seed, mutant, commit, rerun, nemesis.join(' '), system, env, ...checkers.flatMap(({ checker, summary: told, evidence }) => [checker, told, ...evidence.map(({ title }) => title)])].join('\n').toLowerCase()
}
