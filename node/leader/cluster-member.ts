import type { MemberStatus, MemberView } from '../gossip/ready.ts'
import { formatAddress, parseAddress } from '../transport/address.ts'

/** A member of the cluster, as its gossip tags tell of it. */
export interface ClusterMember {
  readonly name: string
  /** The node id; empty if the tags have none. */
  readonly id: string
  /** Without a port. */
  readonly host: string
  readonly status: MemberStatus
  /** Null: a client agent. */
  readonly server: ServerTags | null
}

export interface ServerTags {
  /** `host:port` for Raft and RPC. */
  readonly address: string
  readonly port: number
  readonly version: string
  readonly raftVersion: number
  /** Started with `-bootstrap`: it forms a cluster of its own where it finds no log. */
  readonly bootstrap: boolean
}

/** Null: the tags are neither those of a server nor of a client agent, and it is nobody's business here. */
export function clusterMember({ name, address, tags, status }: Pick<MemberView, 'name' | 'address' | 'tags' | 'status'>): ClusterMember | null {
  const host = parseAddress(address)?.host
  if (host === undefined) return null
  const member = { name, id: tags.id ?? '', host, status }
  if (tags.role === 'node') return { ...member, server: null }
  if (tags.role !== 'consul') return null
  const port = Number(tags.port)
  if (!Number.isInteger(port) || port < 1 || port > 65_535 || member.id === '') return null
  return {
    ...member,
    server: { address: formatAddress(host, port), port, version: (tags.build ?? '').split(':')[0]!, raftVersion: Number(tags.raft_vsn ?? 0) || 0, bootstrap: tags.bootstrap === '1' },
  }
}

/** Node ids that several live members claim: a data directory was copied. Nobody can tell which of them is meant. */
export function sharedIds(members: readonly ClusterMember[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const shared = new Set<string>()
  for (const { id, status } of members) {
    if (id === '' || status !== 'alive') continue
    if (seen.has(id)) shared.add(id)
    seen.add(id)
  }
  return shared
}

/**
 * Servers that were all started with `-bootstrap`, if they are several: each
 * may have formed a cluster, and one would lose its data to another.
 */
export function rivals(members: readonly ClusterMember[]): readonly ClusterMember[] {
  const found = members.filter(({ server, status }) => server?.bootstrap === true && status !== 'left')
  return found.length > 1 ? found : []
}
