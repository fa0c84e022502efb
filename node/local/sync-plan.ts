import { isDeepStrictEqual } from 'node:util'
import { serfCheckId } from '../leader/catalog-plan.ts'
import type { CatalogReader } from '../state/catalog.ts'
import type { CatalogCommand } from '../state/catalog-commands.ts'
import type { CatalogCheck, CatalogNode, CatalogService, CheckDefinition, NodeDefinition, ServiceDefinition } from '../state/catalog-types.ts'
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

const keyOf = (id: string) => id.toLowerCase()

/**
 * One registration for each service, together with its checks, then the
 * node's checks, then what is to go. What the catalog says of the node itself
 * is put right with the first of them, or by one of its own. `registersNode`:
 * a node without anything on it is entered too, else only put right. The servers' own service and check are
 * the leader's, not the agent's.
 */
export function planSync(local: LocalState, node: NodeDefinition, catalog: CatalogReader, nowMs: number, registersNode = false): SyncPlan {
  const found = catalog.node(node.name).value
  const remoteServices = new Map((found?.services ?? []).map((service) => [keyOf(service.id), service]))
  const remoteChecks = new Map(catalog.nodeChecks(node.name).value.map((check) => [keyOf(check.checkId), check]))
  const commands: CatalogCommand[] = []
  // The leader enters a node by what gossip tells, the rest is its own agent's to say.
  let staleNode = found === null ? registersNode : !isSameNode(node, found.node)
  const overriddenTags: { serviceId: string, tags: readonly string[] }[] = []
  const register = (service: ServiceDefinition | null, checks: readonly CheckDefinition[]) => {
    if (service === null && checks.length === 0) return
    commands.push({ kind: 'catalog-register', node, skipNodeUpdate: found !== null && !staleNode, service, checks })
    staleNode = false
  }
  const changedChecks = (serviceId: string) => local.checksOf(serviceId)
    .filter((check) => !isSynced(check, remoteChecks.get(keyOf(check.spec.checkId)), nowMs)).map(checkDefinition)
  for (const service of local.services()) {
    const remote = remoteServices.get(keyOf(service.id))
    const tags = remote !== undefined && service.enableTagOverride ? remote.tags : service.tags
    if (!isDeepStrictEqual(tags, service.tags)) overriddenTags.push({ serviceId: service.id, tags })
    const wanted = { ...service, tags }
    register(remote !== undefined && isSameService(wanted, remote) ? null : wanted, changedChecks(service.id))
  }
  register(null, changedChecks(''))
  if (staleNode) commands.push({ kind: 'catalog-register', node, skipNodeUpdate: false, service: null, checks: [] })
  const localServices = new Set(local.services().map(({ id }) => keyOf(id)))
  const localChecks = new Set(local.checks().map(({ spec }) => keyOf(spec.checkId)))
  const gone = new Set<string>()
  for (const [key, { id }] of remoteServices) {
    if (localServices.has(key) || key === 'consul') continue
    gone.add(key)
    commands.push({ kind: 'catalog-deregister', node: node.name, serviceId: id, checkId: null })
  }
  for (const [key, { checkId, serviceId }] of remoteChecks) {
    // With a service go its checks.
    if (localChecks.has(key) || checkId === serfCheckId || gone.has(keyOf(serviceId))) continue
    commands.push({ kind: 'catalog-deregister', node: node.name, serviceId: null, checkId })
  }
  return { commands, overriddenTags }
}

/** As the catalog has it. How the agent makes the check stays with the agent. */
export function checkDefinition({ spec, status, output }: LocalCheck): CheckDefinition {
  return {
    checkId: spec.checkId, name: spec.name, status, notes: spec.notes, output, serviceId: spec.serviceId,
    type: spec.method.kind, definition: {},
  }
}

function isSynced(check: LocalCheck, remote: CatalogCheck | undefined, nowMs: number): boolean {
  if (remote === undefined) return false
  const wanted = checkDefinition(check)
  const same = (['checkId', 'name', 'status', 'notes', 'serviceId', 'type'] as const).every((field) => wanted[field] === remote[field])
  return same && (wanted.output === remote.output || (check.outputChangedMs !== null && nowMs - check.outputChangedMs < outputDelayMs))
}

function isSameNode(wanted: NodeDefinition, { createIndex, modifyIndex, ...remote }: CatalogNode): boolean {
  return isDeepStrictEqual({ ...wanted }, remote)
}

function isSameService(wanted: ServiceDefinition, { createIndex, modifyIndex, ...remote }: CatalogService): boolean {
  return isDeepStrictEqual(wanted, remote)
}
