import t from 'tap'
import type { RunSummary } from '../run-summary.ts'
import { choices, pageSize, readListQuery, selectRuns, stateOf, writeListQuery } from './run-list.ts'
import type { IndexedRun } from './store-index.ts'

const run = (id: string, more: Partial<RunSummary> = {}, running = false): IndexedRun => ({
  id, running,
  summary: {
    directory: `/store/${id}`, startedAt: `2026-01-01T00:00:00.00${id.length}Z`, workload: 'register', env: 'simulated', system: 'registry', members: 3, nemesis: ['partition', 'kill'],
    seed: 42, mutant: null, timeLimitS: 10, verdict: 'valid', ended: 'judged', checkers: [], availability: null, rerun: null, commit: null, ...more,
  },
})
const availability = (throughputPerS: number) => ({
  operations: 10, throughputPerS, answered: 1, longestWithoutSuccessMs: 5, withoutLeaderMs: null, leaderChanges: null, firstSuccessAfterStartMs: null, firstSuccessAfterEndMs: null,
})
const select = (runs: readonly IndexedRun[], search: string) => selectRuns(runs, readListQuery(new URLSearchParams(search))).shown.map(({ id }) => id)

t.test('each filter, and all of them together', async (t) => {
  const runs = [
    run('a', { workload: 'lock', members: 5 }), run('bb', { env: 'docker', system: 'etcd', nemesis: [] }), run('ccc', { verdict: 'invalid' }),
    run('dddd', { verdict: null, ended: null }, true), run('eeeee', { verdict: null, ended: null }), run('ffffff', { verdict: null, ended: 'interrupted' }),
  ]
  t.same(select(runs, 'workload=lock'), ['a'])
  t.same(select(runs, 'env=docker&system=etcd'), ['bb'])
  t.same(select(runs, 'env=docker&system=consul'), [])
  t.same(select(runs, 'members=5'), ['a'])
  t.same(select(runs, 'nemesis=none'), ['bb'])
  t.same(select(runs, 'nemesis=kill&workload=lock'), ['a'], 'one of its families does')
  t.same(runs.map(stateOf), ['valid', 'valid', 'invalid', 'running', 'killed', 'interrupted'])
  t.same(select(runs, 'verdict=running'), ['dddd'])
  t.same(choices(runs, 'nemesis'), [['kill', 5], ['none', 1], ['partition', 5]])
})

t.test('text is looked for in all that is told of a run, every word of it', async (t) => {
  const checkers = [{ checker: 'raft', verdict: 'invalid', summary: 'Term 7 has TWO leaders', informational: false, evidence: [] }] as const
  const runs = [run('a', { checkers }), run('bb', { seed: 7, mutant: 'vote-forgotten' })]
  t.same(select(runs, 'text=two+leaders'), ['a'])
  t.same(select(runs, 'text=leaders+forgotten'), [])
  t.same(select(runs, 'text=7+FORGOTTEN'), ['bb'])
})

t.test('newest first; by numbers either way, and what has none last', async (t) => {
  const runs = [run('a', { availability: availability(9) }), run('bb'), run('ccc', { availability: availability(100) })]
  t.same(select(runs, ''), ['ccc', 'bb', 'a'])
  t.same(select(runs, 'sort=throughput'), ['ccc', 'a', 'bb'])
  t.same(select(runs, 'sort=throughput&order=up'), ['a', 'ccc', 'bb'])
  t.same(select(runs, 'sort=constructor'), ['ccc', 'bb', 'a'], 'an order that is not there is none')
})

t.test('pages; and an address says all that is asked', async (t) => {
  const runs = Array.from({ length: pageSize + 3 }, (_, i) => run(`run ${i}`))
  const second = selectRuns(runs, readListQuery(new URLSearchParams('page=2')))
  t.same([second.shown.length, second.count, second.pages], [3, pageSize + 3, 2])
  const search = '?workload=lock&nemesis=kill&text=a+b&sort=seed&order=up&page=3'
  t.equal(writeListQuery(readListQuery(new URLSearchParams(search))), `/${search}`)
  t.equal(writeListQuery(readListQuery(new URLSearchParams('page=-1&sort=nonsense'))), '/')
})
