import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { comparePage } from './compare-page.ts'
import { filesOf, placeBelow, sendFile } from './files.ts'
import { RunFollower } from './follow-run.ts'
import { listPage } from './list-page.ts'
import { page } from './page.ts'
import { readListQuery } from './run-list.ts'
import { runPage } from './run-page.ts'
import { StoreIndex } from './store-index.ts'

export interface ServeOptions {
  /** A directory that is there. */
  readonly store: string
  /** 0: any that is free. */
  readonly port: number
  /** How often a running test is looked at. Default 500. */
  readonly lookMs?: number
}

export interface RunServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/`. */
  readonly url: string
}

const address = '127.0.0.1'
const comparedMax = 12

/** No page may ask for anything from elsewhere, nor be shown inside another. */
const headers = {
  'content-security-policy': 'default-src \'none\'; script-src \'unsafe-inline\'; style-src \'unsafe-inline\'; img-src data: \'self\'; connect-src \'self\'; form-action \'self\'; frame-ancestors \'none\'; base-uri \'none\'',
  'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-cache',
}

/**
 * The runs of a store as web pages, on loopback only. It reads, and
 * changes nothing. Rejects where the port is taken; throws where there is no such store.
 */
export async function serveRuns({ store, port, lookMs = 500 }: ServeOptions): Promise<RunServer> {
  const index = new StoreIndex(store)
  const server = createServer((request, response) => {
    answer(request, response, index, lookMs).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else send(response, 500, page('That failed', `<p>The server failed to answer: ${String((error as Error).message).replaceAll('<', '&lt;')}</p>`))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, resolve)
  })
  // Thousands of runs take seconds the first time: begun before somebody asks. What fails here is told to who asks.
  index.read(Date.now()).catch(() => {})
  const { port: listening } = server.address() as AddressInfo
  return {
    url: `http://${address}:${listening}/`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, index: StoreIndex, lookMs: number): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  // A page from elsewhere whose name was made to point here (DNS rebinding) still says its own name.
  if (!isOwnHost(request.headers.host, request.socket.localPort!)) return refuse(response, 403, 'This server answers to its own address on loopback only.')
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'This server only shows; nothing can be changed through it.')
  const withBody = request.method === 'GET'
  const url = new URL(request.url ?? '/', 'http://loopback')
  const [, place = '', rest = ''] = /^\/([^/]*)\/?(.*)$/s.exec(url.pathname) ?? []
  const path = decoded(rest)
  if (path === null) return refuse(response, 400, 'This address is not written as one can be.')
  switch (place) {
    case '': return send(response, 200, listPage(await index.read(Date.now()), readListQuery(url.searchParams), index.store))
    case 'compare':
    case 'comparison': {
      const ids = [...new Set(url.searchParams.getAll('run'))].slice(0, comparedMax)
      const found = ids.flatMap((id) => index.find(id, Date.now()) ?? [])
      if (place === 'comparison' && found.length >= 2) return sendComparison(response, found.map(({ summary }) => summary.directory))
      return send(response, 200, comparePage(found, ids.filter((id) => !found.some((run) => run.id === id))))
    }
    case 'run': {
      const run = index.find(path, Date.now())
      return run === null ? refuse(response, 404, 'There is no such run in this store.') : send(response, 200, runPage(run, filesOf(run.summary.directory)))
    }
    case 'events': {
      const run = index.find(path, Date.now())
      return run === null ? refuse(response, 404, 'There is no such run in this store.') : pushEvents(response, new RunFollower(run.summary.directory, run.summary.timeLimitS), lookMs)
    }
    case 'files': {
      if (sendFile(response, index.store, path, withBody)) return
      // Nights and benchmarks are linked by their directories too.
      const page = ['index.html', 'bench.html', 'report.html'].find((name) => placeBelow(index.store, join(path, name)) !== null)
      if (page === undefined) return refuse(response, 404, 'There is no such file in this store.')
      response.writeHead(302, { location: `/files/${path.split('/').filter((part) => part !== '').map(encodeURIComponent).join('/')}/${page}` })
      response.end()
      return
    }
    // Pages that bring no picture of their own make a browser ask for one.
    case 'favicon.ico': {
      response.writeHead(204)
      response.end()
      return
    }
    default: return refuse(response, 404, 'There is no such page.')
  }
}

/** What the numbers of some runs show, as `splitbrain compare` tells it. */
async function sendComparison(response: ServerResponse, directories: readonly string[]): Promise<void> {
  const [{ readSubjects }, { compareSubjects }, { renderComparison }] = await Promise.all([import('../compare/read-subject.ts'), import('../compare/comparison.ts'), import('../compare/comparison-page.ts')])
  let html: string
  try {
    html = renderComparison(compareSubjects(readSubjects(directories)))
  } catch (error) {
    return refuse(response, 400, `These cannot be compared by their numbers: ${(error as Error).message}`)
  }
  send(response, 200, html)
}

/** Server-sent events: `state` as often as something may have changed, `end` once when there is a verdict. */
function pushEvents(response: ServerResponse, follower: RunFollower, lookMs: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  const push = (event: string, data: unknown) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  const look = () => {
    // Whoever does not read what was pushed gets the next state later.
    if (response.writableNeedDrain) return
    const state = follower.look(performance.now())
    push('state', state)
    if (state.ended === null) return
    push('end', { ended: state.ended, verdict: state.verdict })
    clearInterval(timer)
    response.end()
  }
  const timer = setInterval(look, lookMs)
  response.once('close', () => clearInterval(timer))
  look()
}

function isOwnHost(host: string | undefined, port: number): boolean {
  return host !== undefined && [`${address}:${port}`, `localhost:${port}`, ...port === 80 ? [address, 'localhost'] : []].includes(host.toLowerCase())
}

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path)
  } catch {
    return null
  }
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(`${why}\n`)
}

function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' })
  response.end(html)
}
