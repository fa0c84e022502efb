import type { ApiHandler } from '../../../node/api/exchange.ts'
import type { Random } from '../../../node/base/random.ts'
import type { HttpOutcome, HttpRequest } from '../environment.ts'
import type { Climate } from './climate.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A member as clients meet it. */
export interface ClientTarget {
  readonly name: string
  /** Null while it is dead: connections are refused. */
  readonly handle: ApiHandler | null
}

const encoder = new TextEncoder()
const noBody = new Uint8Array(0)

/** HTTP between clients and members, in virtual time: no cut touches it, and each member has its own way. */
export class SimulatedClients {
  readonly #time: VirtualTime
  readonly #climate: Climate
  readonly #random: Random
  readonly #streams = new Map<string, Random>()
  /** Exchanges that a member has begun and not answered, in their order. */
  readonly #open = new Map<string, Set<(error: string) => void>>()

  constructor(time: VirtualTime, climate: Climate, random: Random) {
    this.#time = time
    this.#climate = climate
    this.#random = random
  }

  request(target: ClientTarget, request: HttpRequest, timeoutMs: number): Promise<HttpOutcome> {
    const { queue } = this.#time
    const latencyMs = this.#latency(target.name)
    return this.#time.promise((resolve) => {
      let sent = false
      let ended = false
      const timeout = queue.after(timeoutMs, () => end(sent
        ? { kind: 'lost', error: `no answer within ${timeoutMs} ms` }
        : { kind: 'not-sent', error: `no connection within ${timeoutMs} ms` }))
      const end = (outcome: HttpOutcome) => {
        ended = true
        queue.cancel(timeout)
        resolve(outcome)
      }
      const later = (outcome: HttpOutcome) => { queue.after(latencyMs(), () => end(outcome)) }
      queue.after(latencyMs(), () => {
        // Given up before there was a connection: nothing is sent over it any more.
        if (ended) return
        const { handle } = target
        if (handle === null) return later({ kind: 'not-sent', error: 'ECONNREFUSED' })
        sent = true
        const open = this.#openAt(target.name)
        const died = (error: string) => later({ kind: 'lost', error })
        open.add(died)
        handle(asApiRequest(request), (response) => {
          // Whoever died in between has told the client so.
          if (!open.delete(died)) return
          const { status, headers, body } = response
          later({ kind: 'response', status, headers, body: typeof body === 'string' ? encoder.encode(body) : body })
        })
      })
    })
  }

  /** Every exchange that is open with it ends without an answer. */
  memberDied(name: string): void {
    const open = [...this.#openAt(name)]
    this.#openAt(name).clear()
    for (const died of open) died('ECONNRESET: the member died')
  }

  #openAt(name: string): Set<(error: string) => void> {
    let open = this.#open.get(name)
    if (open === undefined) this.#open.set(name, open = new Set())
    return open
  }

  #latency(name: string): () => number {
    let stream = this.#streams.get(name)
    if (stream === undefined) this.#streams.set(name, stream = this.#random.split(name))
    return () => this.#climate.clientLatencyMs(stream)
  }
}

function asApiRequest({ method, target, headers, body }: HttpRequest) {
  const lowerCase: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers ?? {})) lowerCase[name.toLowerCase()] = value
  return { method, target, headers: lowerCase, body: body === undefined ? noBody : typeof body === 'string' ? encoder.encode(body) : body }
}
