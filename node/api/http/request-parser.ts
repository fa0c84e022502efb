/**
 * HTTP/1.1 requests out of a connection's bytes (RFC 9112), strict where two
 * readers of the same bytes could disagree about where a request ends: a bare
 * line feed, a folded header, two lengths, or a length beside chunks are refused.
 *
 * Why not Node.js's own: it makes two streams and some forty objects of every
 * request. With bodies of a few bytes that was four fifths of what a write cost
 * the leader; this reads the same request in a tenth of the time.
 */
import { ChunkedBody } from './chunked-body.ts'
import { type Fields, parseFields } from './header-fields.ts'

export interface HttpRequest {
  readonly method: string
  /** Path and query, still percent-encoded. Bytes outside ASCII are encoded too. */
  readonly target: string
  /** Names in lower case; repeated ones joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** The connection may serve another request after this one. */
  readonly keepAlive: boolean
  /** 1.0 has to be told that the connection stays. */
  readonly version: '1.0' | '1.1'
}

export type Parsed =
  | { readonly kind: 'request', readonly request: HttpRequest }
  /** More bytes are needed. */
  | { readonly kind: 'incomplete' }
  /** The client waits for `100 Continue` before it sends the body. */
  | { readonly kind: 'continue' }
  /** The body is, or has come to be, of so many bytes: above the limit. Nothing after it can be read. */
  | { readonly kind: 'too-large', readonly bodyBytes: number }
  /** Not HTTP, or not ours. Nothing after it can be read. */
  | { readonly kind: 'refused', readonly status: 400 | 417 | 431 | 501 | 505 }

/** A request's line and headers; a key travels in there. */
const headBytesMax = 16 * 1024
const headEnd = Buffer.from('\r\n\r\n')
const noBytes = Buffer.alloc(0)
const incomplete = { kind: 'incomplete' } as const
const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~\x80-\xff]+) HTTP\/1\.([01])$/

interface Head {
  readonly method: string
  readonly target: string
  readonly version: '1.0' | '1.1'
  readonly fields: Fields
}

/** One for each connection. Give it bytes with `push`, then take what they hold with `next` until that is incomplete. */
export class RequestParser {
  readonly #bodyBytesMax: number
  /** Bytes not consumed yet, from `#at` on. */
  #buffer: Buffer = noBytes
  #at = 0
  #head: Head | null = null
  /** Parts of a body whose length is known. */
  #parts: Buffer[] = []
  #partBytes = 0
  #chunked: ChunkedBody | null = null
  #failure: Parsed | null = null
  /** A client tends to send the same headers again and again. */
  #lastFieldsText = ''
  #lastFields: Fields | null = null

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax
  }

  /** Given, but not consumed by a request. */
  get pendingBytes(): number {
    return this.#buffer.length - this.#at + this.#partBytes + (this.#chunked?.bodyBytes ?? 0)
  }

  /** Nothing of a request has come yet. */
  get isBetweenRequests(): boolean {
    return this.#head === null && this.#at === this.#buffer.length
  }

  push(chunk: Buffer): void {
    this.#buffer = this.#at === this.#buffer.length ? chunk : Buffer.concat([this.#buffer.subarray(this.#at), chunk])
    this.#at = 0
  }

  next(): Parsed {
    if (this.#failure !== null) return this.#failure
    const parsed = this.#head === null ? this.#readHead() : this.#readBody(this.#head)
    if (parsed.kind === 'too-large' || parsed.kind === 'refused') this.#failure = parsed
    return parsed
  }

  #readHead(): Parsed {
    const buffer = this.#buffer
    // Empty lines before a request are forgiven (RFC 9112 §2.2).
    while (buffer[this.#at] === 13 && buffer[this.#at + 1] === 10) this.#at += 2
    const end = buffer.indexOf(headEnd, this.#at)
    if ((end < 0 ? buffer.length : end) - this.#at > headBytesMax) return { kind: 'refused', status: 431 }
    if (end < 0) return incomplete
    const text = buffer.latin1Slice(this.#at, end)
    this.#at = end + headEnd.length
    const lineEnd = text.indexOf('\r\n')
    const line = lineEnd < 0 ? text : text.slice(0, lineEnd)
    const [, method, target, minor] = requestLine.exec(line) ?? []
    if (method === undefined || target === undefined) return { kind: 'refused', status: / HTTP\/\d\.\d$/.test(line) && !/ HTTP\/1\.[01]$/.test(line) ? 505 : 400 }
    const fields = this.#fields(lineEnd < 0 ? '' : text.slice(lineEnd + 2))
    if (fields === null) return { kind: 'refused', status: 400 }
    return this.#begin({ method, target: pathOf(target), version: minor === '1' ? '1.1' : '1.0', fields })
  }

  #fields(text: string): Fields | null {
    if (text === this.#lastFieldsText && this.#lastFields !== null) return this.#lastFields
    const fields = parseFields(text)
    this.#lastFieldsText = text
    this.#lastFields = fields
    return fields
  }

  #begin(head: Head): Parsed {
    const { fields, version } = head
    // A chunked 1.0 request, or one without the host that 1.1 demands, comes from no honest client.
    if (version === '1.1' ? fields.hosts !== 1 : fields.hosts > 1 || fields.transferEncoding !== null) return { kind: 'refused', status: 400 }
    if (fields.transferEncoding !== null && fields.transferEncoding !== 'chunked') return { kind: 'refused', status: 501 }
    if (fields.expect !== null && fields.expect !== '100-continue') return { kind: 'refused', status: 417 }
    if (fields.contentLength > this.#bodyBytesMax) return { kind: 'too-large', bodyBytes: fields.contentLength }
    if (fields.transferEncoding === null && fields.contentLength === 0) return this.#finish(head, noBytes)
    this.#head = head
    if (fields.transferEncoding !== null) this.#chunked = new ChunkedBody(this.#bodyBytesMax)
    const nothingCame = this.#at === this.#buffer.length
    return fields.expect !== null && version === '1.1' && nothingCame ? { kind: 'continue' } : this.#readBody(head)
  }

  #readBody(head: Head): Parsed {
    if (this.#chunked !== null) return this.#readChunks(head, this.#chunked)
    const missingBytes = head.fields.contentLength - this.#partBytes
    const part = this.#buffer.subarray(this.#at, this.#at + missingBytes)
    this.#at += part.length
    if (part.length === missingBytes) return this.#finish(head, this.#parts.length === 0 ? part : Buffer.concat([...this.#parts, part]))
    if (part.length > 0) this.#parts.push(part)
    this.#partBytes += part.length
    return incomplete
  }

  #readChunks(head: Head, chunked: ChunkedBody): Parsed {
    const { state, consumedBytes } = chunked.take(this.#buffer.subarray(this.#at))
    this.#at += consumedBytes
    switch (state) {
      case 'complete': return this.#finish(head, chunked.body())
      case 'incomplete': return incomplete
      case 'too-large': return { kind: 'too-large', bodyBytes: chunked.bodyBytes }
      case 'malformed': return { kind: 'refused', status: 400 }
    }
  }

  #finish({ method, target, version, fields }: Head, body: Buffer): Parsed {
    this.#head = null
    this.#chunked = null
    this.#parts = []
    this.#partBytes = 0
    const keepAlive = !fields.close && (version === '1.1' || fields.keepAlive)
    return { kind: 'request', request: { method, target, headers: fields.headers, body, keepAlive, version } }
  }
}

/** Of `http://host/path` the path, as a proxy may send it; raw bytes percent-encoded, so that they are read as UTF-8. */
function pathOf(target: string): string {
  const path = target.startsWith('/') || target === '*' ? target : target.replace(/^https?:\/\/[^/?#]*/i, '')
  const rooted = path === '' || path.startsWith('?') ? `/${path}` : path
  return /[\x80-\xff]/.test(rooted) ? rooted.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`) : rooted
}
