/**
 * What the fake cluster knows of its servers and their services: enough of
 * Consul's "Agent" and "Operator" endpoints for faults of membership and of
 * services. A server that lives is taken in at once under the id it has.
 */
export class FakeAgents {
  readonly #ids = new Map<string, string>()
  readonly #configured = new Map<string, string>()
  readonly #services = new Map<string, Map<string, string>>()
  readonly #votes: (name: string) => boolean
  /** Ids that are never taken in again; null: all are. */
  readonly #removed: Set<string> | null
  #wipes = 0

  constructor(names: readonly string[], configured: readonly string[], votes: (name: string) => boolean = () => true, removedStayOut = false) {
    this.#votes = votes
    this.#removed = removedStayOut ? new Set() : null
    for (const name of names) this.#ids.set(name, `id-of-${name}`)
    for (const name of configured) this.#configured.set(name, this.idOf(name))
  }

  idOf(name: string): string {
    return this.#ids.get(name)!
  }

  wipe(name: string): void {
    this.#ids.set(name, `id-of-${name}-${++this.#wipes}`)
    this.#services.delete(name)
  }

  /** Null: none of these endpoints. */
  answer(member: string, method: string, url: URL, body: Uint8Array | string | undefined, lives: (name: string) => boolean): string | null {
    const { pathname } = url
    if (pathname === '/v1/operator/raft/configuration') {
      for (const name of this.#ids.keys()) if (lives(name) && this.#removed?.has(this.idOf(name)) !== true) this.#configured.set(name, this.idOf(name))
      return JSON.stringify({ Servers: [...this.#configured].map(([Node, ID]) => ({ ID, Node, Voter: this.#votes(Node) })) })
    }
    if (pathname === '/v1/operator/raft/peer' && method === 'DELETE') {
      for (const [name, id] of this.#configured) if (id === url.searchParams.get('id')) this.#remove(name)
      return ''
    }
    if (pathname === '/v1/agent/leave') {
      this.#remove(member)
      return ''
    }
    return this.#service(this.#servicesOf(member), pathname, body)
  }

  #remove(name: string): void {
    this.#removed?.add(this.idOf(name))
    this.#configured.delete(name)
  }

  #service(services: Map<string, string>, pathname: string, body: Uint8Array | string | undefined): string | null {
    if (pathname === '/v1/agent/checks') return JSON.stringify(Object.fromEntries([...services].map(([id, Status]) => [id, { ServiceID: id, Status }])))
    if (pathname === '/v1/agent/service/register') {
      services.set((JSON.parse(String(body)) as { ID: string }).ID, 'passing')
      return ''
    }
    const [, action, id] = /^\/v1\/agent\/(?:service|check)\/(deregister|pass|fail)\/(?:check-of-)?(.+)$/.exec(pathname) ?? []
    if (action === undefined || id === undefined) return null
    if (action === 'deregister') services.delete(id)
    else services.set(id, action === 'pass' ? 'passing' : 'critical')
    return ''
  }

  #servicesOf(member: string): Map<string, string> {
    let services = this.#services.get(member)
    if (services === undefined) this.#services.set(member, services = new Map())
    return services
  }
}
