import { z } from 'zod'
import { failureOf } from '../../client/definiteness.ts'
import { decodeJson } from '../../client/json-answers.ts'
import type { Answer } from '../../../workloads/ports/answer.ts'
import type { MembersClient, MemberView } from '../../../workloads/ports/members.ts'
import type { MemberRequest } from '../system.ts'

/** Serf's numbers, as `/v1/agent/members` gives them. */
const statuses: Readonly<Record<number, MemberView['status']>> = { 1: 'alive', 2: 'leaving', 3: 'left', 4: 'failed' }

const membersSchema = z.array(z.object({ Name: z.string(), Status: z.int().min(1).max(4) }))
  .refine((members) => new Set(members.map(({ Name }) => Name)).size === members.length, 'a name is there twice')

/** Members as `/v1/agent/members` has them. */
export class ConsulMembersClient implements MembersClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async view(): Promise<Answer<{ members: readonly MemberView[] }>> {
    const outcome = await this.#request({ method: 'GET', target: '/v1/agent/members' }, this.#timeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'read')
    const decoded = decodeJson(outcome.body, membersSchema)
    if ('malformed' in decoded) return failureOf(outcome, 'read', decoded.malformed)
    return { type: 'ok', members: decoded.value.map(({ Name, Status }) => ({ name: Name, status: statuses[Status]! })) }
  }
}
