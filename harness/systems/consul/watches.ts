import { failureOf } from '../../client/definiteness.ts'
import { decodeEntries } from '../../client/kv-answers.ts'
import type { HttpOutcome } from '../../environments/environment.ts'
import type { ReadConsistency } from '../../plan/plan.ts'
import type { Answer } from '../../../workloads/ports/answer.ts'
import type { DeleteClient } from '../../../workloads/ports/deletes.ts'
import type { WatchClient, WatchedEntry } from '../../../workloads/ports/watches.ts'
import type { MemberRequest } from '../system.ts'
import { isAbsent, kvPath, writeAnswer } from './kv.ts'

/** `GET /v1/kv/<prefix>?recurse&index=…&wait=…`. */
export class ConsulWatchClient implements WatchClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async wait(prefix: string, index: number, waitMs: number, consistency: ReadConsistency): Promise<Answer<{ index: number, entries: readonly WatchedEntry[] }>> {
    const query = ['recurse', ...consistency === 'default' ? [] : [consistency], ...index === 0 ? [] : [`index=${index}`, `wait=${waitMs}ms`]].join('&')
    const outcome = await this.#request({ method: 'GET', target: `${kvPath(prefix)}?${query}` }, this.#timeoutMs)
    if (outcome.kind !== 'response' || (outcome.status !== 200 && !isAbsent(outcome))) return failureOf(outcome, 'read')
    const seen = decodeIndex(outcome)
    if (seen === null) return failureOf(outcome, 'read', 'malformed answer: X-Consul-Index is no positive number')
    const entries = isAbsent(outcome) ? [] : decodeEntries(outcome.body, prefix)
    return 'malformed' in entries ? failureOf(outcome, 'read', entries.malformed) : { type: 'ok', index: seen, entries }
  }
}

/** `DELETE /v1/kv/<key>`. */
export class ConsulDeleteClient implements DeleteClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async delete(key: string): Promise<Answer<object>> {
    const answer = writeAnswer(await this.#request({ method: 'DELETE', target: kvPath(key) }, this.#timeoutMs))
    if (answer.type !== 'ok') return answer
    return answer.answer ? { type: 'ok' } : { type: 'fail', error: 'the answer was false: not deleted' }
  }
}

/** Consul's clients begin anew at 0 where they are told less than 1. */
function decodeIndex(outcome: HttpOutcome): number | null {
  if (outcome.kind !== 'response') return null
  const text = Object.entries(outcome.headers).find(([name]) => name.toLowerCase() === 'x-consul-index')?.[1] ?? ''
  const index = /^\d{1,16}$/.test(text) ? Number(text) : 0
  return Number.isSafeInteger(index) && index >= 1 ? index : null
}
