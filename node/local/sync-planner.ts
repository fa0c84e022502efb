import { isDeepStrictEqual } from 'node:util'
import { serfCheckId } from '../leader/catalog-plan.ts'
import type { CatalogReader } from '../state/catalog.ts'
import type { CatalogCommand } from '../state/catalog-commands.ts'
import { type ChangeMark, keyOf, type NodeRecordReader } from '../state/catalog-record.ts'
import type { CatalogNode, CatalogService, CheckDefinition, NodeDefinition, ServiceDefinition } from '../state/catalog-types.ts'
import { compareKeys } from '../state/sorted-keys.ts'
import type { LocalCheck } from './definitions.ts'
import type { LocalState } from './local-state.ts'

/** What brings the catalog to what this agent knows of its node. */
export interface SyncPlan {
  readonly commands: readonly CatalogCommand[]
  /** Tags that others have set in the catalog, where a service allows it: the agent takes them over. */
  readonly overriddenTags: readonly { readonly serviceId: string, readonly tags: readonly string[] }[]
}

/** A check that says the same with other words is written after this time only (Consul's check_update_interval). */
export const outputDelayMs = 5 * 60_000

/** What may have to be brought up to date. */
interface Suspects {
  /** Local ids; empty for the node's own checks. */
  readonly services: Set<string>
  /** Keys of what the catalog may have too much. */
  readonly goneServices: Set<string>
  readonly goneChecks: Set<string>
}

/**
 * One registration for each service, together with its checks, then the
 * node's checks, then what is to go. What the catalog says of the node itself
 * is put right with the first of them, or by one of its own. The servers' own
 * service and check are the leader's, not the agent's.
 *
 * Only what has changed since the last plan, here or in the catalog, is
 * compared, and what was not as it should be then: one registration more costs
 * the same however many services the agent has. The plan is the one that
 * comparing everything makes.
 */
export class SyncPlanner {
  readonly #local: LocalState
  readonly #node: NodeDefinition
  readonly #catalog: CatalogReader
  readonly #registersNode: boolean
  /** As far as the catalog's record of the node is known; null: it had none. */
  #mark: ChangeMark | null = null
  #open: Suspects = noSuspects()
  /** The catalog says the same of the node as this agent. */
  #goodNode: CatalogNode | null = null

  /** `registersNode`: a node without anything on it is entered too, else only put right. */
  constructor(local: LocalState, node: NodeDefinition, catalog: CatalogReader, registersNode = false) {
    this.#local = local
    this.#node = node
    this.#catalog = catalog
    this.#registersNode = registersNode
  }

  /** `inFull`: everything is compared. */
  plan(nowMs: number, inFull = false): SyncPlan {
    const node = this.#node
    const record = this.#catalog.record(node.name)
    const suspects = this.#takeSuspects(record, inFull)
    const open = noSuspects()
    const commands: CatalogCommand[] = []
    const overriddenTags: { serviceId: string, tags: readonly string[] }[] = []
    // The leader enters a node by what gossip tells, the rest is its own agent's to say.
    let staleNode = record === null ? this.#registersNode : !this.#isSameNode(record.node)
    const register = (service: ServiceDefinition | null, serviceId: string) => {
      const { checks, isLater } = this.#changedChecks(serviceId, record, nowMs)
      if (isLater) open.services.add(serviceId)
      if (service === null && checks.length === 0) return
      open.services.add(serviceId)
      commands.push({ kind: 'catalog-register', node, skipNodeUpdate: record !== null && !staleNode, service, checks })
      staleNode = false
    }
    for (const id of [...suspects.services].sort()) {
      const service = this.#local.service(id)
      if (service === null) continue
      const remote = record?.service(keyOf(id))
      const tags = remote !== undefined && service.enableTagOverride ? remote.tags : service.tags
      if (!isDeepStrictEqual(tags, service.tags)) {
        overriddenTags.push({ serviceId: id, tags })
        open.services.add(id)
      }
      const wanted = { ...service, tags }
      register(remote !== undefined && isSameService(wanted, remote) ? null : wanted, id)
    }
    if (suspects.services.has('')) register(null, '')
    if (staleNode) commands.push({ kind: 'catalog-register', node, skipNodeUpdate: false, service: null, checks: [] })
    for (const key of [...suspects.goneServices].sort(compareKeys)) {
      const remote = record?.service(key)
      if (remote === undefined || key === 'consul' || !isEmpty(this.#local.serviceIdsLike(key))) continue
      open.goneServices.add(key)
      commands.push({ kind: 'catalog-deregister', node: node.name, serviceId: remote.id, checkId: null })
    }
    for (const key of [...suspects.goneChecks].sort(compareKeys)) {
      const remote = record?.check(key)
      if (remote === undefined || remote.checkId === serfCheckId || !isEmpty(this.#local.checkIdsLike(key))) continue
      open.goneChecks.add(key)
      // With a service go its checks.
      if (!open.goneServices.has(keyOf(remote.serviceId))) commands.push({ kind: 'catalog-deregister', node: node.name, serviceId: null, checkId: remote.checkId })
    }
    this.#open = open
    return { commands, overriddenTags }
  }

  #takeSuspects(record: NodeRecordReader | null, inFull: boolean): Suspects {
    const local = this.#local
    const changedHere = local.takeChanges()
    const mark = this.#mark
    this.#mark = record?.mark() ?? null
    const changedThere = record === null || mark === null ? null : record.changesSince(mark)
    // Nothing can be said of the difference to a record that was another one.
    if (inFull || (changedThere === null && (record !== null || mark !== null))) {
      return {
        services: new Set(['', ...local.services().map(({ id }) => id)]),
        goneServices: new Set(record?.serviceKeys()), goneChecks: new Set(record?.checkKeys()),
      }
    }
    const { services, goneServices, goneChecks } = this.#open
    const suspectCheck = (id: string) => {
      const check = local.check(id)
      if (check !== null) services.add(check.spec.serviceId)
    }
    for (const id of changedHere.services) {
      services.add(id)
      goneServices.add(keyOf(id))
    }
    for (const id of changedHere.checks) {
      suspectCheck(id)
      goneChecks.add(keyOf(id))
    }
    for (const key of changedThere?.services ?? []) {
      for (const id of local.serviceIdsLike(key)) services.add(id)
      goneServices.add(key)
    }
    for (const key of changedThere?.checks ?? []) {
      for (const id of local.checkIdsLike(key)) suspectCheck(id)
      goneChecks.add(key)
    }
    return this.#open
  }

  /** `isLater`: one says the same with other words, for which it is not time yet. */
  #changedChecks(serviceId: string, record: NodeRecordReader | null, nowMs: number): { readonly checks: readonly CheckDefinition[], readonly isLater: boolean } {
    const checks: CheckDefinition[] = []
    let isLater = false
    for (const check of this.#local.checksOf(serviceId)) {
      const wanted = checkDefinition(check)
      const remote = record?.check(keyOf(wanted.checkId))
      if (remote === undefined || shownFields.some((field) => wanted[field] !== remote[field])) checks.push(wanted)
      else if (wanted.output !== remote.output) {
        if (check.outputChangedMs !== null && nowMs - check.outputChangedMs < outputDelayMs) isLater = true
        else checks.push(wanted)
      }
    }
    return { checks, isLater }
  }

  #isSameNode(found: CatalogNode): boolean {
    if (found === this.#goodNode) return true
    const { createIndex, modifyIndex, ...remote } = found
    if (!isDeepStrictEqual({ ...this.#node }, remote)) return false
    this.#goodNode = found
    return true
  }
}

const shownFields = ['checkId', 'name', 'status', 'notes', 'serviceId', 'type'] as const

const noSuspects = (): Suspects => ({ services: new Set(), goneServices: new Set(), goneChecks: new Set() })

/** As the catalog has it. How the agent makes the check stays with the agent. */
export function checkDefinition({ spec, status, output }: LocalCheck): CheckDefinition {
  return {
    checkId: spec.checkId, name: spec.name, status, notes: spec.notes, output, serviceId: spec.serviceId,
    type: spec.method.kind, definition: {},
  }
}

function isSameService(wanted: ServiceDefinition, { createIndex, modifyIndex, ...remote }: CatalogService): boolean {
  return isDeepStrictEqual(wanted, remote)
}

function isEmpty(ids: Iterable<string>): boolean {
  for (const _ of ids) return false
  return true
}
