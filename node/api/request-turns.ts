import type { Duplex } from 'node:stream'
import type { ServerResponse } from 'node:http'

/**
 * Requests that a client sends without waiting for answers, one after another:
 * the next begins when the answer before is out. All at once, a client that
 * asks a thousand times for the whole store, and reads nothing, would have a
 * thousand copies of it made.
 */
export class RequestTurns {
  readonly #requestsMax: number
  readonly #bodyBytesMax: number
  readonly #waiting = new WeakMap<Duplex, { readonly tasks: { readonly begin: () => void, readonly bodyBytes: number }[], bodyBytes: number }>()

  /** Of one connection: how many may wait, with how many bytes of bodies. */
  constructor(requestsMax: number, bodyBytesMax: number) {
    this.#requestsMax = requestsMax
    this.#bodyBytesMax = bodyBytesMax
  }

  /** Calls `begin` at once, or when its turn comes, or never: the connection is gone, or more waited than may. */
  take(socket: Duplex, response: ServerResponse, bodyBytes: number, begin: () => void): void {
    response.once('close', () => this.#next(socket))
    const waiting = this.#waiting.get(socket)
    if (waiting === undefined) {
      this.#waiting.set(socket, { tasks: [], bodyBytes: 0 })
      return begin()
    }
    waiting.tasks.push({ begin, bodyBytes })
    waiting.bodyBytes += bodyBytes
    if (waiting.tasks.length > this.#requestsMax || waiting.bodyBytes > this.#bodyBytesMax) {
      waiting.tasks.length = 0
      socket.destroy()
    }
  }

  #next(socket: Duplex): void {
    const waiting = this.#waiting.get(socket)
    if (waiting === undefined || socket.destroyed) return
    const next = waiting.tasks.shift()
    if (next === undefined) return void this.#waiting.delete(socket)
    waiting.bodyBytes -= next.bodyBytes
    next.begin()
  }
}
