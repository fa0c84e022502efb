import { z } from 'zod'
import { bodyText, describeOutcome } from '../client/definiteness.ts'
import type { Changed, Membership } from './membership.ts'
import type { MemberRequest } from './system.ts'

const listTimeoutMs = 1000
/** A change is answered when it is committed. */
const changeTimeoutMs = 5000
/** Nobody who lives may go before all have been connected for five seconds. */
const settleTimeoutMs = 8000
const settlePauseMs = 500

const uint64 = z.string().regex(/^\d+$/)
const statusSchema = z.object({ header: z.object({ member_id: uint64 }) })
/** One that has been added and never started has no name yet. What is false or empty is left out. */
const listSchema = z.object({
  members: z.array(z.object({ ID: uint64, name: z.string().default(''), peerURLs: z.array(z.string()).default([]), isLearner: z.boolean().default(false) })),
})

export interface EtcdMember {
  readonly id: string
  readonly name: string
  readonly peerUrls: readonly string[]
  readonly votes: boolean
}

/** The configuration as the asked member has it; null where it does not answer. */
export async function etcdMembers(request: MemberRequest): Promise<readonly EtcdMember[] | null> {
  const list = await ask(request, '/v3/cluster/member/list', {}, listTimeoutMs, listSchema)
  return list?.members.map(({ ID, name, peerURLs, isLearner }) => ({ id: ID, name, peerUrls: peerURLs, votes: !isLearner })) ?? null
}

export const removeEtcdMember = (request: MemberRequest, id: string): Promise<Changed> => change(request, '/v3/cluster/member/remove', { ID: id })
export const addEtcdMember = (request: MemberRequest, peerUrl: string): Promise<Changed> => change(request, '/v3/cluster/member/add', { peerURLs: [peerUrl] })

const ownId = async (request: MemberRequest) => (await ask(request, '/v3/maintenance/status', {}, listTimeoutMs, statusSchema))?.header.member_id ?? null

/** By the JSON gateway of its cluster API. To leave is to be removed: a member that hears of it ends by itself. */
export const etcdMembership: Membership = {
  ownId,
  async servers(request) {
    return (await etcdMembers(request))?.map(({ id, name, votes }) => ({ id, name, votes })) ?? null
  },
  remove: removeOnceSettled,
  async leave(request) {
    const id = await ownId(request)
    return id === null ? { done: false, why: 'it does not say under which id it is known', mayFollow: false } : removeOnceSettled(request, id)
  },
}

/** After a change before, or a fault, the others may not count as connected yet; other refusals are final. */
async function removeOnceSettled(request: MemberRequest, id: string): Promise<Changed> {
  const endMs = performance.now() + settleTimeoutMs
  for (;;) {
    const removed = await removeEtcdMember(request, id)
    if (removed.done || !/unhealthy cluster/.test(removed.why) || performance.now() >= endMs) return removed
    await new Promise((resolve) => setTimeout(resolve, settlePauseMs))
  }
}

async function ask<T>(request: MemberRequest, target: string, body: object, timeoutMs: number, schema: z.ZodType<T>): Promise<T | null> {
  const outcome = await post(request, target, body, timeoutMs)
  if (outcome.kind !== 'response' || outcome.status !== 200) return null
  try {
    return schema.safeParse(JSON.parse(bodyText(outcome))).data ?? null
  } catch {
    return null
  }
}

async function change(request: MemberRequest, target: string, body: object): Promise<Changed> {
  const outcome = await post(request, target, body, changeTimeoutMs)
  if (outcome.kind === 'response' && outcome.status === 200) return { done: true }
  // Refused with a reason before it was proposed, or else nobody can tell.
  const refused = outcome.kind === 'not-sent' || outcome.kind === 'response' && /re-configuration failed|unhealthy cluster|member not found|Peer URLs already exists|no leader/i.test(bodyText(outcome))
  return { done: false, why: describeOutcome(outcome), mayFollow: !refused }
}

const post = (request: MemberRequest, target: string, body: object, timeoutMs: number) =>
  request({ method: 'POST', target, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }, timeoutMs)
