import type { Socket } from 'node:net'
import type { Gate } from './gate.ts'

/** What is on its way: bytes, the end of the stream (FIN), or a reset (RST). Each passes the gate in its turn. */
type Item = {
  /** By performance.now(); 0: at once. Null: not before a disturbance ends. */
  dueMs: number | null
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
    this.#enqueue({ kind: 'bytes', chunk, dueMs: this.#dueMs(chunk.length) })
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
    this.#enqueue({ kind, dueMs: this.#dueMs(0) })
    this.#drain()
  }

  #dueMs(bytes: number): number | null {
    const passage = this.#gate.stream(bytes)
    if (passage.kind === 'stuck') return null
    return passage.delayMs === 0 ? 0 : performance.now() + passage.delayMs
  }

  #enqueue(item: Item): void {
    if (!this.#destroyed) this.#queue.push(item)
  }

  /** Delivers what may pass now. Sees to it that it is called again when the next item may. */
  #drain(): void {
    while (!this.#destroyed && this.#queue.length > 0) {
      const item = this.#queue[0]!
      // It was too large: it is tried again whenever something ends, as TCP would.
      if (item.dueMs === null && this.#gate.open) item.dueMs = this.#dueMs(item.kind === 'bytes' ? item.chunk.length : 0)
      if (!this.#gate.open || item.dueMs === null) {
        if (!this.#waitsForGate) this.#gate.onceEased(() => { this.#waitsForGate = false; this.#drain(); this.#regulate() })
        this.#waitsForGate = true
        return
      }
      const waitMs = item.dueMs === 0 ? 0 : item.dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer ??= setTimeout(() => { this.#timer = null; this.#drain(); this.#regulate() }, waitMs)
        return
      }
      if (this.#waitsForSink) return
      this.#queue.shift()
      this.#deliver(item)
    }
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
        sink.resetAndDestroy()
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
