import { decodeEntries } from '../../client/kv-answers.ts'
import { failureOf } from '../../client/definiteness.ts'
import type { Answer } from '../../../workloads/ports/answer.ts'
import type { ListedEntry, PrefixClient } from '../../../workloads/ports/prefixes.ts'
import type { ReadConsistency } from '../../plan/plan.ts'
import type { MemberRequest } from '../system.ts'
import { isAbsent, kvPath } from './kv.ts'

/** `GET /v1/kv/<prefix>?recurse`. */
export class ConsulPrefixes implements PrefixClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async list(prefix: string, consistency: ReadConsistency): Promise<Answer<{ entries: readonly ListedEntry[] }>> {
    const query = consistency === 'default' ? '' : `&${consistency}`
    const outcome = await this.#request({ method: 'GET', target: `${kvPath(prefix)}?recurse${query}` }, this.#timeoutMs)
    if (isAbsent(outcome)) return { type: 'ok', entries: [] }
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'read')
    const entries = decodeEntries(outcome.body, prefix, 'kept')
    return 'malformed' in entries ? failureOf(outcome, 'read', entries.malformed) : { type: 'ok', entries }
  }
}
