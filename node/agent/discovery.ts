import type { Log } from '../base/log.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { JoinEnvelope } from '../driver/envelope.ts'
import type { Configuration, Server } from '../raft/entry.ts'

export interface DiscoveryPorts {
  readonly self: Server
  /** 0: never form a cluster, wait to be taken into one. */
  readonly bootstrapExpect: number
  /** Addresses of other servers. */
  readonly retryJoin: readonly string[]
  readonly scheduler: Scheduler
  readonly log: Log
  readonly send: (address: string, envelope: JoinEnvelope) => void
  /** Whether this server's log is not empty. */
  readonly formed: () => boolean
  readonly bootstrap: (configuration: Configuration) => void
}

const askIntervalMs = 100
/** What a join may name (`envelope.ts`): who names ever new servers must not fill the memory. */
const serversMax = 1000

/**
 * How servers with `-bootstrap-expect N` find each other and agree on the
 * first configuration. (Gossip will take this over; it stands behind a small
 * port for that.)
 *
 * Each asks its `-retry-join` addresses, and every server it hears of, for the
 * servers they know. One forms the cluster when it knows N servers or more,
 * itself included, none has a log, and each of the others said that it knows
 * the very same ones. Why no two first configurations A and B come of that:
 *
 * 1. Say P formed A, Q formed B, and they share a server R, which said A to P
 *    and B to Q, and had no log then. What a server knows only grows: let A be
 *    the smaller.
 * 2. P is in A, so in B: to form B, Q had to hear B from P, without a log.
 * 3. P knew A and no more when it formed A. It can say B only later, and then
 *    it has a log.
 *
 * Without a shared server there are twice as many servers as are expected, in
 * two groups that have not heard of each other yet: expect a majority of them.
 */
export class Discovery {
  readonly #ports: DiscoveryPorts
  readonly #known = new Map<string, Server>()
  /** What each other server said it knows, as one comparable text; null if it did not say. */
  readonly #said = new Map<string, string>()
  #clusterExists = false
  /** Of servers that something else found: gossip. */
  readonly #found = new Set<string>()
  #timer: Cancel | null = null

  constructor(ports: DiscoveryPorts) {
    this.#ports = ports
    this.#known.set(ports.self.id, ports.self)
  }

  start(): void {
    if (this.#ports.formed()) return
    this.#tryBootstrap()
    this.#askAgain()
  }

  stop(): void {
    this.#timer?.()
    this.#timer = null
  }

  /** Of a server that this one has heard of; null for a stranger. A leader writes to servers that have no configuration yet. */
  addressOf(id: string): string | null {
    return this.#known.get(id)?.address ?? null
  }

  /** A server is said to be at this address. */
  addAddress(address: string): void {
    if (address !== this.#ports.self.address && this.#found.size < serversMax) this.#found.add(address)
  }

  receive(envelope: JoinEnvelope): void {
    const { from, bootstrapExpect, formed, known } = envelope
    if (from.id === this.#ports.self.id) return
    for (const server of [from, ...known]) this.#learn(server)
    if (envelope.wantsAnswer) this.#ports.send(from.address, this.#envelope(false))
    if (formed) this.#clusterExists = true
    else if (bootstrapExpect === this.#ports.bootstrapExpect && this.#known.has(from.id)) this.#said.set(from.id, asText(known))
    this.#tryBootstrap()
  }

  #learn(server: Server): void {
    const { log } = this.#ports
    const before = this.#known.get(server.id)
    if (before !== undefined || this.#known.size >= serversMax) return
    const sameName = [...this.#known.values()].find((other) => other.name === server.name)
    if (sameName !== undefined) log.warn('two servers have the same node name; give each its own -node', { name: server.name, one: sameName.address, other: server.address })
    this.#known.set(server.id, server)
    log.info('found a server', { name: server.name, address: server.address })
  }

  #tryBootstrap(): void {
    const { bootstrapExpect, self, log } = this.#ports
    if (this.#ports.formed() || this.#clusterExists || bootstrapExpect === 0 || this.#known.size < bootstrapExpect) return
    const voters = [...this.#known.values()]
    const own = asText(voters)
    if (voters.some((server) => server.id !== self.id && this.#said.get(server.id) !== own)) return
    log.info('found the expected servers; forming the cluster', { servers: voters.map((server) => `${server.name} ${server.address}`).join(', ') })
    this.#ports.bootstrap({ voters })
    // The others may still wait to hear that this one knows them all.
    this.#ask()
  }

  #askAgain(): void {
    if (this.#ports.formed()) return
    this.#ask()
    this.#timer = this.#ports.scheduler.after(askIntervalMs, () => this.#askAgain())
  }

  #ask(): void {
    const { self, retryJoin } = this.#ports
    const addresses = new Set([...retryJoin, ...this.#found, ...[...this.#known.values()].map((server) => server.address)])
    addresses.delete(self.address)
    for (const address of addresses) this.#ports.send(address, this.#envelope(true))
  }

  #envelope(wantsAnswer: boolean): JoinEnvelope {
    const { self, bootstrapExpect } = this.#ports
    return { channel: 'join', from: self, bootstrapExpect, formed: this.#ports.formed(), known: [...this.#known.values()], wantsAnswer }
  }
}

/** The same servers give the same text, in whatever order. */
function asText(servers: readonly Server[]): string {
  return servers.map(({ id, name, address }) => `${id} ${name} ${address}`).sort().join('\n')
}
