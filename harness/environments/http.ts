import { Pool } from 'undici'
import type { Dispatcher } from 'undici'
import type { HttpOutcome, HttpRequest } from './environment.ts'

/**
 * HTTP to members over real sockets, exact about what is certain.
 *
 * - `not-sent`: the request was never handed to a connected socket (refused,
 *   unreachable, connecting took too long, bad arguments). It did not happen.
 * - `lost`: it was handed to a socket and no complete answer came back. Also
 *   when a kept-alive connection turns out to have been closed by the member:
 *   undici hands over a request and only then learns of the close, and the
 *   member may have read it. We do not guess.
 *
 * Nothing is retried: undici requeues a request in a few cases of its own, so a
 * second hand-over is refused here.
 */
export interface HttpRequester {
  /** One exchange. `timeoutMs` covers connecting, sending and the whole answer. Never rejects. */
  request(member: string, request: HttpRequest, timeoutMs: number): Promise<HttpOutcome>
  /**
   * Drops every connection to a member: what is in flight ends `lost`. For a
   * member whose network vanished without a FIN, so that later requests do not
   * go into a dead connection.
   */
  forget(member: string): void
  /** Drops every connection; later requests are `not-sent`. Idempotent. */
  close(): Promise<void>
}

/** A connection that is not up after this long is given up; a request waits for it no longer than its own time-out. */
const connectTimeoutMs = 5_000

/** @param resolve a member's base URL, `http://127.0.0.1:8500`; asked at each request. */
export function httpRequester(resolve: (member: string) => string): HttpRequester {
  const pools = new Map<string, Pool>()
  let closed = false

  function poolOf(member: string): Pool {
    const origin = new URL(resolve(member)).origin
    let pool = pools.get(origin)
    if (pool === undefined) {
      // No limit on connections and a pipelining of 1: a request never waits
      // behind another one, which would add latency that no member caused.
      pool = new Pool(origin, {
        pipelining: 1,
        connections: null,
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: { timeout: connectTimeoutMs, noDelay: true },
      })
      pools.set(origin, pool)
    }
    return pool
  }

  return {
    async request(member, request, timeoutMs) {
      if (closed) return { kind: 'not-sent', error: 'the HTTP client is closed' }
      try {
        return await exchange(poolOf(member), request, timeoutMs)
      } catch (error) {
        // Only `resolve` and the pool's construction can throw: nothing has left.
        return { kind: 'not-sent', error: describe(error) }
      }
    },
    forget(member) {
      let origin: string
      try {
        origin = new URL(resolve(member)).origin
      } catch {
        return // without an address there was never a connection
      }
      const pool = pools.get(origin)
      pools.delete(origin)
      void pool?.destroy(new Error(`the connections to ${member} were dropped`)).catch(() => {})
    },
    async close() {
      closed = true
      const open = [...pools.values()]
      pools.clear()
      await Promise.allSettled(open.map((pool) => pool.destroy(new Error('the HTTP client is closed'))))
    },
  }
}

function exchange(pool: Pool, request: HttpRequest, timeoutMs: number): Promise<HttpOutcome> {
  return new Promise((settle) => {
    let outcome: HttpOutcome | null = null
    /** Set just before undici writes the first byte. */
    let sending: Dispatcher.DispatchController | null = null
    let status = 0
    let headers: Record<string, string> = {}
    const chunks: Buffer[] = []

    const finish = (result: HttpOutcome) => {
      if (outcome !== null) return
      outcome = result
      clearTimeout(timer)
      settle(result)
    }
    const fail = (error: string) => finish({ kind: sending === null ? 'not-sent' : 'lost', error })

    const timer = setTimeout(() => {
      fail(sending === null ? `no connection within ${timeoutMs} ms` : `no answer within ${timeoutMs} ms`)
      sending?.abort(new Error('timed out'))
    }, timeoutMs)

    pool.dispatch({
      method: request.method,
      path: request.target,
      headers: request.headers,
      body: request.body ?? null,
      // undici may requeue what is idempotent, as a GET is by default.
      idempotent: false,
    }, {
      onRequestStart(controller) {
        if (outcome !== null) {
          // Answered `not-sent` while it waited for a connection: it must not leave now.
          controller.abort(new Error('timed out before a connection was there'))
        } else if (sending !== null) {
          controller.abort(new Error('the connection was lost; the request is not sent twice'))
        } else {
          sending = controller
        }
      },
      onResponseStart(_controller, statusCode, responseHeaders) {
        status = statusCode
        headers = flatten(responseHeaders)
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk)
      },
      onResponseEnd() {
        finish({ kind: 'response', status, headers, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) })
      },
      onResponseError(_controller, error) {
        fail(describe(error))
      },
    })
  })
}

/** A header that came several times is joined as HTTP allows, with a comma. */
function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}

/** `ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:1` in one line; the code first, because tables look for it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const inner = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error
  const code = (inner as NodeJS.ErrnoException).code
  return code === undefined ? inner.message : `${code}: ${inner.message}`
}
