import { isDeepStrictEqual } from 'node:util'
import { serfCheckId } from '../../leader/catalog-plan.ts'
import type { CatalogReader } from '../../state/catalog.ts'
import type { CatalogCommand } from '../../state/catalog-commands.ts'
import type { CatalogCheck, CatalogNode, CatalogService, CheckDefinition, NodeDefinition, ServiceDefinition } from '../../state/catalog-types.ts'
import type { LocalCheck } from '../definitions.ts'
import type { LocalState } from '../local-state.ts'
import { checkDefinition, outputDelayMs, type SyncPlan } from '../sync-planner.ts'

const keyOf = (id: string) => id.toLowerCase()

/** What `SyncPlanner` says, made from everything each time. */
export function naiveSyncPlan(local: LocalState, node: NodeDefinition, catalog: CatalogReader, nowMs: number, registersNode = false): SyncPlan {
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
  const changedChecks = (serviceId: string) => local.checks().filter(({ spec }) => spec.serviceId === serviceId)
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
