import type { EventQueue, Event } from './event-queue.ts'
import { mtuBytes } from './impairment.ts'
import type { Path } from './path.ts'

/** What a directed link needs of the network around it. */
export interface LinkPorts {
  readonly queue: EventQueue
  /** What the source sends meets. */
  readonly path: Path
  /** The opposite direction: of welcomes and acknowledgements. */
  readonly reverse: Path
  /** On the wire. Asked for only where something is wrong with the path. */
  readonly sizeBytes: (message: unknown) => number
  /** One way; drawn anew for each message. */
  readonly latencyMs: () => number
  /** Hands a message to the target, if that lives. */
  readonly deliver: (message: unknown) => void
  readonly targetLives: () => boolean
  /** The target's process stands still: its machine takes what arrives, nobody reads it. */
  readonly targetStands: () => boolean
  /** The target accepted a connection. */
  readonly opened: () => void
  /** The source is told that an established connection broke. */
  readonly lost: () => void
  /** Asked when a cut begins: does the connection break under it, with all that is under way? */
  readonly cutLoses: () => boolean
  /** How long a healed connection takes to send again what did not get through. */
  readonly retransmitMs: () => number
  /** Whether a lost packet is missed by the ones behind it, so that it is sent again at once; else a timer must run out. */
  readonly missedSoon: () => boolean
}

/** As of the real transport (`link-options.ts`), whose states these are too. */
const connectTimeoutMs = 1000
const stallTimeoutMs = 2000
const backoffMsMin = 50
const backoffMsMax = 1000
const queueMessagesMax = 4096
/** A segment without data: of a handshake. */
const bareSegmentBytes = 60
const segmentBytesMax = mtuBytes - 52
/** TCP's on Linux, where the path is quick: the smallest, doubled each time. */
const retransmitTimeoutMsMin = 200

interface Connection {
  /** What arrives on it is delivered. */
  alive: boolean
  /** Of the target's end: which of its lives, or of the resets on the way, it belongs to. */
  readonly targetEpoch: number
  lastArrivalNs: number
  sentCount: number
  deliveredCount: number
  /** Came before an earlier message did, by number. */
  readonly early: Map<number, unknown>
  /** Did not get through a cut; sent again after healing. */
  held: { readonly sequence: number, readonly message: unknown }[]
  resending: boolean
  stallCheck: Event | null
}

type State = 'idle' | 'dialling' | 'open' | 'waiting'

/**
 * What one member says to another: a connection like TCP's, dialled on demand
 * by the source. Keeps order while it lasts: what is lost or damaged on the way
 * is sent again, and what is behind it waits. Where nothing passes, either
 * the connection keeps what it should carry, and delivers it late if healing
 * comes before it is given up, or it breaks and all of that is lost. What is
 * under way when the source gives up still arrives, as the kernel of a process
 * that closes a socket goes on: perhaps behind what a later connection brought.
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
  #losesUnderCut = false
  /** Counts what ends all connections at the target. */
  #targetEpoch = 0

  constructor(ports: LinkPorts) {
    this.#ports = ports
    ports.path.use({
      blocked: () => { this.#losesUnderCut = ports.cutLoses() },
      unblocked: () => {
        if (this.#connection !== null && this.#connection.held.length > 0) this.#resend(this.#connection)
      },
      reset: () => {
        this.#targetEpoch++
        if (this.#connection !== null) this.#break(this.#connection, true)
      },
    })
  }

  /** The source holds an established connection. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  send(message: unknown): void {
    if (this.#state === 'open') return this.#transmit(this.#connection!, message)
    if (this.#queue.length >= queueMessagesMax) return
    this.#queue.push(message)
    if (this.#state === 'idle') this.#dial()
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
    this.#targetEpoch++
    const connection = this.#connection
    if (connection === null) return
    connection.alive = false
    if (!heard) return
    this.#ports.queue.after(this.#ports.latencyMs(), () => {
      if (this.#connection === connection && !this.#isImpassable) this.#break(connection, true)
    })
  }

  get #isImpassable(): boolean {
    return this.#ports.path.isBlocked || this.#ports.reverse.isBlocked
  }

  #dial(): void {
    const { queue, latencyMs } = this.#ports
    const attempt = ++this.#attempt
    this.#state = 'dialling'
    const dialledNs = queue.nowNs
    const thereMs = this.#ports.path.passWhole(dialledNs, bareSegmentBytes)
    const backMs = this.#ports.reverse.passWhole(dialledNs, bareSegmentBytes)
    const tripMs = latencyMs() + latencyMs() + (thereMs ?? 0) + (backMs ?? 0)
    queue.after(Math.min(tripMs, connectTimeoutMs), () => {
      if (attempt !== this.#attempt) return
      const passes = thereMs !== null && backMs !== null && tripMs <= connectTimeoutMs && !this.#isImpassable && !this.#ports.targetStands()
      if (passes) return this.#ports.targetLives() ? this.#open() : this.#dialFailed(dialledNs)
      if (this.#ports.path.refuses) return this.#dialFailed(dialledNs)
      queue.after(Math.max(0, connectTimeoutMs - tripMs), () => {
        if (attempt === this.#attempt) this.#dialFailed(dialledNs)
      })
    })
  }

  #open(): void {
    this.#state = 'open'
    this.#backoffMs = backoffMsMin
    const connection: Connection = {
      alive: true, targetEpoch: this.#targetEpoch, lastArrivalNs: 0, sentCount: 0, deliveredCount: 0, early: new Map(), held: [], resending: false, stallCheck: null,
    }
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
    const { path, sizeBytes, targetStands } = this.#ports
    const sequence = connection.sentCount++
    // What is sent into a cut is held by what comes of it at its arrival.
    if (path.isClear || path.isBlocked) this.#travel(connection, sequence, message, 0)
    else this.#sendSegments(connection, sequence, message, sizeBytes(message), retransmitTimeoutMsMin, 0)
    if (!connection.alive || this.#isImpassable || targetStands()) this.#watchForStall(connection)
  }

  /** Each of a message's segments until it arrives whole; what has arrived is not sent again. */
  #sendSegments(connection: Connection, sequence: number, message: unknown, bytes: number, timeoutMs: number, arrivedAfterNs: number): void {
    const { queue, path, latencyMs, missedSoon } = this.#ports
    let lastDelayMs = 0
    let missingBytes = 0
    for (let left = bytes; left > 0; left -= segmentBytesMax) {
      const delayMs = path.passWhole(queue.nowNs, Math.min(left, segmentBytesMax) + mtuBytes - segmentBytesMax)
      if (delayMs === null) missingBytes += Math.min(left, segmentBytesMax)
      else lastDelayMs = Math.max(lastDelayMs, delayMs)
    }
    if (missingBytes === 0) return this.#travel(connection, sequence, message, Math.max(lastDelayMs, (arrivedAfterNs - queue.nowNs) / 1e6))
    this.#watchForStall(connection)
    const soon = timeoutMs === retransmitTimeoutMsMin && missedSoon()
    queue.after(soon ? 2 * latencyMs() : timeoutMs, () => {
      if (!connection.alive || connection !== this.#connection) return
      this.#sendSegments(connection, sequence, message, missingBytes, timeoutMs * 2, queue.nowNs + Math.ceil(lastDelayMs * 1e6))
    })
  }

  #travel(connection: Connection, sequence: number, message: unknown, delayMs: number): void {
    const { queue, latencyMs } = this.#ports
    const arrivalNs = Math.max(connection.lastArrivalNs, queue.nowNs + Math.ceil((latencyMs() + delayMs) * 1e6))
    // A delay of this one alone does not hold back what may pass it; the numbers keep the order.
    if (delayMs === 0) connection.lastArrivalNs = arrivalNs
    else this.#watchForStall(connection)
    queue.at(arrivalNs, () => this.#arrive(connection, sequence, message))
  }

  /** The target has its end of it still. */
  #isHeard(connection: Connection): boolean {
    return connection.alive && connection.targetEpoch === this.#targetEpoch
  }

  #arrive(connection: Connection, sequence: number, message: unknown): void {
    if (!this.#isHeard(connection)) return
    const { path } = this.#ports
    if (!path.isBlocked) return this.#accept(connection, sequence, message)
    // A connection whose source died has nobody who would send again.
    if (connection !== this.#connection) return
    if (this.#losesUnderCut) return this.#break(connection, false)
    connection.held.push({ sequence, message })
    this.#watchForStall(connection)
  }

  #accept(connection: Connection, sequence: number, message: unknown): void {
    const { early } = connection
    if (sequence !== connection.deliveredCount) {
      early.set(sequence, message)
      return
    }
    connection.deliveredCount++
    this.#ports.deliver(message)
    while (early.size > 0 && early.has(connection.deliveredCount)) {
      const next = early.get(connection.deliveredCount)
      early.delete(connection.deliveredCount++)
      this.#ports.deliver(next)
    }
  }

  #resend(connection: Connection): void {
    if (connection.resending) return
    connection.resending = true
    this.#ports.queue.after(this.#ports.retransmitMs() + this.#ports.latencyMs(), () => {
      connection.resending = false
      if (!this.#isHeard(connection) || this.#ports.path.isBlocked) return
      const { held } = connection
      connection.held = []
      for (const { sequence, message } of held) this.#accept(connection, sequence, message)
    })
  }

  /** The real transport gives a connection up on which nothing was received for a while. */
  #watchForStall(connection: Connection): void {
    if (connection.stallCheck !== null) return
    const { deliveredCount } = connection
    connection.stallCheck = this.#ports.queue.after(stallTimeoutMs, () => {
      connection.stallCheck = null
      if (connection !== this.#connection) return
      const stuck = connection.deliveredCount < connection.sentCount && connection.deliveredCount === deliveredCount
      if (stuck || !connection.alive || this.#isImpassable || this.#ports.targetStands()) return this.#giveUp()
      if (connection.deliveredCount < connection.sentCount) this.#watchForStall(connection)
    })
  }

  #break(connection: Connection, told: boolean): void {
    connection.alive = false
    this.#leave(told)
  }

  /** The source closes a connection that shows no progress; what is under way knows nothing of that. */
  #giveUp(): void {
    this.#leave(true)
  }

  #leave(told: boolean): void {
    this.#connection = null
    this.#queue = []
    this.#state = 'waiting'
    this.#waitBeforeRetry(0)
    if (told) this.#ports.lost()
  }
}
