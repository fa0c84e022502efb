import { escapeHtml } from '../report/html.ts'
import { page, pathTo, percent, seconds, stateLink, when } from './page.ts'
import { choices, filterNames, selectRuns, writeListQuery, type ListQuery, type SortName } from './run-list.ts'
import type { IndexedRun, Record, StoreContent } from './store-index.ts'

const columns: readonly (readonly [title: string, sort: SortName | null])[] = [
  ['', null], ['verdict', 'verdict'], ['started (UTC)', 'started'], ['workload', 'workload'], ['where', null], ['members', 'members'], ['faults', null],
  ['seed', 'seed'], ['ok/s', 'throughput'], ['answered', 'answered'], ['longest silence', 'silence'],
]

/** All runs, as far as the query wants them; works without a script. */
export function listPage({ runs, records, nightsPage }: StoreContent, query: ListQuery, store: string): string {
  const { shown, count, pages } = selectRuns(runs, query)
  const rows = shown.map((run) => rowHtml(run)).join('')
  const running = runs.filter((run) => run.running)
  return page('Runs', [
    `<p class="hint">${escapeHtml(store)}: ${runs.length} run${runs.length === 1 ? '' : 's'}</p>`,
    running.length === 0 ? '' : `<p class="running">Running now: ${running.map((run) => `<a href="${escapeHtml(pathTo('/run', run.id))}">${escapeHtml(run.id)}</a>`).join(', ')}</p>`,
    filterForm(runs, query),
    count === 0 ? `<p>${runs.length === 0 ? 'There are none yet. <code>npx splitbrain test</code> makes one.' : 'No run fits. <a href="/">Show all</a>'}</p>`
      : `<form action="/compare" method="get"><p class="tools"><button>compare the chosen runs</button> <span class="hint">${count} fit${count === 1 ? 's' : ''}${pageLinks(query, pages)}</span></p>`
      + `<div class="scroll"><table class="runs"><thead><tr>${columns.map(([title, sort]) => headHtml(title, sort, query)).join('')}</tr></thead><tbody>${rows}</tbody></table></div></form>`,
    recordsHtml(records, nightsPage),
  ].join('\n'))
}

function rowHtml(run: IndexedRun): string {
  const { summary: { startedAt, workload, env, system, members, nemesis, seed, mutant, availability } } = run
  const cells = [
    `<input type="checkbox" name="run" value="${escapeHtml(run.id)}" aria-label="choose ${escapeHtml(run.id)} to compare">`,
    stateLink(run),
    `<a href="${escapeHtml(pathTo('/run', run.id))}">${escapeHtml(when(startedAt))}</a>`,
    escapeHtml(workload) + (mutant === null ? '' : ` <small>with ${escapeHtml(mutant)}</small>`),
    escapeHtml(`${env}${system === 'registry' ? '' : `, ${system}`}`),
    String(members), escapeHtml(nemesis.length > 4 ? `${nemesis.length} families` : nemesis.join(', ')), String(seed),
    availability === null ? '' : String(Math.round(availability.throughputPerS)), percent(availability?.answered), seconds(availability?.longestWithoutSuccessMs),
  ]
  return `<tr>${cells.map((cell, i) => `<td${i >= 7 || i === 5 ? ' class="number"' : ''}>${cell}</td>`).join('')}</tr>`
}

function headHtml(title: string, sort: SortName | null, query: ListQuery): string {
  if (sort === null) return `<th scope="col">${title}</th>`
  const isSorted = query.sort === sort
  const href = writeListQuery({ ...query, sort, ascending: isSorted && !query.ascending, page: 1 })
  return `<th scope="col"${isSorted ? ` aria-sort="${query.ascending ? 'ascending' : 'descending'}"` : ''}><a href="${escapeHtml(href)}">${title}${isSorted ? query.ascending ? ' ↑' : ' ↓' : ''}</a></th>`
}

function filterForm(runs: readonly IndexedRun[], query: ListQuery): string {
  const selects = filterNames.map((name) => {
    const chosen = query.filters[name]
    const options = choices(runs, name)
    // A value that no run has any more is still what is asked for.
    if (chosen !== undefined && !options.some(([value]) => value === chosen)) options.push([chosen, 0])
    return `<label>${name} <select name="${name}"><option value="">any</option>${options.map(([value, count]) =>
      `<option value="${escapeHtml(value)}"${value === chosen ? ' selected' : ''}>${escapeHtml(value)} (${count})</option>`).join('')}</select></label>`
  })
  const kept = `${query.sort === 'started' ? '' : `<input type="hidden" name="sort" value="${query.sort}">`}${query.ascending ? '<input type="hidden" name="order" value="up">' : ''}`
  return `<form class="filters" action="/" method="get">${selects.join('')}<label>text <input type="search" name="text" value="${escapeHtml(query.text)}" placeholder="seed, key, finding, commit …"></label>${kept}<button>filter</button> <a href="/">all</a></form>`
}

function pageLinks(query: ListQuery, pages: number): string {
  if (pages === 1) return ''
  const link = (page: number, text: string) => page < 1 || page > pages ? '' : ` <a href="${escapeHtml(writeListQuery({ ...query, page }))}">${text}</a>`
  return `, page ${query.page} of ${pages}${link(query.page - 1, 'previous')}${link(query.page + 1, 'next')}`
}

function recordsHtml(records: readonly Record[], nightsPage: string | null): string {
  const list = (kind: Record['kind'], title: string) => {
    const of = records.filter((record) => record.kind === kind)
    if (of.length === 0) return ''
    const items = of.map(({ name, told, page }) => `<li>${page === null ? escapeHtml(name) : `<a href="${escapeHtml(pathTo('/files', page))}">${escapeHtml(name)}</a>`}: ${escapeHtml(told)}</li>`)
    return `<section><h2>${title}</h2><ul>${items.join('')}</ul></section>`
  }
  return list('night', nightsPage === null ? 'Nights' : `<a href="${escapeHtml(pathTo('/files', nightsPage))}">Nights</a>`) + list('bench', 'Benchmarks')
}
