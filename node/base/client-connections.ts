/** Connections of each client, by its address: one client alone must not take all that the process has. */
export class ClientConnections {
  readonly #perClientMax: number
  readonly #open = new Map<string, number>()

  constructor(perClientMax: number) {
    this.#perClientMax = perClientMax
  }

  /** Null: the client has as many as it may. Else what to call when the connection is gone. */
  enter(address: string): (() => void) | null {
    const open = this.#open.get(address) ?? 0
    if (open >= this.#perClientMax) return null
    this.#open.set(address, open + 1)
    let left = false
    return () => {
      if (left) return
      left = true
      const before = this.#open.get(address)!
      if (before === 1) this.#open.delete(address)
      else this.#open.set(address, before - 1)
    }
  }

  /** Clients with a connection. */
  get size(): number {
    return this.#open.size
  }
}
