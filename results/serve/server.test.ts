import { request } from 'node:http'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { launchBrowser, noBrowser, openPage } from '../testing/browser.ts'
import { serveRuns, type RunServer } from './server.ts'
import { makeStore, type MadeStore } from './testing-store.ts'

interface Answer { readonly status: number, readonly type: string, readonly body: string, readonly location: string | undefined }

/** The path goes out as it is written: a client that tidies it up would hide what a hostile one can do. */
function ask({ url }: RunServer, path: string, { method = 'GET', host }: { method?: string, host?: string } = {}): Promise<Answer> {
  const { port, host: own } = new URL(url)
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers: { host: host ?? own }, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => { body += text })
      response.on('end', () => resolve({ status: response.statusCode!, type: response.headers['content-type'] ?? '', body, location: response.headers.location }))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })
}

function storeWithRuns(): MadeStore {
  const store = makeStore()
  store.run('register/20261121T100000.000Z', 'valid')
  store.run('explore/20261121T110000.000Z/lock/20261121T110001.000Z', 'invalid', { workload: 'lock', seed: 7, startedAt: '2026-11-21T11:00:01.000Z' })
  store.write('register/20261121T100000.000Z/report.html', '<!doctype html><title>a report</title>')
  store.write('register/20261121T100000.000Z/members/n1/member.log', 'a line\n')
  store.link('latest', 'register/20261121T100000.000Z')
  return store
}

t.test('the list, with its filters; a run found once, whatever links lead to it', async (t) => {
  using store = storeWithRuns()
  store.write('nights/index.html', '<p>all nights</p>')
  store.write('nights/20261121T010000.000Z/summary.txt', 'a night')
  store.write('nights/20261121T010000.000Z/night.json', { startedAt: 'x', tookS: 600, budgetS: 600, jobs: 2, versions: {}, git: null, runs: [] })
  store.write('bench/20261121T020000.000Z/bench.json', 'nonsense')
  await using server = await serveRuns({ store: store.path, port: 0 })
  t.match(server.url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  const all = await ask(server, '/')
  t.match(all, { status: 200, type: 'text/html; charset=utf-8' })
  t.equal(all.body.match(/<tr><td>/g)?.length, 2)
  t.ok(all.body.indexOf('11:00:01') < all.body.indexOf('10:00:00'), 'newest first')
  t.match(all.body, '<a href="/files/nights/20261121T010000.000Z/summary.txt">20261121T010000.000Z</a>: 0 runs in 10 min')
  t.match(all.body, '<a href="/files/nights/index.html">Nights</a>')
  t.match(all.body, 'bench.json">20261121T020000.000Z</a>: its record cannot be read')
  const locks = await ask(server, '/?workload=lock&text=told+of')
  t.equal(locks.body.match(/<tr><td>/g)?.length, 1)
  t.match(locks.body, /value="lock" selected/)
  store.run('register/20261121T120000.000Z', 'unknown')
  t.equal((await ask(server, '/')).body.match(/<tr><td>/g)?.length, 3, 'a new run is there at once')
  store.run('register/20261121T120000.000Z', 'invalid')
  t.match((await ask(server, '/?verdict=unknown')).body, /No run fits/, 'and a new verdict')
})

t.test('a run, its files and their types', async (t) => {
  using store = storeWithRuns()
  await using server = await serveRuns({ store: store.path, port: 0 })
  const run = await ask(server, '/run/register/20261121T100000.000Z')
  t.match(run.body, /what is told of register/)
  t.match(run.body, 'href="/files/register/20261121T100000.000Z/members/n1/member.log"')
  t.match(await ask(server, '/files/register/20261121T100000.000Z/report.html'), { status: 200, type: 'text/html; charset=utf-8', body: /a report/ })
  t.match(await ask(server, '/files/register/20261121T100000.000Z/members/n1/member.log'), { type: 'text/plain; charset=utf-8', body: 'a line\n' })
  t.match(await ask(server, '/files/register/20261121T100000.000Z/plan.json'), { type: 'application/json; charset=utf-8' })
  t.match(await ask(server, '/files/latest/report.html'), { status: 200 }, 'links inside the store are followed')
  t.match(await ask(server, '/files/register/20261121T100000.000Z/'), { status: 302, location: '/files/register/20261121T100000.000Z/report.html' })
  t.match(await ask(server, '/files/register/20261121T100000.000Z/report.html', { method: 'HEAD' }), { status: 200, body: '' })
  t.equal((await ask(server, '/run/register/none')).status, 404)
  t.equal((await ask(server, '/files/register/none.html')).status, 404)
})

t.test('nothing above the store is given out', async (t) => {
  using store = storeWithRuns()
  const outside = mkdtempSync(join(tmpdir(), 'splitbrain-outside-'))
  t.teardown(() => rmSync(outside, { recursive: true, force: true }))
  writeFileSync(join(outside, 'secret.txt'), 'secret')
  store.link('leads-out', outside)
  await using server = await serveRuns({ store: store.path, port: 0 })
  const up = '../'.repeat(3)
  const paths = [
    `/files/${up}${outside.slice(1)}/secret.txt`, `/files/${encodeURIComponent(`${up}${up}${up}`)}${outside.slice(1)}/secret.txt`,
    `/files/%2e%2e/%2e%2e${outside}/secret.txt`, `/files/..%2f..%2f..${outside}/secret.txt`, `/files/${outside}/secret.txt`, `/files/%2f${outside}/secret.txt`,
    '/files/leads-out/secret.txt', '/files/leads-out', '/files/register%00/plan.json', '/files/', `/run/..%2f..${outside}`, `/events/..%2f..${outside}`,
  ]
  for (const path of paths) {
    const { status, body } = await ask(server, path)
    t.ok([400, 404].includes(status), `${path}: ${status}`)
    t.notMatch(body, /secret$/)
  }
  t.equal((await ask(server, '/files/%zz')).status, 400)
})

t.test('only who asks loopback by its own name is answered, and nothing can be changed', async (t) => {
  using store = storeWithRuns()
  await using server = await serveRuns({ store: store.path, port: 0 })
  const { port } = new URL(server.url)
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1:1', `127.0.0.1.evil.example:${port}`]) t.equal((await ask(server, '/', { host })).status, 403, host)
  t.equal((await ask(server, '/', { host: `localhost:${port}` })).status, 200)
  for (const method of ['POST', 'PUT', 'DELETE']) t.equal((await ask(server, '/', { method })).status, 405)
})

t.test('runs side by side: what differs is marked', async (t) => {
  using store = storeWithRuns()
  await using server = await serveRuns({ store: store.path, port: 0 })
  const { body } = await ask(server, '/compare?run=register/20261121T100000.000Z&run=explore/20261121T110000.000Z/lock/20261121T110001.000Z&run=gone')
  t.match(body, /<tr class="differs"><th scope="row">seed<\/th><td>42<\/td><td>7<\/td><\/tr>/)
  t.match(body, /<tr><th scope="row">members<\/th><td>3<\/td><td>3<\/td><\/tr>/)
  t.match(body, /Not in this store \(any more\): gone/)
  const [, href] = /href="(\/comparison[^"]*)"/.exec(body)!
  const numbers = await ask(server, href!.replaceAll('&amp;', '&'))
  t.match(numbers, { status: 200, body: /Comparison of 2 runs/ })
})

t.test('what a run says of itself cannot become markup', async (t) => {
  using store = makeStore()
  const hostile = '<script>alert(1)</script>'
  store.run('register/1', 'invalid', { workload: hostile, mutant: hostile, nemesis: [hostile], rerun: hostile })
  await using server = await serveRuns({ store: store.path, port: 0 })
  for (const path of ['/', `/?text=${encodeURIComponent(`"${hostile}`)}&workload=${encodeURIComponent(hostile)}`, '/run/register/1', `/compare?run=register/1&run=${encodeURIComponent(hostile)}`]) {
    t.notMatch((await ask(server, path)).body, hostile, path)
  }
})

const line = (time: number, process: number, type: string) => `${JSON.stringify({ index: 0, time: time * 1e9, type, process, f: 'write', value: 1 })}\n`

t.test('a running test, as it goes on', async (t) => {
  using store = makeStore()
  store.run('register/now', null)
  const history = join(store.path, 'register/now/history.jsonl')
  writeFileSync(history, line(1, 0, 'invoke') + line(1.5, 0, 'ok'))
  await using server = await serveRuns({ store: store.path, port: 0, lookMs: 20 })
  t.match((await ask(server, '/')).body, /Running now: <a href="\/run\/register\/now">/)
  const response = await fetch(`${server.url}events/register/now`)
  t.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const until = async (pattern: RegExp) => {
    while (!pattern.test(text)) {
      const { value, done } = await reader.read()
      if (done) return t.fail(`the events ended without ${pattern}: ${text.slice(-300)}`)
      text += value
    }
  }
  await until(/event: state\ndata: .*"counts":\{"ok":1,"fail":0,"info":0\}/)
  appendFileSync(history, line(2, 0, 'invoke') + line(2.1, 0, 'fail'))
  store.write('register/now/leaders.jsonl', '{"timeNs":1,"leader":"n3"}\n')
  await until(/"counts":\{"ok":1,"fail":1,"info":0\}.*"leader":"n3"/)
  store.run('register/now', 'valid')
  await until(/event: end\ndata: \{"ended":"judged","verdict":"valid"\}/)
  t.equal((await reader.read()).done, true, 'then it is over')
})

t.test('it ends at once, also while somebody follows a run', async (t) => {
  using store = makeStore()
  store.run('register/now', null)
  const server = await serveRuns({ store: store.path, port: 0 })
  const response = await fetch(`${server.url}events/register/now`)
  await server[Symbol.asyncDispose]()
  await t.rejects(response.text())
  await t.rejects(fetch(server.url))
})

t.test('in a browser', { skip: noBrowser }, async (t) => {
  using store = storeWithRuns()
  store.run('register/now', null)
  writeFileSync(join(store.path, 'register/now/history.jsonl'), line(1, 0, 'invoke') + line(1.5, 0, 'ok') + line(3, 0, 'invoke') + line(3.5, 0, 'ok'))
  await using server = await serveRuns({ store: store.path, port: 0, lookMs: 50 })
  const browser = await launchBrowser()
  t.teardown(() => browser.close())
  const { page, complaints, requests } = await openPage(browser, `${server.url}run/register/now`)
  await page.waitForFunction('document.getElementById("ok").textContent === "2"', { timeout: 180_000 })
  t.equal(await page.evaluate('document.querySelectorAll(".uplot canvas").length'), 2)
  store.run('register/now', 'valid')
  await page.waitForSelector('#ended a', { timeout: 180_000 })
  t.equal(await page.evaluate('document.querySelector("#ended a").getAttribute("href")'), '/files/register/now/report.html')
  // The list without a mouse: the text filter, and Enter.
  await page.goto(server.url)
  await page.focus('input[name="text"]')
  await page.keyboard.type('lock')
  await Promise.all([page.waitForNavigation({ timeout: 180_000 }), page.keyboard.press('Enter')])
  t.equal(await page.evaluate('document.querySelectorAll("table.runs tbody tr").length'), 1)
  // At the end of a run both sides end the stream: whoever is first, and to the browser the page's way is a failed request.
  t.same(complaints.filter((complaint) => complaint !== `${server.url}events/register/now: net::ERR_ABORTED`), [])
  t.same(requests.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:')), [], 'nothing is asked for elsewhere')
})
