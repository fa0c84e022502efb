import { z } from 'zod'
import { bodyText, describeOutcome } from '../client/definiteness.ts'
import { consulClient } from './consul/client.ts'
import { consulMembership } from './membership.ts'
import { consulServices } from './services.ts'
import type { System } from './system.ts'

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
    const text = bodyText(outcome)
    const alone = raftAlone.exec(text)?.[1]
    const raft = (alone === undefined ? null : parseJson(alone, raftSchema)) ?? parseJson(text, selfSchema)?.Stats.raft
    return raft === undefined ? null : { leads: raft.state === 'Leader', term: Number(raft.term) }
  },
}

/** The part of `/v1/agent/self` that is used; Consul's Stats are strings. */
const raftSchema = z.object({ state: z.string(), term: z.string().regex(/^\d+$/) })
const selfSchema = z.object({ Stats: z.object({ raft: raftSchema }) })

/**
 * Where that part stands. All members are asked every second, and reading the
 * whole answer for it took an eighth of an idle simulation. A string cannot hold
 * this, for quotes in it are escaped; where the part itself has braces in a
 * string, as Consul's, the whole is read.
 */
const raftAlone = /"raft":(\{[^{}]*\})/

function parseJson<T>(text: string, schema: z.ZodType<T>): T | null {
  try {
    const parsed = schema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}
