import type { EventQueue, Event } from './event-queue.ts'

/** What a directed link needs of the network around it. */
export interface LinkPorts {
  readonly queue: EventQueue
  /** One way; drawn anew for each message. */
  readonly latencyMs: () => number
  /** Hands a message to the target, if that lives. */
  readonly deliver: (message: unknown) => void
  readonly targetLives: () => boolean
  /** The opposite direction cannot be passed: welcomes and acknowledgements do not arrive. */
  readonly reverseIsCut: () => boolean
  /** The target accepted a connection. */
  readonly opened: () => void
  /** The source is told that an established connection broke. */
  readonly lost: () => void
  /** Asked when a cut begins: does the connection break under it, with all that is under way? */
  readonly cutLoses: () => boolean
  /** How long a healed connection takes to send again what did not get through. */
  readonly retransmitMs: () => number
}

/** As of the real transport (`link-options.ts`), whose states these are too. */
const connectTimeoutMs = 1000
const stallTimeoutMs = 2000
const backoffMsMin = 50
const backoffMsMax = 1000
const queueMessagesMax = 4096

interface Connection {
  /** What arrives on it is delivered. */
  alive: boolean
  lastArrivalNs: number
  /** Did not get through a cut, in order; sent again after healing. */
  held: unknown[]
  resending: boolean
  stallCheck: Event | null
}

type State = 'idle' | 'dialling' | 'open' | 'waiting'

/**
 * What one member says to another: a connection like TCP's, dialled on demand
 * by the source. Keeps order while it lasts. Under a cut nothing passes: either
 * the connection keeps what it should carry, and delivers it late if healing
 * comes before it is given up, or it breaks and all of that is lost.
 */
export class DirectedLink {
  readonly #ports: LinkPorts
  #state: State = 'idle'
  #connection: Connection | null = null
  /** Sent before there is a connection. */
  #queue: unknown[] = []
  #backoffMs = backoffMsMin
  /** Counts dials and resets: what belongs to an earlier one is ignored. */
  #attempt = 0
  readonly #cuts = new Set<number>()
  #losesUnderCut = false

  constructor(ports: LinkPorts) {
    this.#ports = ports
  }

  get isCut(): boolean {
    return this.#cuts.size > 0
  }

  send(message: unknown): void {
    if (this.#state === 'open') return this.#transmit(this.#connection!, message)
    if (this.#queue.length >= queueMessagesMax) return
    this.#queue.push(message)
    if (this.#state === 'idle') this.#dial()
  }

  cut(id: number): void {
    if (!this.isCut) this.#losesUnderCut = this.#ports.cutLoses()
    this.#cuts.add(id)
  }

  /** Removes one cut; the link works when no cut holds it. */
  heal(id: number): void {
    if (!this.#cuts.delete(id) || this.isCut) return
    const connection = this.#connection
    if (connection !== null && connection.held.length > 0) this.#resend(connection)
  }

  /** The target dialled the source, so it is up: no need to wait before dialling it. */
  peerIsUp(): void {
    this.#backoffMs = backoffMsMin
    if (this.#state === 'waiting') this.#retry()
  }

  /** The source died. What it had sent is under way and still arrives; what it had not is gone. */
  sourceDied(): void {
    this.#attempt++
    this.#state = 'idle'
    this.#connection = null
    this.#queue = []
    this.#backoffMs = backoffMsMin
  }

  /** The target died. `heard`: its machine lives and resets the connection; else only silence tells. */
  targetDied(heard: boolean): void {
    const connection = this.#connection
    if (connection === null) return
    connection.alive = false
    if (!heard) return
    this.#ports.queue.after(this.#ports.latencyMs(), () => {
      if (this.#connection === connection && !this.#isImpassable) this.#break(connection, true)
    })
  }

  get #isImpassable(): boolean {
    return this.isCut || this.#ports.reverseIsCut()
  }

  #dial(): void {
    const { queue, latencyMs } = this.#ports
    const attempt = ++this.#attempt
    this.#state = 'dialling'
    const dialledNs = queue.nowNs
    queue.after(latencyMs() + latencyMs(), () => {
      if (attempt !== this.#attempt) return
      if (!this.#isImpassable) return this.#ports.targetLives() ? this.#open() : this.#dialFailed(dialledNs)
      queue.after(connectTimeoutMs, () => {
        if (attempt === this.#attempt) this.#dialFailed(dialledNs)
      })
    })
  }

  #open(): void {
    this.#state = 'open'
    this.#backoffMs = backoffMsMin
    const connection: Connection = { alive: true, lastArrivalNs: 0, held: [], resending: false, stallCheck: null }
    this.#connection = connection
    const waiting = this.#queue
    this.#queue = []
    for (const message of waiting) this.#transmit(connection, message)
    this.#ports.opened()
  }

  #dialFailed(dialledNs: number): void {
    this.#queue = []
    this.#state = 'waiting'
    this.#waitBeforeRetry((this.#ports.queue.nowNs - dialledNs) / 1e6)
  }

  #waitBeforeRetry(elapsedMs: number): void {
    const attempt = ++this.#attempt
    this.#ports.queue.after(Math.max(0, this.#backoffMs - elapsedMs), () => {
      if (attempt === this.#attempt) this.#retry()
    })
    this.#backoffMs = Math.min(backoffMsMax, this.#backoffMs * 2)
  }

  #retry(): void {
    this.#attempt++
    this.#state = 'idle'
    if (this.#queue.length > 0) this.#dial()
  }

  #transmit(connection: Connection, message: unknown): void {
    const { queue, latencyMs } = this.#ports
    const arrivalNs = Math.max(connection.lastArrivalNs, queue.nowNs + Math.ceil(latencyMs() * 1e6))
    connection.lastArrivalNs = arrivalNs
    queue.at(arrivalNs, () => this.#arrive(connection, message))
    if (!connection.alive || this.#isImpassable) this.#watchForStall(connection)
  }

  #arrive(connection: Connection, message: unknown): void {
    if (!connection.alive) return
    if (!this.isCut && connection.held.length === 0) return this.#ports.deliver(message)
    // A connection whose source died has nobody who would send again.
    if (connection !== this.#connection) return
    if (this.isCut && this.#losesUnderCut) return this.#break(connection, false)
    connection.held.push(message)
    this.#watchForStall(connection)
  }

  #resend(connection: Connection): void {
    if (connection.resending) return
    connection.resending = true
    this.#ports.queue.after(this.#ports.retransmitMs() + this.#ports.latencyMs(), () => {
      connection.resending = false
      if (!connection.alive || this.isCut) return
      // What arrives meanwhile stands behind: `held` is emptied only now.
      const { held } = connection
      connection.held = []
      for (const message of held) this.#ports.deliver(message)
    })
  }

  /** The real transport gives a connection up on which nothing was received for a while. */
  #watchForStall(connection: Connection): void {
    if (connection.stallCheck !== null) return
    connection.stallCheck = this.#ports.queue.after(stallTimeoutMs, () => {
      connection.stallCheck = null
      if (connection === this.#connection && (!connection.alive || this.#isImpassable)) this.#break(connection, true)
    })
  }

  #break(connection: Connection, told: boolean): void {
    connection.alive = false
    this.#connection = null
    this.#queue = []
    this.#state = 'waiting'
    this.#waitBeforeRetry(0)
    if (told) this.#ports.lost()
  }
}
