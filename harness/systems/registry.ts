import { z } from 'zod'
import { bodyText, describeOutcome } from '../client/definiteness.ts'
import { consulClient } from './consul/client.ts'
import { consulMembership } from './membership.ts'
import { consulServices } from './services.ts'
import type { MemberRequest, System } from './system.ts'

/** Long enough for a busy machine, short enough that asking a dead member holds nothing up. */
const statusTimeoutMs = 1000

/** Our registry, and whatever else speaks Consul's HTTP API. */
export const registry: System = {
  name: 'registry',
  membership: consulMembership,
  services: consulServices,
  client: consulClient,

  async leaderSeen(request) {
    const outcome = await request({ method: 'GET', target: '/v1/status/leader' }, statusTimeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return { none: describeOutcome(outcome) }
    const leader = parseJson(bodyText(outcome), z.string())
    if (leader === null) return { none: `malformed answer to /v1/status/leader: ${describeOutcome(outcome)}` }
    return leader === '' ? { none: 'knows no leader' } : { leader }
  },

  async leadership(request) {
    const outcome = await request({ method: 'GET', target: '/v1/agent/self' }, statusTimeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return null
    const self = parseJson(bodyText(outcome), selfSchema)
    return self === null ? null : { leads: self.Stats.raft.state === 'Leader', term: Number(self.Stats.raft.term) }
  },
}

/** The part of `/v1/agent/self` that is used; Consul's Stats are strings. */
const selfSchema = z.object({
  Stats: z.object({ raft: z.object({ state: z.string(), term: z.string().regex(/^\d+$/) }) }),
})

function parseJson<T>(text: string, schema: z.ZodType<T>): T | null {
  try {
    const parsed = schema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}
