import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import type { HistoryEvent, Unrecorded } from '../../harness/history/event.ts'
import type { RunPlan } from '../../harness/plan/plan.ts'
import { seededRandom } from '../../node/base/random.ts'
import { faultBands, reportData } from './report-data.ts'
import { renderReport, type ReportInput } from './render-report.ts'

const run = promisify(execFile)

/** A made-up history: steady operations, two faults, one read that contradicts the write before it. */
function madeHistory(operations: number): HistoryEvent[] {
  const random = seededRandom(7)
  const events: HistoryEvent[] = []
  const push = (event: Unrecorded<HistoryEvent> & { time: number }) => events.push({ ...event, index: events.length } as HistoryEvent)
  let time = 0
  for (let i = 0; i < operations; i++) {
    time += 5_000_000
    if (i === Math.floor(operations / 4)) push({ time, type: 'info', process: 'nemesis', f: 'start-partition', value: { target: 'isolate-leader', members: ['n1'] } })
    if (i === Math.floor(operations / 2)) push({ time, type: 'info', process: 'nemesis', f: 'stop-partition', value: null })
    const process = i % 6
    const f = random.pick(['read', 'write', 'cas'])
    const value = f === 'read' ? null : f === 'write' ? i : [i - 1, i]
    push({ time, type: 'invoke', process, f, key: `k${i % 5}`, value, node: `n${1 + (i % 3)}` })
    const type = random.pick(['ok', 'ok', 'ok', 'ok', 'fail', 'info'] as const)
    push({ time: time + random.between(300_000, 4_000_000), type, process, f, key: `k${i % 5}`, value, node: `n${1 + (i % 3)}`, ...(type === 'ok' ? {} : { error: 'No cluster leader' }) })
  }
  return events
}

const plan = {
  env: 'docker', system: 'registry', members: 3, workload: 'register', nemesis: ['partition'], concurrency: 6, seed: 42,
} as unknown as RunPlan

function madeInput(history: HistoryEvent[], title = 'k3 cannot be linearized'): ReportInput {
  return {
    plan,
    verdict: 'invalid',
    results: [{
      checker: 'linearizability', verdict: 'invalid', summary: '1 of 5 keys is not linearizable.', details: {},
      evidence: [{ title, key: 'k3', explanation: ['worker 3 read 4', 'but the key held 9'], eventIndexes: [6, 7, 8, 9, 12, 13] }],
    }],
    history,
    rerun: 'npx splitbrain test --seed 42',
    startedAt: '2026-01-01T00:00:00.000Z',
    versions: 'splitbrain 0.1.0',
  }
}

t.test('columns: one row an operation, outcome and times from its completion', async (t) => {
  const data = reportData([
    { index: 0, time: 1_000_000, type: 'invoke', process: 0, f: 'write', key: 'a', value: 1, node: 'n1' },
    { index: 1, time: 2_000_000, type: 'invoke', process: 1, f: 'read', key: 'a', value: null, node: 'n2' },
    { index: 2, time: 3_500_000, type: 'info', process: 0, f: 'write', key: 'a', value: 1, node: 'n1', error: 'timeout' },
  ], 2, [2])
  t.same(data.operations.outcome, [2, 3])
  t.same(data.operations.endMs, [3.5, null])
  t.same(data.operations.error, ['timeout', ''])
  t.same(data.highlighted, [0], 'a completion that is evidence marks its operation')
})

t.test('a band spans from the first start event to the last stop event; an open one to the end', async (t) => {
  const event = (f: string, time: number, value: unknown = null) => ({ index: time, time: time * 1e6, type: 'info', process: 'nemesis', f, value }) as const
  t.same(faultBands([
    event('start-partition', 10, { target: 'bridge' }), event('start-partition', 12), event('start-kill', 15, { members: ['n2'] }),
    event('stop-partition', 20), event('stop-partition', 22), event('start-partition', 30),
  ], 50), [
    { name: 'partition', label: 'partition bridge', startMs: 10, endMs: 22 },
    { name: 'kill', label: 'kill n2', startMs: 15, endMs: 50 },
    { name: 'partition', label: 'partition', startMs: 30, endMs: 50 },
  ])
})

t.test('what members and users wrote cannot become markup', async (t) => {
  const hostile = '</script><script>alert(1)</script>'
  const html = renderReport(madeInput([
    { index: 0, time: 0, type: 'invoke', process: 0, f: 'read', key: hostile, value: hostile },
    { index: 1, time: 1, type: 'fail', process: 0, f: 'read', key: hostile, value: hostile, error: hostile },
  ], hostile))
  t.notMatch(html, hostile)
})

t.test('the same input gives the same bytes, and nothing is fetched from elsewhere', async (t) => {
  const history = madeHistory(200)
  const html = renderReport(madeInput(history))
  t.equal(renderReport(madeInput(history)), html)
  t.notMatch(html, /(src|href)\s*=\s*["']?(https?:)?\/\//)
})

const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))

t.test('a browser draws it', { skip: chromium === undefined ? 'no Chromium on this machine' : false }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'splitbrain-report-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'report.html')
  await writeFile(file, renderReport(madeInput(madeHistory(2000))))
  const { stdout } = await run(chromium!, [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run',
    `--user-data-dir=${join(directory, 'profile')}`, '--virtual-time-budget=3000', '--dump-dom', `file://${file}`,
  ], { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 })
  t.equal(stdout.match(/class="uplot/g)?.length, 2, 'both charts are drawn: the script ran to its end')
  t.match(stdout, /<svg class="evidence"/)
  t.match(stdout, /fault<\/div>/, 'the legend is filled')
})
