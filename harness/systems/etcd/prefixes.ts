import { z } from 'zod'
import type { Answer } from '../../../workloads/ports/answer.ts'
import type { ListedEntry, PrefixClient } from '../../../workloads/ports/prefixes.ts'
import { describeOutcome, failureOf } from '../../client/definiteness.ts'
import type { ReadConsistency } from '../../plan/plan.ts'
import type { MemberRequest } from '../system.ts'
import { base64, decode, entrySchema, header, post, textOf } from './gateway.ts'

const rangeSchema = z.object({ header, kvs: z.array(entrySchema).default([]), more: z.boolean().default(false) })

/** `POST /v3/kv/range` up to the first key that no longer begins so. */
export class EtcdPrefixes implements PrefixClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  async list(prefix: string, consistency: ReadConsistency): Promise<Answer<{ entries: readonly ListedEntry[] }>> {
    const outcome = await post(this.#request, '/v3/kv/range', { key: base64(prefix), range_end: endOfPrefix(prefix), serializable: consistency === 'stale' }, this.#timeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'read')
    const answer = decode(outcome, rangeSchema)
    if (answer === null || answer.more) return failureOf(outcome, 'read', `malformed answer: ${describeOutcome(outcome)}`)
    const entries = answer.kvs.map((entry) => ({ key: textOf(entry.key), value: textOf(entry.value), version: Number(entry.mod_revision) }))
    const stranger = entries.find(({ key }) => !key.startsWith(prefix))
    return stranger === undefined ? { type: 'ok', entries } : failureOf(outcome, 'read', `malformed answer: asked for what begins with ${prefix}, got ${stranger.key}`)
  }
}

/** The prefix with its last byte one higher, in base64: the first key behind all that begin with it. Not for an empty prefix. */
export function endOfPrefix(prefix: string): string {
  const bytes = Buffer.from(prefix)
  // UTF-8 has no byte 0xff: there is always one that can be raised.
  bytes[bytes.length - 1]! += 1
  return bytes.toString('base64')
}
