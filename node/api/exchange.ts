/** A request and a response of the HTTP API, apart from any socket. */
export interface ApiRequest {
  readonly method: string
  /** As on the request line, still percent-encoded: `/v1/kv/a%20b?cas=3`. */
  readonly target: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
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
}

/** Answers exactly once, perhaps later, never throws. */
export type ApiHandler = (request: ApiRequest, respond: (response: ApiResponse) => void) => void
