import { describeOutcome, failureOf } from '../../client/definiteness.ts'
import { decodeBoolean, decodeEntry } from '../../client/kv-answers.ts'
import type { HttpOutcome } from '../../environments/environment.ts'
import type { KvClient, KvResult } from '../../../workloads/workload.ts'
import type { MemberRequest } from '../system.ts'

/** Keys as `/v1/kv` has them. */
export class ConsulKvClient implements KvClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async read(key: string, consistency: 'default' | 'consistent' | 'stale'): Promise<KvResult<{ value: string | null, version: number | null }>> {
    const outcome = await this.#request({ method: 'GET', target: `${kvPath(key)}${consistencyQuery(consistency)}` }, this.#timeoutMs)
    if (isAbsent(outcome)) return { type: 'ok', value: null, version: null }
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'read')
    const entry = decodeEntry(outcome.body, key)
    return 'malformed' in entry ? failureOf(outcome, 'read', entry.malformed) : { type: 'ok', ...entry }
  }

  async write(key: string, value: string): Promise<KvResult<{ version?: number }>> {
    const put = await this.#put(kvPath(key), value)
    if (put.type !== 'ok') return put
    return put.answer ? { type: 'ok' } : { type: 'fail', error: 'the answer was false: not written' }
  }

  async compareAndSet(key: string, value: string, version: number): Promise<KvResult<{ swapped: boolean }>> {
    const put = await this.#put(`${kvPath(key)}?cas=${version}`, value)
    return put.type === 'ok' ? { type: 'ok', swapped: put.answer } : put
  }

  async #put(target: string, body: string): Promise<KvResult<{ answer: boolean }>> {
    return writeAnswer(await this.#request({ method: 'PUT', target, body }, this.#timeoutMs))
  }
}

/** An absent key is 404 without a body; with one it is an unknown route. */
export const isAbsent = (outcome: HttpOutcome) => outcome.kind === 'response' && outcome.status === 404 && outcome.body.length === 0

/** The `true` or `false` of a write. */
export function writeAnswer(outcome: HttpOutcome): KvResult<{ answer: boolean }> {
  if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'write')
  const answer = decodeBoolean(outcome.body)
  if (answer === null) return failureOf(outcome, 'write', `malformed answer: ${describeOutcome(outcome)}`)
  return { type: 'ok', answer }
}

/** Of a read that is wanted so. */
export const consistencyQuery = (consistency: 'default' | 'consistent' | 'stale') => consistency === 'default' ? '' : `?${consistency}`

/** Of a key or of what is below one; slashes stay. */
export const kvPath = (key: string) => `/v1/kv/${unreserved.test(key) ? key : encodeURIComponent(key).replaceAll('%2F', '/')}`
const unreserved = /^[\w/.-]*$/
