/**
 * The indexes by which a blocking query learns that what it read has changed
 * (Consul's documentation, "Blocking Queries"; the rules were observed on 1.8):
 *
 * - a table's: the last command that changed anything in it;
 * - a service's, for the catalog: the last change of an instance or of a node
 *   that carries one;
 * - a service's, for health: that, or a change of a check of an instance or of
 *   its node;
 * - of a service that does not exist: the last time that any service lost its
 *   last instance. A first registration is later, so that it wakes who waits,
 *   and the index cannot fall when a service goes.
 */

import type { Interest, Watches } from './watches.ts'

/** What a read depends on. A watcher wakes when `CatalogReader.indexOf` of it has risen. */
export type CatalogWatch =
  | { readonly kind: 'nodes' }
  | { readonly kind: 'services' }
  | { readonly kind: 'checks' }
  /** Nodes and services: what runs on one node. */
  | { readonly kind: 'nodes-and-services' }
  /** Instances of one service and their nodes. */
  | { readonly kind: 'service', readonly name: string }
  /** These, and their checks. */
  | { readonly kind: 'service-health', readonly name: string }

export interface IndexesDump {
  readonly nodes: number
  readonly services: number
  readonly checks: number
  readonly lastExtinction: number
  readonly byService: readonly (readonly [key: string, catalog: number, health: number])[]
}

const nodesTable = 'catalog-nodes'
const servicesTable = 'catalog-services'
const checksTable = 'catalog-checks'
/** By the service's key. */
const instancesTable = 'catalog-service-instances'
const healthTable = 'catalog-service-health'

/** What to wait for so as to hear when the index of `watch` moves. */
export function interestsOf(watch: CatalogWatch, serviceKey: (name: string) => string): readonly Interest[] {
  const whole = (table: string): Interest => ({ kind: 'table', table })
  switch (watch.kind) {
    case 'nodes': return [whole(nodesTable)]
    case 'services': return [whole(servicesTable)]
    case 'checks': return [whole(checksTable)]
    case 'nodes-and-services': return [whole(nodesTable), whole(servicesTable)]
    case 'service': return [{ kind: 'key', table: instancesTable, key: serviceKey(watch.name) }]
    case 'service-health': return [{ kind: 'key', table: healthTable, key: serviceKey(watch.name) }]
  }
}

export class CatalogIndexes {
  readonly #watches: Pick<Watches, 'touch'>
  #nodes = 0
  #services = 0
  #checks = 0
  #lastExtinction = 0
  readonly #byService = new Map<string, { catalog: number, health: number }>()

  constructor(watches: Pick<Watches, 'touch'>) {
    this.#watches = watches
  }

  nodesChanged(index: number): void {
    this.#nodes = index
    this.#watches.touch(nodesTable, '')
  }

  servicesChanged(index: number): void {
    this.#services = index
    this.#watches.touch(servicesTable, '')
  }

  checkTableChanged(index: number): void {
    this.#checks = index
    this.#watches.touch(checksTable, '')
  }

  /** At least 1, as in `X-Consul-Index`. */
  of(watch: CatalogWatch, serviceKey: (name: string) => string): number {
    switch (watch.kind) {
      case 'nodes': return Math.max(1, this.#nodes)
      case 'services': return Math.max(1, this.#services)
      case 'checks': return Math.max(1, this.#checks)
      case 'nodes-and-services': return Math.max(1, this.#nodes, this.#services)
      case 'service': return Math.max(1, this.#byService.get(serviceKey(watch.name))?.catalog ?? this.#lastExtinction)
      case 'service-health': return Math.max(1, this.#byService.get(serviceKey(watch.name))?.health ?? this.#lastExtinction)
    }
  }

  instancesChanged(key: string, index: number): void {
    this.#byService.set(key, { catalog: index, health: index })
    this.#touchService(key)
  }

  checksChanged(key: string, index: number): void {
    const service = this.#byService.get(key)
    if (service === undefined) return
    service.health = index
    this.#watches.touch(healthTable, key)
  }

  /** The last instance went. */
  extinct(key: string, index: number): void {
    this.#byService.delete(key)
    this.#lastExtinction = index
    this.#touchService(key)
  }

  #touchService(key: string): void {
    this.#watches.touch(instancesTable, key)
    this.#watches.touch(healthTable, key)
  }

  dump(): IndexesDump {
    const byService = [...this.#byService].map(([key, { catalog, health }]) => [key, catalog, health] as const)
    return { nodes: this.#nodes, services: this.#services, checks: this.#checks, lastExtinction: this.#lastExtinction, byService: byService.sort(([a], [b]) => a < b ? -1 : 1) }
  }

  restore(dump: IndexesDump): void {
    this.#nodes = dump.nodes
    this.#services = dump.services
    this.#checks = dump.checks
    this.#lastExtinction = dump.lastExtinction
    this.#byService.clear()
    for (const [key, catalog, health] of dump.byService) this.#byService.set(key, { catalog, health })
  }
}
