import { z } from 'zod'
import { bodyText, describeOutcome, failureOf } from '../client/definiteness.ts'
import { decodeBoolean, decodeEntry } from '../client/kv-answers.ts'
import { consulMembership } from './membership.ts'
import { consulServices } from './services.ts'
import type { KvClient, KvResult } from '../../workloads/workload.ts'
import type { MemberRequest, System } from './system.ts'

/** Long enough for a busy machine, short enough that asking a dead member holds nothing up. */
const statusTimeoutMs = 1000

/** Our registry, and whatever else speaks Consul's HTTP API. */
export const registry: System = {
  name: 'registry',
  membership: consulMembership,
  services: consulServices,
  client: (request, operationTimeoutMs) => new ConsulKvClient(request, operationTimeoutMs),

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

class ConsulKvClient implements KvClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async read(key: string, consistency: 'default' | 'consistent' | 'stale'): Promise<KvResult<{ value: string | null, version: number | null }>> {
    const query = consistency === 'default' ? '' : `?${consistency}`
    const outcome = await this.#request({ method: 'GET', target: `${path(key)}${query}` }, this.#timeoutMs)
    // An absent key is 404 without a body; with one it is an unknown route.
    if (outcome.kind === 'response' && outcome.status === 404 && outcome.body.length === 0) {
      return { type: 'ok', value: null, version: null }
    }
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'read')
    const entry = decodeEntry(outcome.body, key)
    return 'malformed' in entry ? failureOf(outcome, 'read', entry.malformed) : { type: 'ok', ...entry }
  }

  async write(key: string, value: string): Promise<KvResult<{ version?: number }>> {
    const put = await this.#put(path(key), value)
    if (put.type !== 'ok') return put
    return put.answer ? { type: 'ok' } : { type: 'fail', error: 'the answer was false: not written' }
  }

  async compareAndSet(key: string, value: string, version: number): Promise<KvResult<{ swapped: boolean }>> {
    const put = await this.#put(`${path(key)}?cas=${version}`, value)
    return put.type === 'ok' ? { type: 'ok', swapped: put.answer } : put
  }

  async #put(target: string, body: string): Promise<KvResult<{ answer: boolean }>> {
    const outcome = await this.#request({ method: 'PUT', target, body }, this.#timeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'write')
    const answer = decodeBoolean(outcome.body)
    if (answer === null) return failureOf(outcome, 'write', `malformed answer: ${describeOutcome(outcome)}`)
    return { type: 'ok', answer }
  }
}

const path = (key: string) => `/v1/kv/${encodeURIComponent(key).replaceAll('%2F', '/')}`
