import type { CatalogCheck, CatalogNode, CatalogService, CheckDefinition, Indexed } from './catalog-types.ts'
import { sortKeys } from './sorted-keys.ts'

export type StoredCheck = CheckDefinition & Indexed

/** Names of nodes and services and ids are the same whatever their case: by this they are kept. */
export const keyOf = (name: string) => name.toLowerCase()

/** So many changes are known one by one; of a reader who comes later, everything may have changed. */
const changesMax = 1024

/** What a reader may know of a record. */
export type NodeRecordReader = Pick<NodeRecord, 'service' | 'check' | 'serviceKeys' | 'checkKeys' | 'mark' | 'changesSince'> & { readonly node: CatalogNode }

/** Up to where a reader knows a node's changes. */
export interface ChangeMark {
  readonly record: NodeRecord
  readonly count: number
}

/** Keys of the ids of what was written or has gone since. */
export interface NodeChanges {
  readonly services: ReadonlySet<string>
  readonly checks: ReadonlySet<string>
}

/**
 * A node, its services and its checks, with what finds a service's checks and
 * says whether a service of some name is there, so that a change costs what it
 * changes, however many others the node has. Entries are immutable.
 */
export class NodeRecord {
  node: CatalogNode
  readonly #services = new Map<string, CatalogService>()
  readonly #checks = new Map<string, StoredCheck>()
  /** Keys of checks by the key of their service's id; empty for the node's own. */
  readonly #checksOf = new Map<string, Set<string>>()
  /** How many services have a name, by its key. */
  readonly #names = new Map<string, number>()
  /** What changed, oldest first, since somebody first asked; `#forgotten` older ones are not known any more. */
  #changes: { readonly kind: 'services' | 'checks', readonly key: string }[] | null = null
  #forgotten = 0

  constructor(node: CatalogNode, services: Iterable<CatalogService> = [], checks: Iterable<StoredCheck> = []) {
    this.node = node
    for (const service of services) this.putService(service)
    for (const check of checks) this.putCheck(check)
  }

  /** Whose changes do not show here, nor the other way round. */
  copy(): NodeRecord {
    return new NodeRecord(this.node, this.#services.values(), this.#checks.values())
  }

  service(key: string): CatalogService | undefined {
    return this.#services.get(key)
  }

  check(key: string): StoredCheck | undefined {
    return this.#checks.get(key)
  }

  services(): CatalogService[] {
    return this.serviceKeys().map((key) => this.#services.get(key)!)
  }

  /** Not in order. */
  serviceNames(): Iterable<string> {
    return this.#names.keys()
  }

  carries(nameKey: string): boolean {
    return this.#names.has(nameKey)
  }

  checks(): StoredCheck[] {
    return this.checkKeys().map((key) => this.#checks.get(key)!)
  }

  hasChecks(serviceKey?: string): boolean {
    return serviceKey === undefined ? this.#checks.size > 0 : this.#checksOf.has(serviceKey)
  }

  /** In order of their bytes, as all lists: the order of insertion is another after a snapshot. */
  serviceKeys(): string[] {
    return sortKeys(this.#services.keys())
  }

  checkKeys(): string[] {
    return sortKeys(this.#checks.keys())
  }

  /** Of one service. */
  checkKeysOf(serviceKey: string): string[] {
    return sortKeys(this.#checksOf.get(serviceKey) ?? [])
  }

  /** As readers see it. */
  shown(check: StoredCheck): CatalogCheck {
    const service = check.serviceId === '' ? undefined : this.#services.get(keyOf(check.serviceId))
    return { ...check, node: this.node.name, serviceName: service?.name ?? '', serviceTags: service?.tags ?? [] }
  }

  putService(service: CatalogService): void {
    const key = keyOf(service.id)
    const former = this.#services.get(key)
    this.#services.set(key, service)
    this.#countName(service, 1)
    this.#countName(former, -1)
    this.#note('services', key)
  }

  removeService(key: string): void {
    this.#countName(this.#services.get(key), -1)
    this.#services.delete(key)
    this.#note('services', key)
  }

  putCheck(check: StoredCheck): void {
    const key = keyOf(check.checkId)
    this.#leave(key)
    this.#checks.set(key, check)
    const serviceKey = keyOf(check.serviceId)
    const siblings = this.#checksOf.get(serviceKey)
    if (siblings === undefined) this.#checksOf.set(serviceKey, new Set([key]))
    else siblings.add(key)
    this.#note('checks', key)
  }

  removeCheck(key: string): void {
    this.#leave(key)
    this.#checks.delete(key)
    this.#note('checks', key)
  }

  /** From here on changes are told to who holds a mark. */
  mark(): ChangeMark {
    this.#changes ??= []
    return { record: this, count: this.#forgotten + this.#changes.length }
  }

  /** Null: `mark` is of another record, or too old. */
  changesSince(mark: ChangeMark): NodeChanges | null {
    if (mark.record !== this || this.#changes === null || mark.count < this.#forgotten) return null
    const changes = { services: new Set<string>(), checks: new Set<string>() }
    for (let i = mark.count - this.#forgotten; i < this.#changes.length; i++) {
      const { kind, key } = this.#changes[i]!
      changes[kind].add(key)
    }
    return changes
  }

  #note(kind: 'services' | 'checks', key: string): void {
    if (this.#changes === null) return
    this.#changes.push({ kind, key })
    if (this.#changes.length < 2 * changesMax) return
    this.#changes.splice(0, changesMax)
    this.#forgotten += changesMax
  }

  #leave(checkKey: string): void {
    const check = this.#checks.get(checkKey)
    if (check === undefined) return
    const serviceKey = keyOf(check.serviceId)
    const siblings = this.#checksOf.get(serviceKey)!
    siblings.delete(checkKey)
    if (siblings.size === 0) this.#checksOf.delete(serviceKey)
  }

  #countName(service: CatalogService | undefined, change: 1 | -1): void {
    if (service === undefined) return
    const key = keyOf(service.name)
    const count = (this.#names.get(key) ?? 0) + change
    if (count === 0) this.#names.delete(key)
    else this.#names.set(key, count)
  }
}
