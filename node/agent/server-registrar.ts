import { isIPv4, isIPv6 } from 'node:net'
import type { Log } from '../base/log.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { ReadOutcome, WriteOutcome } from '../driver/requests.ts'
import type { Server } from '../raft/entry.ts'
import type { CatalogReader } from '../state/catalog.ts'
import type { CatalogRegister } from '../state/catalog-commands.ts'
import { encodeCommand } from '../state/commands.ts'
import { parseAddress } from '../transport/address.ts'
import { serfCheckId, serfHealth } from '../leader/catalog-plan.ts'

export interface ServerRegistrarPorts {
  readonly catalog: CatalogReader
  readonly scheduler: Scheduler
  readonly log: Log
  readonly isLeader: () => boolean
  readonly servers: () => readonly Server[]
  /** `done` comes when the leader has applied everything that its predecessors committed. */
  readonly awaitRead: (mode: 'lease', done: (outcome: ReadOutcome) => void) => void
  readonly write: (command: Uint8Array, done: (outcome: WriteOutcome) => void) => void
}

/** As often as Consul's leader compares its members with the catalog. */
const reconcileMs = 60_000
/** After a failure, and while the leader's term begins. */
const retryMs = 1000

/**
 * The leader enters the servers of the Raft configuration into the catalog:
 * as nodes that carry the service `consul` and pass `serfHealth`. Only where
 * there is no gossip (`leader-duties.ts` goes by that), so it knows of no
 * failures, and a check that stands there already is left as it is.
 */
export class ServerRegistrar {
  readonly #ports: ServerRegistrarPorts
  #timer: Cancel | null = null
  #stopped = false

  constructor(ports: ServerRegistrarPorts) {
    this.#ports = ports
  }

  /** The member's role may have changed. */
  roleChanged(): void {
    this.#timer?.()
    this.#timer = null
    if (this.#ports.isLeader()) this.#later(0)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.()
    this.#timer = null
  }

  #later(delayMs: number): void {
    if (this.#stopped) return
    this.#timer?.()
    this.#timer = this.#ports.scheduler.after(delayMs, () => this.#reconcile())
  }

  #reconcile(): void {
    const ports = this.#ports
    this.#later(reconcileMs)
    ports.awaitRead('lease', (outcome) => {
      if (this.#stopped || !ports.isLeader()) return
      if (outcome.kind !== 'ready') return this.#later(retryMs)
      for (const server of ports.servers()) this.#register(server)
    })
  }

  #register(server: Server): void {
    const { catalog, log, write } = this.#ports
    const command = registrationOf(server, catalog)
    if (command === null) return
    write(encodeCommand(command), (outcome) => {
      if (outcome.kind === 'applied') return
      // It would be refused again: the next round is soon enough.
      if (outcome.kind === 'invalid') return log.warn('a server cannot be entered into the catalog', { server: server.name, reason: outcome.problem })
      if (this.#ports.isLeader()) this.#later(retryMs)
    })
  }
}

/** Null if the catalog has it all. */
function registrationOf(server: Server, catalog: CatalogReader): CatalogRegister | null {
  const { host, port } = parseAddress(server.address) ?? { host: server.address, port: 0 }
  const found = catalog.node(server.name).value
  const hasService = found?.services.some((service) => service.id === 'consul' && service.port === port) ?? false
  const hasCheck = catalog.nodeChecks(server.name).value.some((check) => check.checkId === serfCheckId)
  if (found !== null && found.node.address === host && found.node.id === server.id && hasService && hasCheck) return null
  return {
    kind: 'catalog-register', skipNodeUpdate: false,
    node: {
      name: server.name, id: server.id, address: host,
      taggedAddresses: nodeAddresses(host), meta: { 'consul-network-segment': '' },
    },
    service: {
      id: 'consul', name: 'consul', tags: [], address: '', taggedAddresses: null, port, meta: null,
      weights: { passing: 1, warning: 1 }, enableTagOverride: false,
    },
    checks: hasCheck ? [] : [serfHealth('passing')],
  }
}

export function nodeAddresses(host: string): Record<string, string> {
  const family = isIPv4(host) ? 'ipv4' : isIPv6(host) ? 'ipv6' : null
  return { lan: host, ...family === null ? {} : { [`lan_${family}`]: host }, wan: host, ...family === null ? {} : { [`wan_${family}`]: host } }
}
