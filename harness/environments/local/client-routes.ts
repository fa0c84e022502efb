/** Whom clients reach through a door, and not directly: as long as any fault needs it. */
export class ClientRoutes {
  readonly #faults = new Map<string, number>()

  isRouted(member: string): boolean {
    return this.#faults.has(member)
  }

  /** From now on. Returns what ends this fault's part in it; once is enough. */
  route(member: string): () => void {
    this.#faults.set(member, (this.#faults.get(member) ?? 0) + 1)
    let routed = true
    return () => {
      if (!routed) return
      routed = false
      const left = this.#faults.get(member)! - 1
      if (left > 0) this.#faults.set(member, left)
      else this.#faults.delete(member)
    }
  }
}
