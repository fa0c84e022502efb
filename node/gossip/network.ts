/**
 * The port through which a member of a gossip cluster meets others: datagrams,
 * and requests with one answer each, at the same addresses.
 */
export interface GossipNetwork {
  /** The `host:port` that others reach this member at. */
  readonly address: string
  /** Best effort. Never throws, never blocks. */
  sendPacket(address: string, bytes: Uint8Array): void
  /** One receiver. `from` is where an answer goes. */
  onPacket(receive: (from: string, bytes: Uint8Array) => void): void
  /** `done` is called exactly once, at most `timeoutMs` later, unless the network is closed before. */
  request(address: string, bytes: Uint8Array, timeoutMs: number, done: (outcome: RequestOutcome) => void): void
  /** One answerer; null: no answer. The request came whole, but is not checked otherwise. */
  onRequest(answer: (bytes: Uint8Array) => Uint8Array | null): void
}

export type RequestOutcome = { readonly ok: true, readonly bytes: Uint8Array } | { readonly ok: false, readonly reason: string }
