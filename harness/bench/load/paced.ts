import { Client, errors } from 'undici'
import { seededRandom } from '../../../node/base/random.ts'
import { requestTimeoutS } from './closed-loop.ts'
import { requestsOfConnections, type LoadRequest } from './kv-requests.ts'
import { Latencies } from './latencies.ts'
import type { LoadJob, LoadOutcome } from './load-job.ts'

const drainMsDefault = 15_000

/**
 * Requests at times that were fixed before the first was sent, and latency
 * from those times: request number k is due k/rate seconds after the start, on
 * connection k mod connections. One that is due while its connection still
 * waits for an answer is sent afterwards, and that wait is a part of its
 * latency, as it would be for a user who came at that time. Nothing is
 * estimated: each request has its own measured latency (Gil Tene's correction,
 * as in wrk2, at the source instead of in the histogram).
 *
 * autocannon's own `overallRate` is not used for this: it sends each second's
 * requests in one burst, and its correction fills in as if a request were due
 * every millisecond on each connection, whatever the rate (9.0.0, lib/run.js:
 * the expected interval is `Math.ceil(1 / rate)`, in a histogram of ms).
 *
 * @param drainMs how long after the last request was due the waiting ones may still be sent and answered
 */
export async function paced({ urls, connections, seconds, load, seed }: LoadJob, ratePerS: number, drainMs = drainMsDefault): Promise<Omit<LoadOutcome, 'cpuMs'>> {
  const tally = new Tally()
  const lanes = requestsOfConnections(load, connections, seededRandom(seed)).map((requests, at) => new Lane(urls[at % urls.length]!, requests, tally))
  try {
    // Connections are open before the first request is due.
    await Promise.all(lanes.map((lane) => lane.open()))
    const startMs = performance.now()
    await sendAll(lanes, startMs, ratePerS, Math.max(1, Math.round(ratePerS * seconds)))
    await Promise.race([Promise.all(lanes.map((lane) => lane.idle())), new Promise((resolve) => setTimeout(resolve, drainMs).unref())])
    const neverSent = lanes.reduce((sum, lane) => sum + lane.giveUp(), 0)
    return { ...tally.counts, seconds: (performance.now() - startMs) / 1000, latency: tally.latency(neverSent) }
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()))
  }
}

/** Resolves when the last request was due. */
function sendAll(lanes: readonly Lane[], startMs: number, ratePerS: number, total: number): Promise<void> {
  const dueMs = (k: number) => startMs + k * 1000 / ratePerS
  let next = 0
  return new Promise((resolve) => {
    const send = () => {
      for (const nowMs = performance.now(); next < total && dueMs(next) <= nowMs; next++) lanes[next % lanes.length]!.due(dueMs(next))
      if (next === total) resolve()
      else setTimeout(send, Math.max(0, dueMs(next) - performance.now()))
    }
    send()
  })
}

type Ending = 'ok' | 'non2xx' | 'errors' | 'timeout'

class Tally {
  readonly counts = { ok: 0, non2xx: 0, errors: 0 }
  readonly #corrected = new Latencies()
  readonly #uncorrected = new Latencies()
  readonly #lateness = new Latencies()

  sent(dueMs: number, sentMs: number, waitedForConnection: boolean): void {
    if (!waitedForConnection) this.#lateness.record(sentMs - dueMs)
  }

  /** @param sentMs null: it never was */
  ended(how: Ending, dueMs: number, sentMs: number | null): void {
    this.counts[how === 'timeout' ? 'errors' : how] += 1
    // A refusal comes at another pace than what was asked for; who waited in vain has waited at least so long.
    if (how === 'non2xx' || how === 'errors') return
    const nowMs = performance.now()
    this.#corrected.record(nowMs - dueMs)
    if (sentMs !== null) this.#uncorrected.record(nowMs - sentMs)
  }

  latency(neverSent: number): LoadOutcome['latency'] {
    const [corrected, uncorrected] = [this.#corrected.percentiles(), this.#uncorrected.percentiles()]
    if (this.counts.ok === 0 || corrected === null || uncorrected === null) return null
    return { requests: this.#corrected.count, corrected, uncorrected, lateness: this.#lateness.percentiles(), neverSent }
  }
}

/** One connection: one request at a time, in the order in which they are due. */
class Lane {
  readonly #client: Client
  readonly #requests: readonly LoadRequest[]
  readonly #tally: Tally
  readonly #waiting: number[] = []
  /** On its way. */
  #current: { readonly dueMs: number, readonly sentMs: number } | null = null
  #sentCount = 0
  #whenIdle: (() => void) | null = null
  #givenUp = false

  constructor(url: string, requests: readonly LoadRequest[], tally: Tally) {
    const timeoutMs = requestTimeoutS * 1000
    this.#client = new Client(url, { pipelining: 1, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connect: { timeout: timeoutMs } })
    this.#requests = requests
    this.#tally = tally
  }

  /** One request that does not count. What goes wrong will go wrong again, and count. */
  async open(): Promise<void> {
    await this.#exchange().catch(() => {})
  }

  due(dueMs: number): void {
    if (this.#current !== null) this.#waiting.push(dueMs)
    else void this.#send(dueMs, false)
  }

  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#current !== null) this.#whenIdle = resolve
      else resolve()
    })
  }

  /** What was due and is not answered has waited until now. Returns how many were never sent. */
  giveUp(): number {
    this.#givenUp = true
    const left = this.#waiting.splice(0)
    if (this.#current !== null) this.#tally.ended('timeout', this.#current.dueMs, this.#current.sentMs)
    for (const dueMs of left) this.#tally.ended('timeout', dueMs, null)
    return left.length
  }

  async close(): Promise<void> {
    await this.#client.destroy()
  }

  async #send(dueMs: number, waited: boolean): Promise<void> {
    const sentMs = performance.now()
    this.#current = { dueMs, sentMs }
    this.#tally.sent(dueMs, sentMs, waited)
    const how = await this.#exchange().then((status): Ending => status >= 200 && status < 300 ? 'ok' : 'non2xx', (error: unknown): Ending => isTimeout(error) ? 'timeout' : 'errors')
    if (this.#givenUp) return
    this.#tally.ended(how, dueMs, sentMs)
    const next = this.#waiting.shift()
    if (next !== undefined) return void this.#send(next, true)
    this.#current = null
    this.#whenIdle?.()
  }

  async #exchange(): Promise<number> {
    const { method, target, headers, body } = this.#requests[this.#sentCount++ % this.#requests.length]!
    const answer = await this.#client.request({ method, path: target, headers, body: body ?? null })
    await answer.body.dump({ limit: Infinity })
    return answer.statusCode
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError || error instanceof errors.ConnectTimeoutError
}
