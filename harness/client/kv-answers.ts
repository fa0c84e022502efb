import { z } from 'zod'

/**
 * Decodes the answers of Consul's KV API at the harness's border. Shares no
 * types with the members' own code: a mistake in both would be invisible.
 * Source: Consul's HTTP API, KV store, "Read Key".
 */
const entriesSchema = z.array(z.object({
  Key: z.string(),
  /** Base64; null for an empty value. */
  Value: z.string().nullable(),
  ModifyIndex: z.int().positive(),
})).min(1)

const decoder = new TextDecoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true })

export interface KvEntry {
  readonly value: string
  readonly version: number
}

/** The entry in the body of `GET /v1/kv/<key>`, or a sentence that says what is wrong with it. */
export function decodeEntry(body: Uint8Array, key: string): KvEntry | { readonly malformed: string } {
  const entries = decodeEntries(body)
  if ('malformed' in entries) return entries
  const [entry] = entries
  if (entries.length !== 1) return { malformed: `malformed answer: asked for key ${key}, got ${entries.length} entries` }
  if (entry!.key !== key) return { malformed: `malformed answer: asked for key ${key}, got ${entry!.key}` }
  return { value: entry!.value, version: entry!.version }
}

/** The entries in the body of `GET /v1/kv/<prefix>?recurse`, or a sentence that says what is wrong with it. */
export function decodeEntries(body: Uint8Array): (KvEntry & { readonly key: string })[] | { readonly malformed: string } {
  let json: unknown
  try {
    json = JSON.parse(strictDecoder.decode(body))
  } catch (error) {
    return { malformed: `malformed answer: ${(error as Error).message}` }
  }
  const parsed = entriesSchema.safeParse(json)
  if (!parsed.success) return { malformed: `malformed answer: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}` }
  const entries: (KvEntry & { readonly key: string })[] = []
  for (const { Key: key, Value, ModifyIndex: version } of parsed.data) {
    const bytes = Buffer.from(Value ?? '', 'base64')
    // Buffer skips over what is not base64; the way back shows whether it did.
    if (bytes.toString('base64') !== (Value ?? '')) return { malformed: 'malformed answer: Value is not base64' }
    entries.push({ key, value: bytes.toString('utf8'), version })
  }
  return entries
}

/** The `true` or `false` of `PUT /v1/kv/<key>`, or null for anything else. */
export function decodeBoolean(body: Uint8Array): boolean | null {
  const text = decoder.decode(body).trim()
  return text === 'true' ? true : text === 'false' ? false : null
}
