import { z } from 'zod'
import { bodyText } from '../../client/definiteness.ts'
import type { HttpOutcome } from '../../environments/environment.ts'
import type { MemberRequest } from '../system.ts'

/** The JSON gateway of etcd's v3 API: keys and values in base64, 64-bit numbers as text, fields that are zero or false left out. */
export function post(request: MemberRequest, target: string, body: object, timeoutMs: number): Promise<HttpOutcome> {
  return request({ method: 'POST', target, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }, timeoutMs)
}

/** Null: not a 200, not JSON, or not of this shape. */
export function decode<T>(outcome: HttpOutcome, schema: z.ZodType<T>): T | null {
  if (outcome.kind !== 'response' || outcome.status !== 200) return null
  try {
    return schema.safeParse(JSON.parse(bodyText(outcome))).data ?? null
  } catch {
    return null
  }
}

export const base64 = (text: string) => Buffer.from(text).toString('base64')

export const textOf = (encoded: string) => Buffer.from(encoded, 'base64').toString()

export const int64 = z.string().regex(/^\d+$/)
export const header = z.object({ member_id: int64, revision: int64.optional(), raft_term: int64 })
export const entrySchema = z.object({ key: z.base64(), value: z.base64().default(''), mod_revision: int64 })
