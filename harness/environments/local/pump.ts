import type { Socket } from 'node:net'
import type { Gate } from './gate.ts'
import { resetSocket } from './reset-socket.ts'

/** What is on its way: bytes, the end of the stream (FIN), or a reset (RST). Each passes the gate in its turn. */
type Item = {
  /** By performance.now(); 0: at once. Null: not before a disturbance ends. */
  dueMs: number | null
  /** Bytes of it that were dropped, and are sent again when it is due; how often they were sent. */
  dropped: { readonly bytes: number, readonly sent: number } | null
} & ({ readonly kind: 'bytes', readonly chunk: Buffer } | { readonly kind: 'end' } | { readonly kind: 'reset' })

/** Enough for 50 ms of delay at 80 MB/s. Above it the source is not read, and TCP slows the sender. */
const queuedBytesMax = 4 * 1024 * 1024
/** Before anything has passed, the source is read this far behind a shut gate, to notice that it gives up. */
const unstartedBytesMax = 64 * 1024

/**
 * One direction of one connection: carries what `source` sends through a gate.
 *
 * While the gate is shut nothing passes, neither bytes nor the news that the
 * source has closed: a dropped link does not carry a FIN either. What the source
 * has sent already waits here and in the kernel's buffers, and flows on, in
 * order, once the gate opens: what TCP's retransmission does after a partition.
 * So a partition delays bytes of connections that live, and loses none.
 */
export class Pump {
  readonly #source: Socket
  readonly #gate: Gate
  readonly #makeSink: () => Socket
  readonly #queue: Item[] = []
  #queuedBytes = 0
  #sink: Socket | null = null
  #timer: NodeJS.Timeout | null = null
  #waitsForGate = false
  #waitsForSink = false
  #ended = false
  #reset = false
  #destroyed = false

  /** @param makeSink called once, when the first item has passed the gate */
  constructor(source: Socket, gate: Gate, makeSink: () => Socket) {
    this.#source = source
    this.#gate = gate
    this.#makeSink = makeSink
    source.on('data', (chunk: Buffer) => this.push(chunk))
    source.on('end', () => this.#close('end'))
    source.on('error', () => this.#close('reset'))
    source.on('close', () => { if (!this.#ended) this.#close('reset') })
  }

  /** Whether anything has passed the gate. */
  get started(): boolean {
    return this.#sink !== null
  }

  get destroyed(): boolean {
    return this.#destroyed
  }

  /** As if the source had sent it. */
  push(chunk: Buffer): void {
    this.#enqueue({ kind: 'bytes', chunk, ...this.#sent(chunk.length, 0) })
    this.#queuedBytes += chunk.length
    this.#drain()
    this.#regulate()
  }

  /** Forgets what is on its way; nothing passes any more. */
  destroy(): void {
    this.#destroyed = true
    this.#queue.length = 0
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** A reset may still follow an end: the source has died after it had said all. */
  #close(kind: 'end' | 'reset'): void {
    if (this.#reset || (kind === 'end' && this.#ended)) return
    this.#ended = true
    this.#reset = kind === 'reset'
    this.#enqueue({ kind, ...this.#sent(0, 0) })
    this.#drain()
  }

  #sent(bytes: number, again: number): Pick<Item, 'dueMs' | 'dropped'> {
    const passage = this.#gate.stream(bytes, again)
    if (passage.kind === 'stuck') return { dueMs: null, dropped: null }
    const dueMs = passage.delayMs === 0 ? 0 : performance.now() + passage.delayMs
    return { dueMs, dropped: passage.kind === 'again' ? { bytes: passage.bytes, sent: again + 1 } : null }
  }

  #enqueue(item: Item): void {
    if (!this.#destroyed) this.#queue.push(item)
  }

  /** Delivers what may pass now. Sees to it that it is called again when the next item may. */
  #drain(): void {
    while (!this.#destroyed && this.#queue.length > 0) {
      const item = this.#queue[0]!
      // It was too large: it is tried again whenever something ends, as TCP would.
      if (item.dueMs === null && this.#gate.open) Object.assign(item, this.#sent(item.kind === 'bytes' ? item.chunk.length : 0, 0))
      if (!this.#gate.open || item.dueMs === null) return this.#awaitEase()
      const waitMs = item.dueMs === 0 ? 0 : item.dueMs - performance.now()
      if (waitMs > 0) {
        // When what drops it ends, it need not wait for its next turn.
        if (item.dropped !== null) this.#awaitEase()
        this.#timer ??= setTimeout(() => { this.#timer = null; this.#drain(); this.#regulate() }, waitMs)
        return
      }
      if (item.dropped !== null) {
        Object.assign(item, this.#sent(item.dropped.bytes, item.dropped.sent))
        continue
      }
      if (this.#waitsForSink) return
      this.#queue.shift()
      this.#deliver(item)
    }
  }

  /** Goes on when the gate opens or a disturbance ends. */
  #awaitEase(): void {
    if (this.#waitsForGate) return
    this.#waitsForGate = true
    this.#gate.onceEased(() => {
      this.#waitsForGate = false
      const [first] = this.#queue
      if (first?.dropped != null) first.dueMs = 0
      this.#drain()
      this.#regulate()
    })
  }

  #deliver(item: Item): void {
    const sink = this.#sink ??= this.#makeSink()
    switch (item.kind) {
      case 'bytes': {
        this.#queuedBytes -= item.chunk.length
        this.#gate.count(item.chunk.length)
        // A sink that is gone reports itself through the pump of the other direction; bytes to it are lost.
        if (sink.destroyed || sink.writableEnded || sink.write(item.chunk)) return
        this.#waitsForSink = true
        const go = () => {
          sink.off('drain', go).off('close', go)
          this.#waitsForSink = false
          this.#drain()
          this.#regulate()
        }
        sink.on('drain', go).on('close', go)
        return
      }
      case 'end':
        sink.end()
        return
      case 'reset':
        resetSocket(sink)
        return
    }
  }

  /** Backpressure. Behind a shut gate a connection is not read: what its source sends fills the kernel's buffers, as on a dead link. */
  #regulate(): void {
    const bytesMax = this.#gate.open ? queuedBytesMax : this.started ? 1 : unstartedBytesMax
    if (this.#queuedBytes > 0 && (this.#waitsForSink || this.#queuedBytes >= bytesMax)) this.#source.pause()
    else if (this.#source.isPaused()) this.#source.resume()
  }
}
