import { decodeBoolean, decodeEntries } from '../../client/kv-answers.ts'
import { describeOutcome, failureOf } from '../../client/definiteness.ts'
import type { Answer } from '../../../workloads/ports/answer.ts'
import type { ListedEntry, PrefixClient } from '../../../workloads/ports/prefixes.ts'
import type { ReadConsistency } from '../../plan/plan.ts'
import type { MemberRequest } from '../system.ts'

/** `GET /v1/kv/<prefix>?recurse` and `DELETE /v1/kv/<key>`. */
export class ConsulPrefixes implements PrefixClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async list(prefix: string, consistency: ReadConsistency): Promise<Answer<{ entries: readonly ListedEntry[] }>> {
    const query = consistency === 'default' ? '' : `&${consistency}`
    const outcome = await this.#request({ method: 'GET', target: `${path(prefix)}?recurse${query}` }, this.#timeoutMs)
    // Nothing there is 404 without a body; with one it is an unknown route.
    if (outcome.kind === 'response' && outcome.status === 404 && outcome.body.length === 0) return { type: 'ok', entries: [] }
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'read')
    const entries = decodeEntries(outcome.body)
    if ('malformed' in entries) return failureOf(outcome, 'read', entries.malformed)
    const stranger = entries.find(({ key }) => !key.startsWith(prefix))
    return stranger === undefined ? { type: 'ok', entries } : failureOf(outcome, 'read', `malformed answer: asked for keys below ${prefix}, got ${stranger.key}`)
  }

  async remove(key: string): Promise<Answer<object>> {
    const outcome = await this.#request({ method: 'DELETE', target: path(key) }, this.#timeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'write')
    return decodeBoolean(outcome.body) === true ? { type: 'ok' } : failureOf(outcome, 'write', `malformed answer: ${describeOutcome(outcome)}`)
  }
}

const path = (key: string) => `/v1/kv/${key.split('/').map(encodeURIComponent).join('/')}`
