import { existsSync } from 'node:fs'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'

const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))

/** For `skip`: why a page cannot be looked at here; false where it can. */
export const noBrowser: string | false = chromium === undefined ? 'no Chromium on this machine' : false

/** Whoever asks closes it. */
export function launchBrowser(): Promise<Browser> {
  return puppeteer.launch({
    executablePath: chromium!, timeout: 180_000, protocolTimeout: 300_000,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
}

export interface WatchedPage {
  readonly page: Page
  /** What the page complained about so far: errors and warnings of its console, exceptions, failed requests. */
  readonly complaints: readonly string[]
  /** Everything that was asked for, by address. */
  readonly requests: readonly string[]
}

/** A page that hides nothing of what goes wrong in it. */
export async function openPage(browser: Browser, url: string): Promise<WatchedPage> {
  const page = await browser.newPage()
  // A page in the background draws nothing.
  await page.bringToFront()
  await page.setViewport({ width: 1180, height: 900 })
  const complaints: string[] = []
  const requests: string[] = []
  page.on('console', (message) => { if (['error', 'warn', 'assert'].includes(message.type())) complaints.push(message.text()) })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`))
  page.on('request', (request) => requests.push(request.url()))
  await page.goto(url, { timeout: 180_000 })
  return { page, complaints, requests }
}
