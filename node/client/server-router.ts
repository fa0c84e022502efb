import type { Random } from '../base/random.ts'

export interface KnownServer {
  readonly name: string
  /** `host:port`. */
  readonly address: string
}

/**
 * Which server an agent asks (Consul's architecture, "RPC"): always the first
 * of a list in an order of the agent's own, so that agents spread over the
 * servers. One that failed goes to the end; now and then the list is shuffled,
 * that a server which came back, or came new, gets its share.
 */
export class ServerRouter {
  readonly #random: Random
  #servers: KnownServer[] = []

  constructor(random: Random) {
    this.#random = random
  }

  get servers(): readonly KnownServer[] {
    return this.#servers
  }

  /** Null: none is known. */
  get first(): KnownServer | null {
    return this.#servers[0] ?? null
  }

  /** Those that gossip knows now. Who stays keeps its place; newcomers get one by chance. */
  follow(known: readonly KnownServer[]): void {
    const isKnown = (server: KnownServer) => known.some((other) => other.name === server.name && other.address === server.address)
    const kept = this.#servers.filter(isKnown)
    for (const server of known) {
      if (kept.some((other) => other.name === server.name)) continue
      kept.splice(this.#random.between(0, kept.length + 1), 0, server)
    }
    this.#servers = kept
  }

  /** It could not be reached, or the connection to it broke. Nothing happens if another is asked already. */
  failed(address: string): void {
    const [first, ...rest] = this.#servers
    if (first?.address === address) this.#servers = [...rest, first]
  }

  shuffle(): void {
    const servers = [...this.#servers]
    for (let i = servers.length - 1; i > 0; i--) {
      const j = this.#random.between(0, i + 1)
      ;[servers[i], servers[j]] = [servers[j]!, servers[i]!]
    }
    this.#servers = servers
  }
}
