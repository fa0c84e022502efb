import type { JoinOutcome } from '../gossip/gossip-driver.ts'
import type { CommandResult, GossipFigures } from '../gossip/core.ts'
import type { MemberStatus, MemberView } from '../gossip/ready.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { emptyResponse, errorResponse } from './responses.ts'
import { parseAddress } from '../transport/address.ts'

/** What the API needs of gossip. */
export interface GossipApi {
  members(): MemberView[]
  /** Lifeguard's: 0 is healthy. */
  readonly healthScore: number
  readonly figures: GossipFigures
  join(addresses: readonly string[], done: (outcome: JoinOutcome) => void): void
  forceLeave(name: string, prune: boolean): CommandResult
  /** `done` comes when the others know. */
  leave(done: () => void): void
}

type Respond = (response: ApiResponse) => void

const statusNumbers: Record<MemberStatus, number> = { alive: 1, leaving: 2, left: 3, failed: 4 }

/** A member's entry, as `/v1/agent/members` and `/v1/agent/self` give it. */
export function memberObject({ name, address, tags, status }: Pick<MemberView, 'name' | 'address' | 'tags' | 'status'>): object {
  const colon = address.lastIndexOf(':')
  return {
    Name: name, Addr: address.slice(0, colon).replace(/^\[|\]$/g, ''), Port: Number(address.slice(colon + 1)), Tags: tags,
    Status: statusNumbers[status], ProtocolMin: 1, ProtocolMax: 5, ProtocolCur: 2, DelegateMin: 2, DelegateMax: 5, DelegateCur: 4,
  }
}

/** What a server tells of itself in its tags. Values are strings, as in Consul. */
export function serverTags({ id, datacenter, version, bootstrapExpect, address }: Pick<ApiContext, 'id' | 'datacenter' | 'version' | 'bootstrapExpect' | 'address'>): Record<string, string> {
  return {
    acls: '0', build: `${version}:`, dc: datacenter, id,
    // To expect one server is to be the one that begins.
    ...bootstrapExpect === 1 ? { bootstrap: '1' } : bootstrapExpect > 1 ? { expect: String(bootstrapExpect) } : {},
    port: address.slice(address.lastIndexOf(':') + 1), raft_vsn: '3', role: 'consul', segment: '', vsn: '2', vsn_max: '3', vsn_min: '2',
  }
}

/** What a client agent tells of itself. */
export function clientTags({ id, datacenter, version }: Pick<ApiContext, 'id' | 'datacenter' | 'version'>): Record<string, string> {
  return { acls: '0', build: `${version}:`, dc: datacenter, id, role: 'node', segment: '', vsn: '2', vsn_max: '3', vsn_min: '2' }
}

/** Segments of a network are not of this edition; all of them, or the one without a name, are the network. */
export function refuseSegment(query: URLSearchParams): ApiResponse | null {
  const segment = query.get('segment') ?? ''
  if (segment !== '' && query.has('wan')) return errorResponse(400, 'Cannot provide a segment with wan=true')
  return segment === '' || segment === '_all' ? null : errorResponse(500, 'Network segments are not supported in this version of Consul')
}

/** `/v1/agent/members`: without gossip a member knows of itself alone. */
export function listMembers(context: ApiContext): object[] {
  return context.gossip === null ? [ownMember(context)] : context.gossip.members().map(memberObject)
}

/** The section of `/v1/agent/self` on gossip. Absent without. There are no queries here, and no key. */
export function gossipStats({ gossip }: ApiContext): { readonly serf_lan?: Record<string, string> } {
  if (gossip === null) return {}
  const members = gossip.members()
  const count = (status: MemberStatus) => String(members.filter((member) => member.status === status).length)
  const { memberTime, eventTime, intentsQueued, eventsQueued } = gossip.figures
  return {
    serf_lan: {
      encrypted: 'false', event_queue: String(eventsQueued), event_time: String(eventTime), failed: count('failed'), health_score: String(gossip.healthScore),
      intent_queue: String(intentsQueued), left: count('left'), member_time: String(memberTime), members: String(members.length), query_queue: '0', query_time: '1',
    },
  }
}

export function ownMember(context: ApiContext): object {
  const own = context.gossip?.members().find(({ name }) => name === context.name)
  if (own !== undefined) return memberObject(own)
  const host = context.address.slice(0, context.address.lastIndexOf(':'))
  return memberObject({ name: context.name, address: `${host}:8301`, tags: serverTags(context), status: 'alive' })
}

/** `/v1/agent/join/:address`: 200 when the member there was reached. */
export function joinMember({ gossip }: ApiContext, address: string, respond: Respond): void {
  if (gossip === null) return respond(noGossip)
  gossip.join([address], ({ failed }) => {
    if (failed.length === 0) return respond(emptyResponse(200))
    // Go's way to print one error of several.
    const lines = failed.map((failure) => `\t* Failed to join ${parseAddress(failure.address)?.host ?? address}: ${asGoSaysIt(failure.address, failure.reason)}\n`)
    respond(errorResponse(500, `${failed.length} error occurred:\n${lines.join('')}\n`))
  })
}

/** `/v1/agent/force-leave/:node`: makes a failed member count as left. */
export function forceLeave({ gossip }: ApiContext, name: string, prune: boolean, respond: Respond): void {
  if (gossip === null) return respond(noGossip)
  const result = gossip.forceLeave(name, prune)
  respond(result.ok ? emptyResponse(200) : errorResponse(500, `agent: No node found with name '${name}'`))
}

/** `/v1/agent/leave`: answered when the others know; then the process ends. */
export function leaveCluster({ gossip, leave, onLeft }: ApiContext, respond: Respond): void {
  if (gossip === null) return respond(noGossip)
  leave(() => {
    respond(emptyResponse(200))
    onLeft()
  })
}

const noGossip = errorResponse(500, 'this member runs without gossip: start it with -serf-lan-port')

function asGoSaysIt(address: string, reason: string): string {
  return `dial tcp ${address}: ${/ECONNREFUSED/.test(reason) ? 'connect: connection refused' : /^no answer within/.test(reason) ? 'i/o timeout' : reason}`
}
