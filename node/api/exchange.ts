import type { Readable } from 'node:stream'

/** A request and a response of the HTTP API, apart from any socket. */
export interface ApiRequest {
  readonly method: string
  /** As on the request line, still percent-encoded: `/v1/kv/a%20b?cas=3`. */
  readonly target: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
  /** In place of `body`, which is empty then, where that may be large: the pieces as they came. */
  readonly pieces?: readonly Uint8Array[]
  /** The node of the client agent that passes the request on. Absent: it came to this very member. */
  readonly agent?: string
  /** Calls `gone` when nobody waits for the answer any more; perhaps at once, perhaps also behind the answer. Absent: never known. */
  readonly onGone?: (gone: () => void) => void
}

export interface ApiResponse {
  readonly status: number
  /** Names as Consul writes them, `X-Consul-Index`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string
  /** In place of `body`, which is empty then: made while it is sent. Must be read or destroyed. */
  readonly source?: Readable
  /**
   * In place of `body`: one that comes bit by bit and has no end of its own.
   * `write` says false to what the client was too slow for: that is not sent.
   * Returns what is to be done when the client is gone.
   */
  readonly stream?: (write: (text: string) => boolean) => () => void
}

/** Answers exactly once, perhaps later, never throws. */
export type ApiHandler = (request: ApiRequest, respond: (response: ApiResponse) => void) => void
