/**
 * Carries messages between servers. A link is directed: what A sends to B
 * travels over what A dialled, what B sends to A over what B dialled, so that
 * one direction can fail alone. Best effort: a message may be lost, and is
 * dropped at once where there is no connection or too much is queued; order
 * within a link is kept while it lasts.
 */
export interface Transport {
  /** The `host:port` that others know this server by. */
  readonly address: string
  /** `address`: the receiver's advertised address. Never throws, never blocks. */
  send(address: string, message: unknown): void
  /** One receiver; the messages are decoded but not validated. Set before `send`. */
  onMessage(receive: (message: unknown) => void): void
  close(): void
}
