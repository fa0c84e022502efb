import { z } from 'zod'
import { bodyText, describeOutcome, failureOf } from '../../client/definiteness.ts'
import { decodeLockEntry } from '../../client/kv-answers.ts'
import type { HttpOutcome } from '../../environments/environment.ts'
import type { ReadConsistency } from '../../plan/plan.ts'
import type { Answer } from '../../../workloads/ports/answer.ts'
import type { LockEntry, SessionClient, SessionOptions } from '../../../workloads/ports/sessions.ts'
import type { MemberRequest } from '../system.ts'
import { consistencyQuery, isAbsent, kvPath, writeAnswer } from './kv.ts'

/** Consul's are 128 random bits, without the version that RFC 9562 wants in them. */
const createdSchema = z.object({ ID: z.guid() })

/** `/v1/session/…`, and keys as locks (`?acquire=`, `?release=`). */
export class ConsulSessionClient implements SessionClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async create({ ttlMs, lockDelayMs, behavior, endsWithMember }: SessionOptions): Promise<Answer<{ session: string }>> {
    const body = JSON.stringify({
      Behavior: behavior,
      LockDelay: `${lockDelayMs}ms`,
      ...ttlMs === 0 ? {} : { TTL: `${ttlMs}ms` },
      // Not given, it leans on the agent's gossip check.
      ...endsWithMember ? {} : { NodeChecks: [] },
    })
    const outcome = await this.#put('/v1/session/create', body)
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'write')
    const created = createdSchema.safeParse(parseJson(outcome))
    return created.success ? { type: 'ok', session: created.data.ID } : failureOf(outcome, 'write', `malformed answer: ${describeOutcome(outcome)}`)
  }

  async renew(session: string): Promise<Answer<{ known: boolean }>> {
    const outcome = await this.#put(`/v1/session/renew/${session}`)
    if (outcome.kind === 'response' && outcome.status === 404 && bodyText(outcome).includes(session)) return { type: 'ok', known: false }
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'write')
    const renewed = z.array(createdSchema).length(1).safeParse(parseJson(outcome))
    if (!renewed.success || renewed.data[0]!.ID !== session) return failureOf(outcome, 'write', `malformed answer: ${describeOutcome(outcome)}`)
    return { type: 'ok', known: true }
  }

  async destroy(session: string): Promise<Answer<object>> {
    const put = writeAnswer(await this.#put(`/v1/session/destroy/${session}`))
    if (put.type !== 'ok') return put
    return put.answer ? { type: 'ok' } : { type: 'info', error: 'the answer was false: nothing says what became of the session' }
  }

  async acquire(key: string, session: string, value: string): Promise<Answer<{ held: boolean, known: boolean }>> {
    const outcome = await this.#put(`${kvPath(key)}?acquire=${session}`, value)
    if (isUnknownSession(outcome, session)) return { type: 'ok', held: false, known: false }
    const put = writeAnswer(outcome)
    return put.type === 'ok' ? { type: 'ok', held: put.answer, known: true } : put
  }

  async release(key: string, session: string, value: string): Promise<Answer<{ released: boolean }>> {
    const put = writeAnswer(await this.#put(`${kvPath(key)}?release=${session}`, value))
    return put.type === 'ok' ? { type: 'ok', released: put.answer } : put
  }

  async read(key: string, consistency: ReadConsistency): Promise<Answer<{ lock: LockEntry | null }>> {
    const outcome = await this.#request({ method: 'GET', target: `${kvPath(key)}${consistencyQuery(consistency)}` }, this.#timeoutMs)
    if (isAbsent(outcome)) return { type: 'ok', lock: null }
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'read')
    const lock = decodeLockEntry(outcome.body, key)
    return 'malformed' in lock ? failureOf(outcome, 'read', lock.malformed) : { type: 'ok', lock }
  }

  #put(target: string, body = ''): Promise<HttpOutcome> {
    return this.#request({ method: 'PUT', target, body }, this.#timeoutMs)
  }
}

/** Decided by the log at the place where the lock would have been taken. */
function isUnknownSession(outcome: HttpOutcome, session: string): boolean {
  return outcome.kind === 'response' && outcome.status === 500 && bodyText(outcome).endsWith(`invalid session "${session}"`)
}

function parseJson(outcome: HttpOutcome): unknown {
  try {
    return JSON.parse(bodyText(outcome))
  } catch {
    return null
  }
}
