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

/** Called for each index that moves: the table and, where the table is by name, the name's key; else an empty key. */
export type CatalogTouch = (table: CatalogTouched, key: string) => void

export type CatalogTouched = 'catalog-nodes' | 'catalog-services' | 'catalog-checks' | 'catalog-service' | 'catalog-service-health'

export type CatalogInterest =
  | { readonly kind: 'table', readonly table: CatalogTouched }
  | { readonly kind: 'key', readonly table: CatalogTouched, readonly key: string }

/**
 * Whose touches move the index of `watch`. Who waits for a service that does
 * not exist hears of its registration, and not of others that go extinct.
 */
export function interestsOf(watch: CatalogWatch, serviceKey: (name: string) => string): CatalogInterest[] {
  switch (watch.kind) {
    case 'nodes': return [{ kind: 'table', table: 'catalog-nodes' }]
    case 'services': return [{ kind: 'table', table: 'catalog-services' }]
    case 'checks': return [{ kind: 'table', table: 'catalog-checks' }]
    case 'nodes-and-services': return [{ kind: 'table', table: 'catalog-nodes' }, { kind: 'table', table: 'catalog-services' }]
    case 'service': return [{ kind: 'key', table: 'catalog-service', key: serviceKey(watch.name) }]
    case 'service-health': return [{ kind: 'key', table: 'catalog-service-health', key: serviceKey(watch.name) }]
  }
}

export interface IndexesDump {
  readonly nodes: number
  readonly services: number
  readonly checks: number
  readonly lastExtinction: number
  readonly byService: readonly (readonly [key: string, catalog: number, health: number])[]
}

export class CatalogIndexes {
  #nodes = 0
  #services = 0
  #checks = 0
  #lastExtinction = 0
  readonly #byService = new Map<string, { catalog: number, health: number }>()

  readonly #touch: CatalogTouch

  constructor(touch: CatalogTouch) {
    this.#touch = touch
  }

  set nodes(index: number) {
    this.#nodes = index
    this.#touch('catalog-nodes', '')
  }

  set services(index: number) {
    this.#services = index
    this.#touch('catalog-services', '')
  }

  set checks(index: number) {
    this.#checks = index
    this.#touch('catalog-checks', '')
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
    this.#touch('catalog-service', key)
    this.#touch('catalog-service-health', key)
  }

  checksChanged(key: string, index: number): void {
    const service = this.#byService.get(key)
    if (service === undefined) return
    service.health = index
    this.#touch('catalog-service-health', key)
  }

  /** The last instance went. */
  extinct(key: string, index: number): void {
    this.#byService.delete(key)
    this.#lastExtinction = index
    this.#touch('catalog-service', key)
    this.#touch('catalog-service-health', key)
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
