import type { MembershipChange } from '../raft/membership.ts'
import type { Configuration, Server } from '../raft/entry.ts'
import { type ClusterMember, rivals, sharedIds } from './cluster-member.ts'

export interface RaftPlanInput {
  readonly configuration: Configuration
  readonly members: readonly ClusterMember[]
  /** The leader's own id. */
  readonly selfId: string
}

export interface RaftPlanStep {
  readonly change: MembershipChange
  /** For the log: a sentence without its full stop. */
  readonly why: string
}

/**
 * The next change of the Raft configuration that gossip asks for, or null. One
 * at a time, as Raft takes them: ask again when it is committed.
 *
 * - A server that left goes. (One that failed stays: whether it may go is
 *   autopilot's to judge.) The leader itself stays; it removes itself when it leaves.
 * - A live server that Raft does not know comes in, without a vote at first.
 * - Where another id has the address of a newcomer, that other has lost its
 *   disk, and its id with it, if no live member claims the id: it goes before
 *   the newcomer comes. If one does, that one has moved: its new address is
 *   entered, and nobody is removed.
 * - Of several that were started with `-bootstrap`, none is taken in.
 * - Of an id that several live members claim, nothing is believed: entries for
 *   one of two that share it would reach the other.
 */
export function planRaft({ configuration, members, selfId }: RaftPlanInput): RaftPlanStep | null {
  if (configuration.voters.length === 0) return null
  const servers = [...configuration.voters, ...configuration.nonVoters ?? []]
  const shared = sharedIds(members)
  const alive = members.filter(({ status, server, id }) => status === 'alive' && server !== null && !shared.has(id))
  const rivalIds = new Set(rivals(members).map(({ id }) => id))
  const aliveIds = new Set(members.filter(({ status }) => status === 'alive').map(({ id }) => id))

  const gone = servers.find(({ id }) => id !== selfId && !aliveIds.has(id)
    && members.some((member) => member.id === id && member.server !== null && member.status === 'left'))
  if (gone !== undefined) return { change: { kind: 'remove', id: gone.id }, why: `${gone.name} left the cluster` }

  const isKnown = ({ id }: ClusterMember) => servers.some((server) => server.id === id)
  for (const { id, name, server } of [...alive.filter(isKnown), ...alive.filter((member) => !isKnown(member))]) {
    const wanted: Server = { id, name, address: server!.address }
    const known = servers.find((other) => other.id === id)
    if (known !== undefined && known.address === wanted.address && known.name === wanted.name) continue
    if (known === undefined && rivalIds.has(id)) continue
    const holder = servers.find((other) => other.address === wanted.address && other.id !== id)
    if (holder !== undefined && (holder.id === selfId || aliveIds.has(holder.id))) {
      // Two that swap addresses have the same one for a moment: messages name their receiver, the other drops them.
      const hasMoved = alive.some((member) => member.id === holder.id && member.server!.address !== wanted.address)
      if (!hasMoved) continue
    } else if (holder !== undefined) {
      return { change: { kind: 'remove', id: holder.id }, why: `${name} took the address of ${holder.name}, whose id nobody has any more` }
    }
    return { change: { kind: 'add', server: wanted }, why: known === undefined ? `${name} joined the cluster` : `${name} has another name or address` }
  }
  return null
}
