import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { renderNightsPage } from './index-page.ts'
import { nightsData } from './page-data.ts'
import { aNight, aRun } from './testing.ts'

const nights = [
  { directory: '20261120T020000.000Z', record: aNight({ startedAt: '2026-11-20T02:00:00.000Z', runs: [aRun({ directory: null }), aRun({ env: 'docker', seed: 8 })] }) },
  { directory: '20261121T020000.000Z', record: aNight({ runs: [aRun({ outcome: 'invalid', seed: 5, findings: [{ checker: 'raft', verdict: 'invalid', summary: '</script><script>alert(1)</script>', evidence: ['<img src=x>'] }] }), aRun({ outcome: 'skipped', why: 'the budget' , directory: null })] }) },
]

t.test('every run of every night, with what the trends and filters need', async (t) => {
  const { runs, nights: told, nightsLeftOut } = nightsData(nights, 'results/store')
  t.equal(nightsLeftOut, 0)
  t.match(told.map(({ verdict }) => verdict), ['valid', 'invalid'])
  t.match(runs, [
    { night: 0, report: null, electionMs: [200, 300], throughputPerS: 180, answered: 0.97 },
    { night: 0, env: 'docker', report: 'x/register/r0/report.html' },
    { night: 1, outcome: 'invalid', what: /raft/, replay: 'npx splitbrain test --env simulated --seed 5' },
    { night: 1, outcome: 'skipped', what: 'the budget', report: null, replay: null },
  ])
})

t.test('the page: of one piece, asks nobody, runs nothing of what it shows', async (t) => {
  const html = renderNightsPage(nights, 'results/store')
  t.equal(html, renderNightsPage(nights, 'results/store'), 'the same nights, the same bytes')
  t.notMatch(html, /(src|href)="(https?:)?\/\//)
  t.equal(html.match(/<script>/g)!.length, 2)
  t.notMatch(html, /<script>alert/)
  t.notMatch(html, /<img/)
  t.match(html, /&lt;img src=x&gt;/, 'the newest night\'s failure stands in it without a script')
  t.match(html, /npx splitbrain test --env simulated --seed 5/)
  const data = JSON.parse(/const all = (.*);\n/.exec(html)![1]!)
  t.equal(data.runs.length, 4)
  t.match(renderNightsPage([], 's'), /There was none yet/)
})

t.test('so many runs that a browser would choke: older nights are left out, and said', async (t) => {
  const run = aRun({})
  const many = Array.from({ length: 30 }, (_, at) => ({ directory: `n${at}`, record: aNight({ startedAt: `2026-01-${String(at + 1).padStart(2, '0')}T00:00:00.000Z`, runs: Array.from({ length: 1000 }, () => run) }) }))
  const { nightsLeftOut, runs } = nightsData(many, 's')
  t.equal(nightsLeftOut, 10)
  t.equal(runs.length, 20_000)
})

const browser = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => spawnSync(name, ['--version']).status === 0)

t.test('in a browser: filters choose runs, nights and trends together', { skip: browser === undefined ? 'no Chromium on this machine' : false, timeout: 120_000 }, async (t) => {
  const file = join(t.testdir({}), 'index.html')
  writeFileSync(file, renderNightsPage(nights, 'results/store'))
  const domOf = (hash: string) => execFileSync(browser!, ['--headless', '--no-sandbox', '--disable-gpu', '--dump-dom', `file://${file}${hash}`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).replace(/<script>[^]*?<\/script>/g, '')
  const rows = (dom: string, id: string) => [...(new RegExp(`<table id="${id}">([^]*?)</table>`).exec(dom)?.[1] ?? '').matchAll(/<tr[^>]*>/g)].length - 1
  const all = domOf('')
  t.match(all, /4 of 4 runs in 2 of 2 nights/)
  t.equal(rows(all, 'nights'), 2)
  t.equal(all.match(/class="u-wrap"/g)?.length, 3, 'three trends')
  t.match(all, /u-series[^]*docker/, 'a line for each environment')
  const skipped = domOf('#environment=simulated&verdict=skipped')
  t.match(skipped, /1 of 4 runs in 1 of 2 nights/)
  t.equal(rows(skipped, 'nights'), 1)
  t.equal(rows(skipped, 'runs'), 2, 'the run, and why')
  t.match(skipped, /the budget<\/td>/)
})
