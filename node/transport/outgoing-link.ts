/**
 * The sending half of a link: one connection dialled to one server, on demand.
 *
 *     idle --send--> dialling --connected--> open --broken--> waiting --+
 *      ^                |                                       ^  |    |
 *      |                +--failed------------------------------+  |    |
 *      +------------------------ time is up, nothing to send ------+    |
 *                        dialling <-- time is up, something to send ----+
 *
 * A link that a firewall has cut looks open to TCP for minutes, and its
 * retransmissions back off to as long as the cut lasted, so that a healed
 * partition would stay one. Therefore the listener tells how much it received,
 * and a link without progress is given up and dialled anew.
 */
import { connect, type Socket } from 'node:net'
import { encodeFrame, frameBodyBytes, receivedCountBytes, welcome } from './frame.ts'
import type { LinkCounters, LinkOptions } from './link-options.ts'

type State = 'idle' | 'dialling' | 'open' | 'waiting' | 'closed'

export interface OutgoingLinkHooks {
  /** An established connection broke. */
  lost(): void
  /** These were dropped, and not a byte of them was handed to any connection. */
  unsent(messages: readonly unknown[]): void
}

export class OutgoingLink {
  /** The owner's: when it was used last, in an order of its own. */
  lastUse = 0
  readonly #target: { readonly host: string, readonly port: number }
  readonly #options: LinkOptions
  readonly #greeting: Buffer
  readonly #counters: LinkCounters
  readonly #hooks: OutgoingLinkHooks
  readonly #logFields: { readonly peer: string, readonly dial: string }
  #state: State = 'idle'
  #socket: Socket | null = null
  #queue: unknown[] = []
  #flushing = false
  #backoffMs: number
  #dialledAtMs = 0
  #welcomeTimer: NodeJS.Timeout | null = null
  #retryTimer: NodeJS.Timeout | null = null
  // The welcome has come: the listener is one of us, and it is known to have been reached.
  #welcomed = false
  #received: Buffer = Buffer.alloc(0)
  #sentBytes = 0
  /** As the listener last told. */
  #ackedBytes = 0
  #stallTimer: NodeJS.Timeout | null = null

  /** `address` is for the log. */
  constructor(address: string, target: { host: string, port: number }, greeting: Buffer, options: LinkOptions, counters: LinkCounters, hooks: OutgoingLinkHooks) {
    this.#target = target
    this.#options = options
    this.#greeting = greeting
    this.#counters = counters
    this.#hooks = hooks
    this.#logFields = { peer: address, dial: `${target.host}:${target.port}` }
    this.#backoffMs = options.backoffMsMin
  }

  send(message: unknown): void {
    if (this.#state === 'closed') return
    const congested = (this.#socket?.writableLength ?? 0) > this.#options.queueBytesMax
    if (congested || this.#queue.length >= this.#options.queueMessagesMax) {
      return this.#drop([message])
    }
    this.#queue.push(message)
    if (this.#state === 'idle') this.#dial()
    if (this.#state === 'open') this.#flushSoon()
  }

  /** Takes back what no connection has got yet. */
  takeUnsent(): readonly unknown[] {
    const messages = this.#queue
    this.#queue = []
    return messages
  }

  /** The peer has just reached us, so it is up: no need to wait before dialling it. */
  peerIsUp(): void {
    this.#backoffMs = this.#options.backoffMsMin
    if (this.#state !== 'waiting') return
    this.#clearTimers()
    this.#state = 'idle'
    if (this.#queue.length > 0) this.#dial()
  }

  close(): void {
    this.#state = 'closed'
    this.#clearTimers()
    this.#queue = []
    this.#socket?.destroy()
    this.#socket = null
  }

  #dial(): void {
    this.#state = 'dialling'
    this.#dialledAtMs = performance.now()
    this.#welcomed = false
    this.#received = Buffer.alloc(0)
    this.#ackedBytes = 0
    const socket = connect({ ...this.#target, noDelay: true })
    this.#socket = socket
    // Runs until the welcome: behind a proxy, a connection alone says nothing of the peer.
    this.#welcomeTimer = afterReading(this.#options.connectTimeoutMs, () => {
      if (!this.#welcomed) socket.destroy(new Error(`no welcome within ${this.#options.connectTimeoutMs} ms`))
    })
    let reason = 'the peer closed the connection'
    socket.once('connect', () => {
      this.#state = 'open'
      this.#counters.connectionsDialled++
      this.#sentBytes = 0
      socket.cork()
      this.#write(this.#greeting)
      this.#flush()
      socket.uncork()
    })
    socket.on('data', (chunk) => this.#onData(socket, chunk as Buffer))
    socket.on('error', (error) => { reason = error.message })
    socket.once('close', () => {
      if (this.#socket === socket) this.#onBroken(reason)
    })
  }

  #onBroken(reason: string): void {
    const established = this.#welcomed
    this.#socket = null
    this.#clearTimers()
    this.#state = 'waiting'
    // What waited for this connection is old by now; the protocols above repeat what matters.
    this.#drop(this.takeUnsent())
    // Counted from the dial, so that a timed-out attempt is not followed by a pause of its own.
    const elapsedMs = performance.now() - this.#dialledAtMs
    this.#retryTimer = setTimeout(() => this.#onRetry(), Math.max(0, this.#backoffMs - elapsedMs))
    this.#retryTimer.unref()
    this.#backoffMs = Math.min(this.#options.backoffMsMax, this.#backoffMs * 2)
    if (established) {
      this.#options.log.info('connection to peer lost', { ...this.#logFields, reason })
      this.#hooks.lost()
    } else {
      this.#options.log.debug('peer not reached', { ...this.#logFields, reason })
    }
  }

  #drop(messages: readonly unknown[]): void {
    this.#counters.messagesDropped += messages.length
    if (messages.length > 0) this.#hooks.unsent(messages)
  }

  #onRetry(): void {
    this.#retryTimer = null
    this.#state = 'idle'
    if (this.#queue.length > 0) this.#dial()
  }

  /** All that one tick sends becomes one frame and one write. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      if (this.#state === 'open') this.#flush()
    })
  }

  #flush(): void {
    const messages = this.#queue
    if (messages.length === 0) return
    this.#queue = []
    this.#writeFrames(messages)
  }

  /** One frame, or halves where one would be above the limit. */
  #writeFrames(messages: readonly unknown[]): void {
    const frame = encodeFrame(messages)
    if (frameBodyBytes(frame) <= this.#options.frameBytesMax) {
      this.#counters.messagesSent += messages.length
      this.#write(frame)
      return
    }
    if (messages.length === 1) {
      this.#drop(messages)
      this.#options.log.error('a message is above the frame limit and was dropped',
        { ...this.#logFields, sizeBytes: frameBodyBytes(frame), frameBytesMax: this.#options.frameBytesMax })
      return
    }
    const half = messages.length >>> 1
    this.#writeFrames(messages.slice(0, half))
    this.#writeFrames(messages.slice(half))
  }

  #write(bytes: Buffer): void {
    this.#counters.bytesSent += bytes.length
    this.#sentBytes = (this.#sentBytes + bytes.length) >>> 0
    this.#socket?.write(bytes)
    if (this.#stallTimer === null) this.#watchProgress()
  }

  /** Invariant: while bytes are unacknowledged, a timer runs. */
  #watchProgress(): void {
    const ackedBefore = this.#ackedBytes
    const socket = this.#socket
    this.#stallTimer = afterReading(this.#options.stallTimeoutMs, () => {
      // A later connection has a watch of its own.
      if (this.#socket !== socket) return
      this.#stallTimer = null
      if (this.#ackedBytes === this.#sentBytes) return
      if (this.#ackedBytes !== ackedBefore) return this.#watchProgress()
      this.#counters.connectionsStalled++
      socket?.destroy(new Error(`the peer received nothing for ${this.#options.stallTimeoutMs} ms`))
    })
  }

  #onData(socket: Socket, chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    if (!this.#welcomed) {
      const seen = Math.min(this.#received.length, welcome.length)
      if (!this.#received.subarray(0, seen).equals(welcome.subarray(0, seen))) {
        const text = this.#received.subarray(0, 16).toString('latin1')
        this.#options.log.warn('what answers at the address of a peer is no server of this kind', { ...this.#logFields, answer: text })
        socket.destroy(new Error('no welcome'))
        return
      }
      if (seen < welcome.length) return
      this.#welcomed = true
      this.#counters.connectionsWelcomed++
      if (this.#welcomeTimer !== null) clearTimeout(this.#welcomeTimer)
      this.#backoffMs = this.#options.backoffMsMin
      this.#received = this.#received.subarray(welcome.length)
    }
    const whole = this.#received.length - this.#received.length % receivedCountBytes
    if (whole === 0) return
    this.#ackedBytes = this.#received.readUInt32LE(whole - receivedCountBytes)
    this.#received = this.#received.subarray(whole)
  }

  #clearTimers(): void {
    for (const timer of [this.#welcomeTimer, this.#retryTimer, this.#stallTimer]) if (timer !== null) clearTimeout(timer)
    this.#welcomeTimer = this.#retryTimer = this.#stallTimer = null
  }
}

/**
 * A timeout on what a peer says. When this process was paused or busy, the
 * timer is due at the same moment as what came meanwhile: reads that first.
 */
function afterReading(delayMs: number, task: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(task), delayMs).unref()
}
