import { z } from 'zod'
import { bodyText, describeOutcome } from '../client/definiteness.ts'
import type { MemberRequest } from './system.ts'

/** A server as the system's own configuration has it. */
export interface ServerSeen {
  /** Another after its disk was lost. */
  readonly id: string
  readonly name: string
  readonly votes: boolean
}

/** Done, or why not. `mayFollow`: it may still happen, as the next leader may commit what the last one could not. */
export type Changed = { readonly done: true } | { readonly done: false, readonly why: string, readonly mayFollow: boolean }

/** How a system is asked who belongs to it, and told to change that. */
export interface Membership {
  /** How long the others may take to agree to a change; absent: ten seconds. */
  readonly agreeTimeoutMs?: number
  /** The id under which the member knows itself; null where it does not answer. */
  ownId(request: MemberRequest): Promise<string | null>
  /** The configuration as this member has it; null where it does not answer. */
  servers(request: MemberRequest): Promise<readonly ServerSeen[] | null>
  /** Takes a server out, alive or not; to be asked of the leader. */
  remove(request: MemberRequest, id: string): Promise<Changed>
  /** Asks a member to leave in good order; its process ends then. */
  leave(request: MemberRequest): Promise<Changed>
}

const statusTimeoutMs = 1000
/** A change is answered when it is committed. */
const changeTimeoutMs = 5000
/** Leaving waits until the others know. */
const leaveTimeoutMs = 15_000
/** What is answered when the change stands in a log and is not committed: as ours says it, and as Consul does. */
const mayFollow = /may still happen|leadership lost while committing log|timed out/

const selfSchema = z.object({ Config: z.object({ NodeID: z.string() }) })
const configurationSchema = z.object({ Servers: z.array(z.object({ ID: z.string(), Node: z.string(), Voter: z.boolean() })) })

/** As Consul's API has it: "Agent", "Operator". */
export const consulMembership: Membership = {
  async ownId(request) {
    const outcome = await request({ method: 'GET', target: '/v1/agent/self' }, statusTimeoutMs)
    return outcome.kind === 'response' && outcome.status === 200 ? read(bodyText(outcome), selfSchema)?.Config.NodeID ?? null : null
  },
  async servers(request) {
    const outcome = await request({ method: 'GET', target: '/v1/operator/raft/configuration' }, statusTimeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return null
    return read(bodyText(outcome), configurationSchema)?.Servers.map(({ ID, Node, Voter }) => ({ id: ID, name: Node, votes: Voter })) ?? null
  },
  remove: (request, id) => change(request, 'DELETE', `/v1/operator/raft/peer?id=${encodeURIComponent(id)}`, changeTimeoutMs),
  leave: (request) => change(request, 'PUT', '/v1/agent/leave', leaveTimeoutMs),
}

async function change(request: MemberRequest, method: 'PUT' | 'DELETE', target: string, timeoutMs: number): Promise<Changed> {
  const outcome = await request({ method, target }, timeoutMs)
  return outcome.kind === 'response' && outcome.status === 200 ? { done: true }
    : { done: false, why: describeOutcome(outcome), mayFollow: outcome.kind === 'lost' || outcome.kind === 'response' && mayFollow.test(bodyText(outcome)) }
}

function read<T>(text: string, schema: z.ZodType<T>): T | null {
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    return null
  }
}
