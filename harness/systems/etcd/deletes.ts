import { z } from 'zod'
import type { Answer } from '../../../workloads/ports/answer.ts'
import type { DeleteClient } from '../../../workloads/ports/deletes.ts'
import { describeOutcome, failureOf } from '../../client/definiteness.ts'
import type { MemberRequest } from '../system.ts'
import { base64, decode, header, post } from './gateway.ts'

const deletedSchema = z.object({ header })

/** `POST /v3/kv/deleterange` of one key. */
export class EtcdDeletes implements DeleteClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async delete(key: string): Promise<Answer<object>> {
    const outcome = await post(this.#request, '/v3/kv/deleterange', { key: base64(key) }, this.#timeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'write')
    // How many were deleted is left out where it is none.
    return decode(outcome, deletedSchema) === null ? failureOf(outcome, 'write', `malformed answer: ${describeOutcome(outcome)}`) : { type: 'ok' }
  }
}
