/**
 * The receiving half of a link: a connection that somebody dialled. Nothing is
 * believed before the greeting is right; anything that is not in the protocol
 * closes the connection with a line in the log, and nothing else.
 */
import type { Socket } from 'node:net'
import { decodeGreeting, FrameReader, ProtocolError, receivedCountBytes, welcome } from './frame.ts'
import type { LinkCounters, LinkOptions } from './link-options.ts'

export interface IncomingEvents {
  /** The greeting was right; `address` is what the dialler advertises. */
  greeted(link: IncomingLink, address: string): void
  message(message: unknown): void
  /** The connection is gone. `address` is null if it was never greeted. */
  closed(link: IncomingLink, address: string | null): void
}

export class IncomingLink {
  readonly #socket: Socket
  readonly #options: LinkOptions
  readonly #counters: LinkCounters
  readonly #events: IncomingEvents
  readonly #frames: FrameReader
  #address: string | null = null
  #beforeGreeting: Buffer = Buffer.alloc(0)
  #receivedBytes = 0
  #reportTimer: NodeJS.Timeout | null = null

  constructor(socket: Socket, options: LinkOptions, counters: LinkCounters, events: IncomingEvents) {
    this.#socket = socket
    this.#options = options
    this.#counters = counters
    this.#events = events
    this.#frames = new FrameReader(options.frameBytesMax)
    const greetingTimer = setTimeout(() => {
      if (this.#address === null) this.#refuse(new ProtocolError(`no greeting within ${options.greetingTimeoutMs} ms`))
    }, options.greetingTimeoutMs)
    greetingTimer.unref()
    socket.on('data', (chunk) => this.#onData(chunk as Buffer))
    // 'close' follows and says all that there is to say.
    socket.on('error', () => {})
    socket.once('close', () => {
      clearTimeout(greetingTimer)
      if (this.#reportTimer !== null) clearTimeout(this.#reportTimer)
      events.closed(this, this.#address)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    this.#counters.bytesReceived += chunk.length
    this.#receivedBytes = (this.#receivedBytes + chunk.length) >>> 0
    let messages: unknown[]
    try {
      messages = this.#address === null ? this.#readGreeting(chunk) : this.#frames.read(chunk)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return this.#refuse(error)
    }
    if (this.#address !== null) this.#reportSoon()
    this.#counters.messagesReceived += messages.length
    // Outside of the try: what the receiver throws is a bug of ours, not of the peer.
    for (const message of messages) {
      if (this.#socket.destroyed) return
      this.#events.message(message)
    }
  }

  #readGreeting(chunk: Buffer): unknown[] {
    const bytes = Buffer.concat([this.#beforeGreeting, chunk])
    const decoded = decodeGreeting(bytes)
    if (decoded === null) {
      this.#beforeGreeting = bytes
      return []
    }
    const { greeting, sizeBytes } = decoded
    if (greeting.cluster !== this.#options.cluster) {
      throw new ProtocolError(`the server at ${greeting.address} belongs to cluster ${JSON.stringify(greeting.cluster)}, this one to ${JSON.stringify(this.#options.cluster)}`)
    }
    this.#beforeGreeting = Buffer.alloc(0)
    this.#address = greeting.address
    this.#socket.write(welcome)
    this.#events.greeted(this, greeting.address)
    return this.#frames.read(bytes.subarray(sizeBytes))
  }

  /** Tells the dialler how much has come; a few small packets a second however many frames. */
  #reportSoon(): void {
    if (this.#reportTimer !== null) return
    this.#reportTimer = setTimeout(() => {
      this.#reportTimer = null
      const report = Buffer.alloc(receivedCountBytes)
      report.writeUInt32LE(this.#receivedBytes)
      this.#socket.write(report)
    }, this.#options.receivedReportMs)
    this.#reportTimer.unref()
  }

  #refuse(error: ProtocolError): void {
    this.#counters.connectionsRefused++
    const remote = `${this.#socket.remoteAddress ?? '?'}:${this.#socket.remotePort ?? '?'}`
    this.#options.log.warn('connection refused', { remote, peer: this.#address, reason: error.message })
    this.#socket.destroy()
  }
}
