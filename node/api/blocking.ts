/**
 * Blocking queries (Consul's HTTP API, "Blocking Queries"): `?index=N&wait=10s`
 * holds the answer back until the index of what was asked for is above N, or
 * the time is over.
 */
import { parseDurationNs } from '../base/duration.ts'
import type { Interest, Watches } from '../state/watches.ts'
import type { ApiContext } from './context.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { awaitConsistency, checkDatacenter, checkReadParameters, freshnessNow, parseConsistency } from './query.ts'
import { errorResponse } from './responses.ts'

/** What a query found in the state as it is. */
export interface Found {
  /** `X-Consul-Index`, at least 1. */
  readonly index: number
  /** What moves that index. Asked for only if the query blocks. */
  readonly interests: () => readonly Interest[]
  readonly answer: (headers: Readonly<Record<string, string>>) => ApiResponse
}

/** How a route of Consul fails behind its agent. */
export interface ServerSide {
  readonly refusal?: ApiResponse | null
  /** Some routes write the headers of a read even if there was none; `unknownFreshness` is what they say. */
  readonly errorHeaders?: Readonly<Record<string, string>>
}

const waitDefaultMs = 5 * 60_000
const waitMaxMs = 10 * 60_000
/** Up to 1/16 of the wait is added by chance, so that those who came together do not come back together. */
const jitterDivisor = 16

/**
 * Answers a read: checks what every read may say, waits as its consistency
 * wants, then finds, and again whenever something of interest changes, until
 * the index is above the one given.
 *
 * A change is answered from this member's state as it applies it: that state
 * was the cluster's at some moment of the query. When time runs out, the
 * consistency is waited for once more: a member that is cut off would else say
 * that nothing has changed, while something has.
 *
 * `refusalOfRoute`: what the route itself has against the request, said behind
 * what all reads refuse, as in Consul. `server`: what, in Consul, only a server
 * would say, behind that it has no path to the data centre.
 */
export function answerRead(
  context: ApiContext, request: ApiRequest, query: URLSearchParams, respond: (response: ApiResponse) => void, find: () => Found, refusalOfRoute: ApiResponse | null = null,
  server: ServerSide = {},
): void {
  const consistency = parseConsistency(query)
  if (typeof consistency === 'object') return respond(consistency)
  const refusal = checkReadParameters(query) ?? refusalOfRoute
  if (refusal !== null) return respond(refusal)
  const fail = (response: ApiResponse) => respond({ ...response, headers: { ...response.headers, ...server.errorHeaders } })
  const serverRefusal = checkDatacenter(query, context) ?? server.refusal ?? null
  if (serverRefusal !== null) return fail(serverRefusal)
  const aboveIndex = parseIndex(query)
  const answer = (found: Found, freshness: Record<string, string>) => respond(found.answer({ 'X-Consul-Index': String(found.index), ...freshness }))
  awaitConsistency(context, consistency, fail, (freshness) => {
    const found = find()
    if (aboveIndex === 0 || found.index > aboveIndex) return answer(found, freshness)
    context.blocked.block({
      interests: found.interests(),
      waitMs: waitMs(query, context.random.fraction()),
      changed: () => {
        const now = find()
        if (now.index <= aboveIndex) return now.interests()
        answer(now, freshnessNow(context, consistency))
        return null
      },
      // Indexes may have gone back: the client has to see that, and begins anew.
      replaced: () => answer(find(), freshnessNow(context, consistency)),
      timedOut: () => awaitConsistency(context, consistency, fail, (freshnessThen) => answer(find(), freshnessThen)),
      stopped: () => respond(errorResponse(500, 'this server is shutting down')),
    }, request)
  })
}

/** 0: do not block. No entry has an index above 2^53 - 1, so that one stands for all of them. */
function parseIndex(query: URLSearchParams): number {
  return Math.min(Number(query.get('index') ?? 0), Number.MAX_SAFE_INTEGER)
}

function waitMs(query: URLSearchParams, fraction: number): number {
  const givenMs = (parseDurationNs(query.get('wait') ?? '') ?? 0) / 1e6
  const boundedMs = givenMs <= 0 ? waitDefaultMs : Math.min(givenMs, waitMaxMs)
  return boundedMs + fraction * boundedMs / jitterDivisor
}

export interface Blocked {
  readonly interests: readonly Interest[]
  readonly waitMs: number
  /** Something of interest changed. Returns what to wait for next, or null if it has answered. */
  readonly changed: () => readonly Interest[] | null
  readonly replaced: () => void
  readonly timedOut: () => void
  readonly stopped: () => void
}

/** The queries that wait at this member. Each ends in exactly one of its callbacks, or silently when its client is gone. */
export class BlockedQueries {
  readonly #scheduler: ApiContext['scheduler']
  readonly #watches: Watches
  readonly #open = new Set<{ readonly stop: () => void }>()
  #stopped = false

  constructor(scheduler: ApiContext['scheduler'], watches: Watches) {
    this.#scheduler = scheduler
    this.#watches = watches
  }

  /** How many wait. */
  get size(): number {
    return this.#open.size
  }

  block(blocked: Blocked, { onGone }: Pick<ApiRequest, 'onGone'>): void {
    if (this.#stopped) return blocked.stopped()
    let ended = false
    let stopWatching = () => {}
    const end = () => {
      if (ended) return false
      ended = true
      this.#open.delete(query)
      stopWatching()
      cancelTimer()
      return true
    }
    const watch = (interests: readonly Interest[]) => {
      stopWatching = this.#watches.add(interests, (cause) => {
        if (ended) return
        if (cause === 'replaced') {
          if (end()) blocked.replaced()
          return
        }
        const next = blocked.changed()
        if (next === null) end()
        else watch(next)
      })
    }
    const query = { stop: () => { if (end()) blocked.stopped() } }
    const cancelTimer = this.#scheduler.after(blocked.waitMs, () => { if (end()) blocked.timedOut() })
    this.#open.add(query)
    watch(blocked.interests)
    onGone?.(() => { end() })
  }

  /** Ends all, and all that come from now on. */
  stop(): void {
    this.#stopped = true
    for (const query of [...this.#open]) query.stop()
  }
}
