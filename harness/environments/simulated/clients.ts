import type { ApiHandler } from '../../../node/api/exchange.ts'
import type { Random } from '../../../node/base/random.ts'
import type { HttpOutcome, HttpRequest } from '../environment.ts'
import type { Climate } from './climate.ts'
import { clientsEnd, type Path, type Paths } from './path.ts'
import { openConnection, type ReliablePorts, sendReliably } from './reliable.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A member as clients meet it. */
export interface ClientTarget {
  readonly name: string
  /** Null while it is dead: connections are refused. */
  readonly handle: ApiHandler | null
  /** Its process has no file descriptor left for one more connection. */
  readonly isFull: boolean
}

const noBody = new Uint8Array(0)
/** Of a request or an answer, besides its body. */
const headBytes = 300

interface Way {
  readonly there: Path
  readonly back: Path
  readonly random: Random
  /** Exchanges that the member has begun and not answered, in their order. */
  readonly open: Set<(error: string) => void>
  /** Connections held open without a request. */
  idle: number
}

/** HTTP between clients and members, in virtual time: each member has its own way, which no fault between members touches. */
export class SimulatedClients {
  readonly #time: VirtualTime
  readonly #climate: Climate
  readonly #random: Random
  readonly #paths: Paths
  readonly #ways = new Map<string, Way>()

  constructor(time: VirtualTime, climate: Climate, random: Random, paths: Paths) {
    this.#time = time
    this.#climate = climate
    this.#random = random
    this.#paths = paths
  }

  request(target: ClientTarget, request: HttpRequest, timeoutMs: number): Promise<HttpOutcome> {
    const { queue } = this.#time
    const { there, back, random, open } = this.#way(target.name)
    const latencyMs = () => this.#climate.clientLatencyMs(random)
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
      const ports: ReliablePorts = { queue, latencyMs, isOver: () => ended }
      const begin = () => {
        // Given up before there was a connection: nothing is sent over it any more.
        if (ended) return
        if (target.handle === null) return later({ kind: 'not-sent', error: 'ECONNREFUSED' })
        sent = true
        // Accepted by the kernel, and closed by a process that cannot hold it.
        if (target.isFull) return later({ kind: 'lost', error: 'ECONNRESET: the member closed the connection' })
        if (there.isClear) return arrive()
        sendReliably({ ...ports, latencyMs: () => 0 }, there, headBytes + (request.body?.length ?? 0), arrive)
      }
      const arrive = () => {
        const { handle } = target
        if (handle === null) return later({ kind: 'lost', error: 'ECONNRESET: the member died' })
        const died = (error: string) => later({ kind: 'lost', error })
        open.add(died)
        handle(asApiRequest(request), (response) => {
          // Whoever died in between has told the client so.
          if (!open.delete(died)) return
          const { status, headers, body } = response
          const bytes = typeof body === 'string' ? Buffer.from(body) : body
          sendReliably(ports, back, headBytes + bytes.length, () => end({ kind: 'response', status, headers, body: bytes }))
        })
      }
      if (there.isClear && back.isClear) queue.after(latencyMs(), begin)
      else openConnection({ ...ports, latencyMs: () => latencyMs() / 2 }, there, back, begin, () => end({ kind: 'not-sent', error: 'ECONNREFUSED' }))
    })
  }

  /** Every exchange that is open with it ends without an answer. */
  memberDied(name: string): void {
    this.#endOpen(name, 'ECONNRESET: the member died')
    this.#way(name).idle = 0
  }

  /** Nothing passes between it and clients. */
  isCutOff(name: string): boolean {
    const { there, back } = this.#way(name)
    return there.isBlocked || back.isBlocked
  }

  /** How many connections of clients it holds. */
  openConnections(name: string): number {
    const { open, idle } = this.#way(name)
    return open.size + idle
  }

  /** Opens connections until one is not taken, `max` at most; returns how many, and what closes them. */
  holdConnections(target: ClientTarget, max: number): { readonly count: number, release(): void } {
    const way = this.#way(target.name)
    let count = 0
    while (count < max && target.handle !== null && !target.isFull) {
      way.idle++
      count++
    }
    return { count, release: () => { way.idle = Math.max(0, way.idle - count) } }
  }

  #endOpen(name: string, error: string): void {
    const { open } = this.#way(name)
    const all = [...open]
    open.clear()
    for (const died of all) died(error)
  }

  #way(name: string): Way {
    let way = this.#ways.get(name)
    if (way === undefined) {
      const there = this.#paths.of(clientsEnd, name, 'client')
      way = { there, back: this.#paths.of(name, clientsEnd, 'client'), random: this.#random.split(name), open: new Set(), idle: 0 }
      there.use({ blocked: () => {}, unblocked: () => {}, reset: () => this.#endOpen(name, 'ECONNRESET') })
      this.#ways.set(name, way)
    }
    return way
  }
}

const noHeaders = {}

function asApiRequest({ method, target, headers, body }: HttpRequest) {
  return { method, target, headers: headers === undefined ? noHeaders : inLowerCase(headers), body: body === undefined ? noBody : typeof body === 'string' ? Buffer.from(body) : body }
}

function inLowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
