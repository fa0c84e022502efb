type Step = 'size' | 'data' | 'data-end' | 'trailer' | 'complete'
type State = 'complete' | 'incomplete' | 'too-large' | 'malformed'

/** A line with a chunk's size and extensions, or a trailer. */
const lineBytesMax = 4096
const lineEnd = Buffer.from('\r\n')

/** A body in chunks (RFC 9112 §7.1). Extensions and trailers are read and forgotten. */
export class ChunkedBody {
  readonly #bodyBytesMax: number
  readonly #parts: Buffer[] = []
  #step: Step = 'size'
  /** Of the chunk that is under way. */
  #missingBytes = 0
  #trailers = 0
  /** Received, or announced by a chunk that would go above the limit. */
  bodyBytes = 0

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax
  }

  body(): Buffer {
    return Buffer.concat(this.#parts)
  }

  /** Consumes what it can of `bytes`; the rest is to be given again, with more behind it. */
  take(bytes: Buffer): { readonly state: State, readonly consumedBytes: number } {
    let at = 0
    for (;;) {
      if (this.#step === 'complete') return { state: 'complete', consumedBytes: at }
      if (this.#step === 'data') {
        const part = bytes.subarray(at, at + this.#missingBytes)
        if (part.length === 0) return { state: 'incomplete', consumedBytes: at }
        at += part.length
        this.#missingBytes -= part.length
        this.#parts.push(part)
        if (this.#missingBytes === 0) this.#step = 'data-end'
        continue
      }
      const end = bytes.indexOf(lineEnd, at)
      if ((end < 0 ? bytes.length : end) - at > lineBytesMax) return { state: 'malformed', consumedBytes: at }
      if (end < 0) return { state: 'incomplete', consumedBytes: at }
      const problem = this.#line(bytes.latin1Slice(at, end))
      if (problem !== null) return { state: problem, consumedBytes: at }
      at = end + lineEnd.length
    }
  }

  #line(text: string): 'malformed' | 'too-large' | null {
    if (this.#step === 'data-end') {
      this.#step = 'size'
      return text === '' ? null : 'malformed'
    }
    if (this.#step === 'trailer') {
      if (text === '') this.#step = 'complete'
      return ++this.#trailers > 64 ? 'malformed' : null
    }
    const [, digits] = /^([0-9A-Fa-f]{1,8})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/.exec(text) ?? []
    if (digits === undefined) return 'malformed'
    this.#missingBytes = Number.parseInt(digits, 16)
    this.bodyBytes += this.#missingBytes
    this.#step = this.#missingBytes === 0 ? 'trailer' : 'data'
    return this.bodyBytes > this.#bodyBytesMax ? 'too-large' : null
  }
}
