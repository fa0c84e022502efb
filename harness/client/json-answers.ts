import { z } from 'zod'

/** A body as the schema has it, or a sentence that says what is wrong with it. */
export function decodeJson<T>(body: Uint8Array, schema: z.ZodType<T>): { readonly value: T } | { readonly malformed: string } {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    return { malformed: `malformed answer: ${(error as Error).message}` }
  }
  const parsed = schema.safeParse(json)
  return parsed.success ? { value: parsed.data } : { malformed: `malformed answer: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}` }
}
