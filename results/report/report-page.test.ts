import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page } from 'puppeteer-core'
import t from 'tap'
import { checkListAppend } from '../../harness/checkers/elle/list-append.ts'
import { allAtOnce, oneByOne, transactionsOf } from '../../harness/checkers/elle/testing.ts'
import { lockText } from '../../harness/checkers/lock-text.ts'
import { checkLocks } from '../../harness/checkers/locks.ts'
import { checkSets } from '../../harness/checkers/set/check-set.ts'
import { historyOf } from '../../harness/checkers/testing.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'
import { resolvePlan } from '../../harness/plan/resolve-plan.ts'
import { launchBrowser, noBrowser, openPage } from '../testing/browser.ts'
import { renderReport } from './render-report.ts'
import { madeHistory, madeInput } from './testing-input.ts'

/** @param directory for the page's file */
async function openReport(browser: Browser, directory: string, history: readonly HistoryEvent[]) {
  const file = join(directory, `${history.length}.html`)
  const html = renderReport(madeInput([...history]))
  await writeFile(file, html)
  const opened = await openPage(browser, `file://${file}`)
  await opened.page.waitForSelector('html[data-ready]', { timeout: 180_000 })
  return { ...opened, html }
}

interface Shown { readonly fromMs: number, readonly toMs: number, readonly lanes: string, readonly drawn: number, readonly drawMs: number }

/** In the page: scripts as text, for the types of a browser are not those of Node.js. */
const ask = <T>(page: Page, script: string) => page.evaluate(script) as Promise<T>
const textOf = (page: Page, selector: string) => ask<string>(page, `document.querySelector('${selector}').textContent`)

/** What the timeline says it has drawn last. */
async function shown(page: Page): Promise<Shown> {
  const { fromMs, toMs, lanes, drawn, drawMs } = await ask<Record<keyof Shown, string>>(page, `({ ...document.getElementById('timeline').dataset })`)
  return { fromMs: Number(fromMs), toMs: Number(toMs), lanes, drawn: Number(drawn), drawMs: Number(drawMs) }
}

/** How many pixels of a canvas have the colour of operations that were `ok`. */
const okPixels = (page: Page, selector: string) => ask<number>(page, `(() => {
  const canvas = document.querySelector('${selector}')
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(getComputedStyle(document.documentElement).getPropertyValue('--ok').trim().slice(at, at + 2), 16))
  let count = 0
  for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] > 100 && Math.abs(pixels[i] - red) + Math.abs(pixels[i + 1] - green) + Math.abs(pixels[i + 2] - blue) < 9) count++
  return count
})()`)

/** Presses a key and waits until what is shown is as it should be. */
async function press(page: Page, key: string, isDone: (now: Shown) => boolean): Promise<Shown> {
  await page.keyboard.press(key as 'm')
  const deadlineMs = Date.now() + 30_000
  for (;;) {
    const now = await shown(page)
    if (isDone(now) || Date.now() > deadlineMs) return now
    await delay(20)
  }
}

t.test('the report in a browser', { skip: noBrowser }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'splitbrain-report-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const browser = await launchBrowser()
  t.teardown(() => browser.close())

  t.test('what it shows and what keys do', async (t) => {
    const { page, complaints, requests } = await openReport(browser, directory, madeHistory(600))
    const all = await shown(page)
    t.ok(all.drawn > 100, `${all.drawn} rectangles`)
    const drawnPixels = await okPixels(page, '#timeline')
    t.ok(drawnPixels > 3000, `operations are seen: ${drawnPixels} pixels`)
    t.equal((await page.$$('.uplot canvas')).length, 3, 'three charts')
    t.ok(await okPixels(page, '#latency canvas') > 100, 'and so are their latencies')

    // Without a mouse: the keyboard alone gets to the timeline and through it.
    await page.focus('button[data-lanes="members"]')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    t.equal(await ask(page, 'document.activeElement.id'), 'timeline')
    t.equal((await shown(page)).lanes, 'members')
    const workers = await press(page, 'm', ({ lanes }) => lanes === 'workers')
    t.equal(workers.lanes, 'workers')
    const zoomed = await press(page, '+', ({ toMs, fromMs }) => toMs - fromMs < all.toMs * 0.8)
    t.ok(zoomed.toMs - zoomed.fromMs < all.toMs * 0.8, 'plus zooms in')
    const panned = await press(page, 'ArrowRight', ({ fromMs }) => fromMs > zoomed.fromMs)
    t.ok(panned.fromMs > zoomed.fromMs, 'an arrow moves')
    t.ok(Math.abs((panned.toMs - panned.fromMs) - (zoomed.toMs - zoomed.fromMs)) < 1e-6, 'and keeps the zoom')
    await press(page, 'n', () => true)
    t.match(await textOf(page, '#detail'), /^worker \d+ at n\d: (read|write|cas) k\d/, 'n tells of an operation')
    const evidence = await press(page, 'e', ({ toMs }) => toMs < 200)
    t.match(await textOf(page, '#detail'), /^k3 cannot be linearized, at 0\./)
    t.ok(evidence.toMs < 200, 'e goes to the evidence')
    t.same((await press(page, '0', ({ fromMs, toMs }) => fromMs === 0 && toMs === all.toMs)).toMs, all.toMs)

    // The attempt: one point, and the read that has no place.
    t.equal((await page.$$('svg.evidence .point')).length, 1)
    t.equal((await page.$$('svg.evidence .impossible')).length, 1)
    t.match(await textOf(page, '#logs'), /line \d+ of n2/)
    t.match(await textOf(page, '#leadership'), /n14/, 'n1 in term 4')
    t.equal(await ask(page, 'document.documentElement.scrollWidth <= innerWidth'), true, 'nothing sticks out')
    const pdf = await page.pdf({ timeout: 180_000 })
    t.ok(pdf.length > 20_000, 'it can be printed')
    t.same(complaints, [])
    t.same(requests.filter((url) => !/^(file|data):/.test(url)), [], 'nothing is asked for')
    await page.close()
  })

  t.test('what is drawn of transactions, locks and sets fits its place, in light and dark', async (t) => {
    const transactions = transactionsOf(allAtOnce(...Array.from({ length: 5 }, (_, i) => `append list-of-a-long-name-${i} ${i}, r list-of-a-long-name-${(i + 1) % 5} []`), `r list-of-a-long-name-0 [${Array.from({ length: 40 }, (_, i) => i === 0 ? 0 : 1000 + i).join(' ')}]`))
    const locks = lockText(`1.0-1.1 0 acquire a-lock-of-a-long-name 0a1b2c3d-1 t1 held delay=3
      2.0-2.1 0 destroy 0a1b2c3d-1
      4.8-4.9 1 acquire a-lock-of-a-long-name 9a1b2c3d-2 t3 held`)
    const results = [
      checkListAppend(transactions),
      // A long list that lacks something is marked, and so is bold.
      checkListAppend(transactionsOf(oneByOne(Array.from({ length: 12 }, (_, i) => `append x ${1000 + i}`).join(', '), 'append x 7777', `r x [${Array.from({ length: 12 }, (_, i) => 1000 + i).join(' ')}]`, `r x [${Array.from({ length: 12 }, (_, i) => 1000 + i).join(' ')} 7777]`))),
      ...await checkLocks(locks.history, resolvePlan({ nemesis: [] }, { env: 'local', drawSeed: () => 1, workloads: ['register'], nemeses: [], partitionTargets: [] }), locks),
      checkSets(historyOf(`0 invoke add s 1\n0 ok add s 1\n${'1 invoke read s\n1 ok read s []\n'.repeat(30)}`), { staleReads: false }),
    ]
    const file = join(directory, 'drawings.html')
    await writeFile(file, renderReport({ ...madeInput([...locks.history]), results }))
    const { page, complaints } = await openPage(browser, `file://${file}`)
    for (const value of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }])
      t.ok(await ask<number>(page, `document.querySelectorAll('svg.graph').length * document.querySelectorAll('svg.bands').length`) > 0)
      t.same(await ask(page, `[...document.querySelectorAll('svg.evidence text')].filter((text) => {
        const box = text.closest('.transaction')?.querySelector('rect') ?? text.ownerSVGElement
        const [inner, outer] = [text.getBoundingClientRect(), box.getBoundingClientRect()]
        return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1
      }).map((text) => text.textContent)`), [], 'no text sticks out')
      t.same(await ask(page, `[...document.querySelectorAll('svg.graph text, svg.graph tspan, svg.bands .moment text, svg.bands .outside')].filter((text) => {
        const shade = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((part) => (part / 255) ** 2.2).reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0)
        const [ink, ground] = [shade(getComputedStyle(text).fill), shade(getComputedStyle(document.querySelector('svg.evidence')).backgroundColor)]
        return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05) < 4.5
      }).map((text) => text.textContent)`), [], 'all can be read')
    }
    t.same(complaints, [])
    await page.close()
  })

  t.test('a hundred thousand operations', async (t) => {
    const { page, complaints, html } = await openReport(browser, directory, madeHistory(100_000))
    t.ok(html.length < 12e6, `${(html.length / 1e6).toFixed(1)} MB`)
    const all = await shown(page)
    t.ok(all.drawn < 25_000, `${all.drawn} rectangles for 100000 operations: those that share a pixel are one`)
    t.ok(await okPixels(page, '#timeline') > 30_000, 'they fill their lanes')
    await page.focus('#timeline')
    let span = all.toMs
    let bestMs = all.drawMs
    for (let i = 0; i < 6; i++) {
      const before = span
      const now = await press(page, '+', ({ fromMs, toMs }) => toMs - fromMs < before)
      span = now.toMs - now.fromMs
      bestMs = Math.min(bestMs, now.drawMs)
    }
    t.ok(span < all.toMs * 0.2, 'zoomed six times')
    // The best of seven, and far more than it takes: what this is to catch is a drawing that takes time for each operation.
    t.ok(bestMs < 1000, `a frame took ${bestMs} ms`)
    t.comment(`ready after ${await ask(page, 'document.documentElement.dataset.ready')} ms, a frame of the timeline ${bestMs} ms, ${(html.length / 1e6).toFixed(1)} MB`)
    t.same(complaints, [])
    await page.close()
  })
})
