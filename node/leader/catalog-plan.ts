import { isDeepStrictEqual } from 'node:util'
import type { CatalogReader } from '../state/catalog.ts'
import type { CatalogCommand } from '../state/catalog-commands.ts'
import type { CheckDefinition, ServiceDefinition } from '../state/catalog-types.ts'
import type { ClusterMember, ServerTags } from './cluster-member.ts'

export const serfCheckId = 'serfHealth'

export interface ReconcileInput {
  readonly members: readonly ClusterMember[]
  readonly catalog: Pick<CatalogReader, 'node' | 'nodeChecks' | 'checksInState'>
  /** The leader's own name: it never takes itself out of the catalog, its successor does. */
  readonly self: string
  /** Ids of the servers that vote. */
  readonly voters: readonly string[]
}

/**
 * What must be written that the catalog says of every member what gossip says
 * (Consul's architecture, "Anti-entropy": the leader reconciles). Nothing for
 * a member that is right already, so it may be asked as often as one likes.
 *
 * - Alive: the node with `serfHealth` passing, servers with the service `consul`.
 * - Failed: `serfHealth` critical, if the node is there at all.
 * - Left: the node goes, with all that it carries.
 * - Unknown to gossip, though the catalog has a `serfHealth` of it: it was
 *   reaped while nobody led, and goes too.
 */
export function planCatalog(input: ReconcileInput): CatalogCommand[] {
  return [...input.members.flatMap((member) => planMember(member, input)), ...planReaped(input)]
}

function planMember(member: ClusterMember, { catalog, self }: ReconcileInput): CatalogCommand[] {
  switch (member.status) {
    case 'alive': return planAlive(member, catalog)
    case 'failed': return planFailed(member, catalog)
    case 'left': return sameName(member.name, self) || !isEntered(member, catalog) ? [] : [removalOf(member.name)]
    // It is still there; what follows is `left`.
    case 'leaving': return []
  }
}

function planAlive(member: ClusterMember, catalog: ReconcileInput['catalog']): CatalogCommand[] {
  const found = catalog.node(member.name).value
  const isOther = found !== null && member.id !== '' && found.node.id !== member.id
  const service = member.server === null ? null : consulService(member.server)
  const stands = service === null || (found?.services.some((other) => sameDefinition(other, service)) ?? false)
  const status = statusOf(member.name, catalog)
  if (found !== null && !isOther && stands && status === 'passing') return []
  const registration = (entered: boolean): CatalogCommand => ({
    // What the node's own agent said of its addresses and metadata stays as it is.
    kind: 'catalog-register', skipNodeUpdate: entered, node: nodeOf(member), service: entered && stands ? null : service,
    checks: entered && status === 'passing' ? [] : [serfHealth('passing')],
  })
  // A name is one member's in gossip, and that is this one now: what its former bearer had here, sessions too, is gone.
  return isOther ? [...found.node.id === '' ? [] : [removalOf(found.node.name)], registration(false)] : [registration(true)]
}

function planFailed(member: ClusterMember, catalog: ReconcileInput['catalog']): CatalogCommand[] {
  if (!isEntered(member, catalog) || statusOf(member.name, catalog) === 'critical') return []
  return [{ kind: 'catalog-register', skipNodeUpdate: true, node: nodeOf(member), service: null, checks: [serfHealth('critical')] }]
}

function planReaped({ members, catalog, self, voters }: ReconcileInput): CatalogCommand[] {
  // Who has just started and hears nobody yet must not call everybody gone.
  const heardOf = voters.filter((id) => members.some((member) => member.id === id)).length
  if (heardOf <= voters.length / 2) return []
  const known = new Set([self, ...members.map(({ name }) => name)].map((name) => name.toLowerCase()))
  const nodes = new Set(catalog.checksInState('any').value.filter(({ checkId }) => checkId === serfCheckId).map(({ node }) => node))
  return [...nodes].filter((node) => {
    const id = catalog.node(node).value?.node.id ?? ''
    return !known.has(node.toLowerCase()) && !voters.includes(id)
  }).map(removalOf)
}

/** Whether the node in the catalog is this member, and not another that got its name since. */
function isEntered(member: ClusterMember, catalog: ReconcileInput['catalog']): boolean {
  const found = catalog.node(member.name).value
  return found !== null && (member.id === '' || found.node.id === '' || found.node.id === member.id)
}

function statusOf(node: string, catalog: ReconcileInput['catalog']): CheckDefinition['status'] | null {
  return catalog.nodeChecks(node).value.find(({ checkId }) => checkId === serfCheckId)?.status ?? null
}

function removalOf(node: string): CatalogCommand {
  return { kind: 'catalog-deregister', node, serviceId: null, checkId: null }
}

function nodeOf({ name, id, host }: ClusterMember) {
  return { name, id, address: host, taggedAddresses: null, meta: null }
}

/** The check that says of a node what gossip says of its agent. */
export function serfHealth(status: 'passing' | 'critical'): CheckDefinition {
  return {
    checkId: serfCheckId, name: 'Serf Health Status', status, notes: '',
    output: status === 'passing' ? 'Agent alive and reachable' : 'Agent not live or unreachable', serviceId: '', type: '', definition: {},
  }
}

/** What every server is found by. */
export function consulService({ port, version, raftVersion }: Pick<ServerTags, 'port' | 'version' | 'raftVersion'>): ServiceDefinition {
  return {
    id: 'consul', name: 'consul', tags: [], address: '', taggedAddresses: null, port,
    meta: {
      non_voter: 'false', raft_version: String(raftVersion),
      serf_protocol_current: '2', serf_protocol_max: '5', serf_protocol_min: '1', version,
    },
    weights: { passing: 1, warning: 1 }, enableTagOverride: false,
  }
}

function sameDefinition(stored: ServiceDefinition & { readonly createIndex: number, readonly modifyIndex: number }, wanted: ServiceDefinition): boolean {
  const { createIndex, modifyIndex, ...definition } = stored
  return isDeepStrictEqual(definition, { ...wanted })
}

const sameName = (one: string, other: string) => one.toLowerCase() === other.toLowerCase()
