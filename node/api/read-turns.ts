/** An answer of so many bytes takes a good part of a tenth of a second to make. */
const largeBytesMin = 1024 * 1024

/**
 * Lets the process do something else between large answers. Reads that arrive
 * together are else all answered in one turn of its loop, and sixty of the
 * whole store are ten seconds in which no write gets on.
 */
export class ReadTurns {
  readonly #waiting: (() => void)[] = []
  #madeLarge = false
  #scheduled = false

  /** Calls `begin` at once, or in a later turn if a large answer was made in this one. */
  take(begin: () => void): void {
    if (!this.#madeLarge && this.#waiting.length === 0) return begin()
    this.#waiting.push(begin)
  }

  /** An answer was made, of so many bytes. */
  made(bytes: number): void {
    if (bytes < largeBytesMin) return
    this.#madeLarge = true
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#goOn())
  }

  #goOn(): void {
    this.#scheduled = false
    this.#madeLarge = false
    while (!this.#madeLarge && this.#waiting.length > 0) this.#waiting.shift()!()
  }
}
