/**
 * Copies of a few bytes each, many of them in one buffer, as Node's own pool has
 * them: a buffer for each takes several times as long to make.
 */
const blockBytes = 8 * 1024
/** Up to here a loop is done before Node's `copy` has looked at its arguments. */
const loopBytesMax = 32

export class ByteCopies {
  #block = new ArrayBuffer(blockBytes)
  #usedBytes = 0

  copy(bytes: Buffer, start: number, end: number): Uint8Array {
    const copy = this.#take(end - start)
    if (end - start <= loopBytesMax) for (let at = start; at < end; at++) copy[at - start] = bytes[at]!
    else bytes.copy(copy, 0, start, end)
    return copy
  }

  #take(length: number): Uint8Array {
    // Kept for long, it would keep little else.
    if (length > blockBytes / 4) return new Uint8Array(length)
    if (this.#usedBytes + length > blockBytes) {
      this.#block = new ArrayBuffer(blockBytes)
      this.#usedBytes = 0
    }
    this.#usedBytes += length
    return new Uint8Array(this.#block, this.#usedBytes - length, length)
  }
}
