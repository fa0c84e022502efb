import type { Link, Traffic } from '../capabilities.ts'
import type { Gate } from './gate.ts'
import type { LinkProxy } from './link-proxy.ts'
import type { Endpoint } from './tcp-relay.ts'

/** What is said at a port: Raft and RPC, gossip, or the HTTP API, which only clients ask. */
export type Conversation = 'raft' | 'gossip' | 'client'
export type Protocol = 'tcp' | 'udp'

/** Who stands for all that are no members. */
export const clientsEnd = 'clients'

/**
 * What goes one way through one door, by one protocol: the smallest thing that
 * can be cut or disturbed. A link has several: what its sender says on
 * connections that it dialled, and what it answers on those that the other dialled.
 */
export interface Lane {
  readonly link: Link
  readonly conversation: Conversation
  readonly protocol: Protocol
  /** Its bytes travel against the direction in which the door was dialled. */
  readonly answers: boolean
  readonly gate: Gate
}

export interface Way {
  readonly protocol: Protocol
  readonly forward: Lane
  readonly backward: Lane
}

/** What a sender dials in place of a receiver's port. */
export interface Door {
  /** From who dials to who listens. */
  readonly link: Link
  readonly conversation: Conversation
  /** What the receiver advertises. */
  readonly target: Endpoint
  readonly proxy: LinkProxy
  /** TCP, and UDP where the port has both. */
  readonly ways: readonly Way[]
}

export const linkName = ({ from, to }: Link): string => `${from}→${to}`
export const laneName = ({ link, conversation, protocol, answers }: Lane): string => `${linkName(link)} ${conversation} ${protocol}${answers ? ' answers' : ''}`

export function carries(traffic: Traffic, conversation: Conversation): boolean {
  return conversation !== 'client' && (traffic === 'all' || traffic === conversation)
}
