/**
 * The replicated catalog: nodes, services on them, checks of both. Names of
 * nodes and services and ids are the same whatever their case, as in Consul.
 * Registering what is there already changes nothing and wakes nobody.
 */
import { isDeepStrictEqual } from 'node:util'
import { invariant } from '../base/assert.ts'
import type { CatalogDeregister, CatalogRegister } from './catalog-commands.ts'
import { CatalogIndexes, type CatalogInterest, type CatalogTouch, type CatalogWatch, type IndexesDump, interestsOf } from './catalog-indexes.ts'
import { keyOf, NodeRecord, type NodeRecordReader, type StoredCheck } from './catalog-record.ts'
import type {
  CatalogCheck, CatalogNode, CatalogService, CheckDefinition, CheckedInstance, CheckStatus, Indexed, ServiceDefinition, ServiceInstance,
} from './catalog-types.ts'
import type { Registrations } from './sessions.ts'
import { compareKeys } from './sorted-keys.ts'

/** What was read, its index as `X-Consul-Index` says it, and what moves that index. */
export interface CatalogRead<T> {
  readonly index: number
  readonly value: T
  readonly watch: CatalogWatch
}

/** What readers see. Lists are in order of the nodes' names, then of ids. */
export interface CatalogReader {
  indexOf(watch: CatalogWatch): number
  /** What moves the index of `watch`. */
  interestsOf(watch: CatalogWatch): readonly CatalogInterest[]
  nodes(): CatalogRead<readonly CatalogNode[]>
  /** Every instance of every service. */
  instances(): CatalogRead<readonly ServiceInstance[]>
  serviceInstances(name: string): CatalogRead<readonly ServiceInstance[]>
  serviceHealth(name: string): CatalogRead<readonly CheckedInstance[]>
  /** By name. */
  node(name: string): CatalogRead<{ readonly node: CatalogNode, readonly services: readonly CatalogService[] } | null>
  nodeById(id: string): CatalogNode | null
  /** What the catalog has of a node, entry by entry, as long as nothing is applied. */
  record(name: string): NodeRecordReader | null
  nodeChecks(name: string): CatalogRead<readonly CatalogCheck[]>
  serviceChecks(name: string): CatalogRead<readonly CatalogCheck[]>
  /** `any`: all. */
  checksInState(status: CheckStatus | 'any'): CatalogRead<readonly CatalogCheck[]>
}

/** What a command did to checks and nodes: what sessions that hang on them must know. */
export interface CatalogChange {
  /** Now critical, or gone. */
  readonly failedChecks: readonly { readonly node: string, readonly checkId: string }[]
  readonly removedNodes: readonly string[]
}

export type CatalogOutcome =
  | { readonly kind: 'changed', readonly change: CatalogChange }
  /** Nothing changed. `problem`: Consul's text. */
  | { readonly kind: 'refused', readonly problem: string }

/** All of the table, for a snapshot: JSON. */
export interface CatalogDump {
  readonly nodes: readonly { readonly node: CatalogNode, readonly services: readonly CatalogService[], readonly checks: readonly StoredCheck[] }[]
  readonly indexes: IndexesDump
}

interface MutableChange {
  failedChecks: { node: string, checkId: string }[]
  removedNodes: string[]
}

export class CatalogTable implements CatalogReader, Registrations {
  readonly #records = new Map<string, NodeRecord>()
  /** Node keys by node id. */
  readonly #byId = new Map<string, string>()
  /** Which nodes carry a service, by the service's key. */
  readonly #carriers = new Map<string, Set<NodeRecord>>()
  readonly #indexes: CatalogIndexes

  /** `touch`: for who waits for changes; called while a command is applied. */
  constructor(touch: CatalogTouch = () => {}) {
    this.#indexes = new CatalogIndexes(touch)
  }

  hasNode(name: string): boolean {
    return this.#records.get(keyOf(name))?.node.name === name
  }

  checkStatus(node: string, checkId: string): CheckStatus | null {
    return this.#records.get(keyOf(node))?.check(keyOf(checkId))?.status ?? null
  }

  interestsOf(watch: CatalogWatch): CatalogInterest[] {
    return interestsOf(watch, keyOf)
  }

  indexOf(watch: CatalogWatch): number {
    return this.#indexes.of(watch, keyOf)
  }

  nodes(): CatalogRead<CatalogNode[]> {
    return this.#read({ kind: 'nodes' }, this.#sorted().map(({ node }) => node))
  }

  instances(): CatalogRead<ServiceInstance[]> {
    const value = this.#sorted().flatMap((record) => record.services().map((service) => ({ node: record.node, service })))
    return this.#read({ kind: 'nodes-and-services' }, value)
  }

  serviceInstances(name: string): CatalogRead<ServiceInstance[]> {
    return this.#read({ kind: 'service', name }, this.#instancesOf(name).map(({ node, service }) => ({ node, service })))
  }

  serviceHealth(name: string): CatalogRead<CheckedInstance[]> {
    const value = this.#instancesOf(name).map(({ record, node, service }) => ({
      node, service,
      checks: shownChecks(record, (check) => check.serviceId === '' || keyOf(check.serviceId) === keyOf(service.id)),
    }))
    return this.#read({ kind: 'service-health', name }, value)
  }

  node(name: string): CatalogRead<{ node: CatalogNode, services: CatalogService[] } | null> {
    const record = this.#records.get(keyOf(name))
    return this.#read({ kind: 'nodes-and-services' }, record === undefined ? null : { node: record.node, services: record.services() })
  }

  nodeById(id: string): CatalogNode | null {
    const key = this.#byId.get(keyOf(id))
    return key === undefined ? null : this.#records.get(key)?.node ?? null
  }

  record(name: string): NodeRecord | null {
    return this.#records.get(keyOf(name)) ?? null
  }

  nodeChecks(name: string): CatalogRead<CatalogCheck[]> {
    const record = this.#records.get(keyOf(name))
    return this.#read({ kind: 'checks' }, record === undefined ? [] : shownChecks(record, () => true))
  }

  serviceChecks(name: string): CatalogRead<CatalogCheck[]> {
    const value = [...this.#carriers.get(keyOf(name)) ?? []].sort(byNodeName)
      .flatMap((record) => shownChecks(record, () => true).filter((check) => check.serviceId !== '' && keyOf(check.serviceName) === keyOf(name)))
    return this.#read({ kind: 'checks' }, value)
  }

  checksInState(status: CheckStatus | 'any'): CatalogRead<CatalogCheck[]> {
    const wanted = (check: StoredCheck) => status === 'any' || check.status === status
    return this.#read({ kind: 'checks' }, this.#sorted().flatMap((record) => shownChecks(record, wanted)))
  }

  register(index: number, command: CatalogRegister): CatalogOutcome {
    const key = keyOf(command.node.name)
    const existing = this.#records.get(key)
    const changesNode = existing === undefined || (!command.skipNodeUpdate && !isSame(existing.node, command.node))
    const problem = (changesNode ? this.#nameProblem(command) : null) ?? orphanProblem(command, existing)
    if (problem !== null) return { kind: 'refused', problem }
    const change: MutableChange = { failedChecks: [], removedNodes: [] }
    if (changesNode) this.#putNode(index, key, command, change)
    const record = this.#records.get(key)
    invariant(record !== undefined, () => `node ${command.node.name} is registered at ${index}, but not in the table`)
    if (command.service !== null) this.#putService(index, record, command.service)
    for (const check of command.checks) this.#putCheck(index, record, check, change)
    return { kind: 'changed', change }
  }

  /** Of what is unknown: changes nothing. */
  deregister(index: number, { node, serviceId, checkId }: CatalogDeregister): CatalogOutcome {
    const change: MutableChange = { failedChecks: [], removedNodes: [] }
    const record = this.#records.get(keyOf(node))
    if (record === undefined) return { kind: 'changed', change }
    if (serviceId !== null) this.#removeService(index, record, keyOf(serviceId), change)
    else if (checkId !== null) this.#removeCheck(index, record, keyOf(checkId), change)
    else this.#removeNode(index, record, change)
    return { kind: 'changed', change }
  }

  /** All or nothing: if `change` returns false, what it did to nodes of these names or ids, and no others, is undone. */
  transact(nodes: readonly { readonly name: string, readonly id: string }[], change: () => boolean): void {
    const keys = new Set(nodes.flatMap(({ name, id }) => [keyOf(name), this.#byId.get(keyOf(id)) ?? keyOf(name)]))
    const before = new Map([...keys].map((key) => [key, this.#records.get(key)?.copy() ?? null]))
    const indexes = this.#indexes.dump()
    if (change()) return
    for (const key of keys) this.#forget(key)
    for (const [key, record] of before) if (record !== null) this.#reinstate(key, record)
    this.#indexes.restore(indexes)
  }

  /** Without a trace in the indexes. */
  #forget(key: string): void {
    const record = this.#records.get(key)
    if (record === undefined) return
    this.#records.delete(key)
    if (this.#byId.get(keyOf(record.node.id)) === key) this.#byId.delete(keyOf(record.node.id))
    for (const name of record.serviceNames()) {
      const carriers = this.#carriers.get(name)
      if (carriers?.delete(record) && carriers.size === 0) this.#carriers.delete(name)
    }
  }

  #reinstate(key: string, record: NodeRecord): void {
    this.#records.set(key, record)
    if (record.node.id !== '') this.#byId.set(keyOf(record.node.id), key)
    for (const name of record.serviceNames()) this.#carry(record, name)
  }

  dump(): CatalogDump {
    const nodes = this.#sorted().map((record) => ({ node: record.node, services: record.services(), checks: record.checks() }))
    return { nodes, indexes: this.#indexes.dump() }
  }

  /** In place of all that was here. `dump` must come from `dump()`. */
  restore(dump: CatalogDump): void {
    this.#records.clear()
    this.#byId.clear()
    this.#carriers.clear()
    for (const { node, services, checks } of dump.nodes) this.#reinstate(keyOf(node.name), new NodeRecord(node, services, checks))
    this.#indexes.restore(dump.indexes)
  }

  #read<T>(watch: CatalogWatch, value: T): CatalogRead<T> {
    return { index: this.indexOf(watch), value, watch }
  }

  #sorted(): NodeRecord[] {
    return [...this.#records.values()].sort(byNodeName)
  }

  #instancesOf(name: string): { record: NodeRecord, node: CatalogNode, service: CatalogService }[] {
    const key = keyOf(name)
    return [...this.#carriers.get(key) ?? []].sort(byNodeName).flatMap((record) =>
      record.services().filter((service) => keyOf(service.name) === key).map((service) => ({ record, node: record.node, service })))
  }

  /** A name may be taken over only from a node that has no id, or whose agent is dead. */
  #nameProblem({ node: { id, name, address } }: CatalogRegister): string | null {
    if (id === '') return null
    const heldName = this.#byId.get(keyOf(id))
    if (heldName === keyOf(name)) return null
    const holder = this.#records.get(keyOf(name))
    if (holder === undefined || keyOf(holder.node.id) === keyOf(id)) return null
    if (holder.node.id === '' && heldName === undefined) return null
    if (holder.check(keyOf('serfHealth'))?.status === 'critical') return null
    const clash = `Node name ${name} is reserved by node ${holder.node.id} with name ${holder.node.name} (${holder.node.address})`
    const renamed = `Error while renaming Node ID: ${JSON.stringify(id)}${heldName === undefined ? '' : ` (${address})`}`
    return `failed inserting node: ${renamed}: ${clash}`
  }

  #putNode(index: number, key: string, { node }: CatalogRegister, change: MutableChange): void {
    const formerKey = node.id === '' ? undefined : this.#byId.get(keyOf(node.id))
    const former = formerKey === undefined || formerKey === key ? undefined : this.#records.get(formerKey)
    // Renamed: what ran under the old name is gone until its agent registers it again.
    if (former !== undefined) this.#removeNode(index, former, change)
    const record = this.#records.get(key)
    const createIndex = record?.node.createIndex ?? former?.node.createIndex ?? index
    const stored: CatalogNode = { ...node, createIndex, modifyIndex: index }
    if (record === undefined) {
      this.#records.set(key, new NodeRecord(stored))
    } else {
      if (record.node.id !== '') this.#byId.delete(keyOf(record.node.id))
      // Its checks show its name, which may be written otherwise now.
      if (record.node.name !== node.name && record.hasChecks()) this.#indexes.checks = index
      record.node = stored
      for (const name of record.serviceNames()) this.#indexes.instancesChanged(name, index)
    }
    if (node.id !== '') this.#byId.set(keyOf(node.id), key)
    this.#indexes.nodes = index
  }

  #putService(index: number, record: NodeRecord, service: ServiceDefinition): void {
    const idKey = keyOf(service.id)
    const old = record.service(idKey)
    if (old !== undefined && isSame(old, service)) return
    record.putService({ ...service, createIndex: old?.createIndex ?? index, modifyIndex: index })
    this.#indexes.services = index
    if (old !== undefined) {
      // Its checks show its name and tags.
      if (record.hasChecks(idKey)) this.#indexes.checks = index
      if (keyOf(old.name) !== keyOf(service.name)) this.#uncarry(index, record, old.name)
    }
    this.#carry(record, service.name)
    this.#indexes.instancesChanged(keyOf(service.name), index)
  }

  #putCheck(index: number, record: NodeRecord, check: CheckDefinition, change: MutableChange): void {
    const old = record.check(keyOf(check.checkId))
    if (old !== undefined && isSame(old, check)) return
    record.putCheck({ ...check, createIndex: old?.createIndex ?? index, modifyIndex: index })
    this.#checkChanged(index, record, check)
    if (old !== undefined && keyOf(old.serviceId) !== keyOf(check.serviceId)) this.#checkChanged(index, record, old)
    if (check.status === 'critical') change.failedChecks.push({ node: record.node.name, checkId: check.checkId })
  }

  #checkChanged(index: number, record: NodeRecord, { serviceId }: CheckDefinition): void {
    this.#indexes.checks = index
    if (serviceId === '') {
      for (const name of record.serviceNames()) this.#indexes.checksChanged(name, index)
      return
    }
    const service = record.service(keyOf(serviceId))
    if (service !== undefined) this.#indexes.checksChanged(keyOf(service.name), index)
  }

  #removeNode(index: number, record: NodeRecord, change: MutableChange): void {
    for (const key of record.serviceKeys()) this.#removeService(index, record, key, change)
    for (const key of record.checkKeys()) this.#removeCheck(index, record, key, change)
    this.#records.delete(keyOf(record.node.name))
    if (record.node.id !== '') this.#byId.delete(keyOf(record.node.id))
    this.#indexes.nodes = index
    change.removedNodes.push(record.node.name)
  }

  #removeService(index: number, record: NodeRecord, idKey: string, change: MutableChange): void {
    const service = record.service(idKey)
    if (service === undefined) return
    for (const key of record.checkKeysOf(idKey)) this.#removeCheck(index, record, key, change)
    record.removeService(idKey)
    this.#indexes.services = index
    this.#uncarry(index, record, service.name)
  }

  #removeCheck(index: number, record: NodeRecord, key: string, change: MutableChange): void {
    const check = record.check(key)
    if (check === undefined) return
    record.removeCheck(key)
    this.#checkChanged(index, record, check)
    change.failedChecks.push({ node: record.node.name, checkId: check.checkId })
  }

  #carry(record: NodeRecord, serviceName: string): void {
    const key = keyOf(serviceName)
    const carriers = this.#carriers.get(key)
    if (carriers === undefined) this.#carriers.set(key, new Set([record]))
    else carriers.add(record)
  }

  /** An instance has gone from the record already. */
  #uncarry(index: number, record: NodeRecord, serviceName: string): void {
    const key = keyOf(serviceName)
    const carriers = this.#carriers.get(key)
    invariant(carriers !== undefined, () => `service ${serviceName} lost an instance at ${index}, but no node is known to carry it`)
    if (!record.carries(key)) carriers.delete(record)
    if (carriers.size > 0) return this.#indexes.instancesChanged(key, index)
    this.#carriers.delete(key)
    this.#indexes.extinct(key, index)
  }
}

/** A check of a service needs the service, on the node or in the same registration. */
function orphanProblem({ node, service, checks }: CatalogRegister, existing: NodeRecord | undefined): string | null {
  for (const { serviceId } of checks) {
    const key = keyOf(serviceId)
    if (key === '' || existing?.service(key) !== undefined || (service !== null && keyOf(service.id) === key)) continue
    return `failed inserting check: Missing service registration on node ${JSON.stringify(node.name)}`
  }
  return null
}

/** Every part that a registration says is as it stands. */
function isSame<T extends object>(stored: T & Indexed, given: T): boolean {
  const { createIndex, modifyIndex, ...rest } = stored
  return isDeepStrictEqual(rest, { ...given })
}

function shownChecks(record: NodeRecord, wanted: (check: StoredCheck) => boolean): CatalogCheck[] {
  return record.checks().filter(wanted).map((check) => record.shown(check))
}

function byNodeName(a: NodeRecord, b: NodeRecord): number {
  return compareKeys(a.node.name, b.node.name)
}
