import { isUtf8 } from 'node:buffer'
import { z } from 'zod'

/**
 * Decodes the answers of Consul's KV API at the harness's border. Shares no
 * types with the members' own code: a mistake in both would be invisible.
 * Source: Consul's HTTP API, KV store, "Read Key".
 */
const entrySchema = z.object({
  Key: z.string(),
  /** Base64; null for an empty value. */
  Value: z.string().nullable(),
  ModifyIndex: z.int().positive(),
})
const entriesSchema = z.array(entrySchema)
const lockEntriesSchema = z.array(entrySchema.extend({ LockIndex: z.int().min(0), Session: z.string().min(1).optional() }))

const strictDecoder = new TextDecoder('utf-8', { fatal: true })
const decoder = new TextDecoder()

export interface KvEntry {
  readonly value: string
  readonly version: number
}

export interface Malformed {
  readonly malformed: string
}

/** The entry in the body of `GET /v1/kv/<key>`, or a sentence that says what is wrong with it. */
export function decodeEntry(body: Uint8Array, key: string): KvEntry | Malformed {
  // By hand where all is well, which is nearly always: this stands behind every read of a run.
  const entry = soundEntry(body, key) ?? onlyEntry(body, entriesSchema, key)
  return 'malformed' in entry ? entry : withValue(entry, (value) => ({ value, version: entry.ModifyIndex }))
}

/** The same with what it is as a lock. */
export function decodeLockEntry(body: Uint8Array, key: string): KvEntry & { readonly lockIndex: number, readonly session: string | null } | Malformed {
  const entry = onlyEntry(body, lockEntriesSchema, key)
  return 'malformed' in entry ? entry : withValue(entry, (value) => ({ value, version: entry.ModifyIndex, lockIndex: entry.LockIndex, session: entry.Session ?? null }))
}

/**
 * All entries of `GET /v1/kv/<prefix>?recurse`: in the order of their keys, none outside of the prefix.
 * @param repeated what to do with a key that is there twice: `kept` for who judges that
 */
export function decodeEntries(body: Uint8Array, prefix: string, repeated: 'malformed' | 'kept' = 'malformed'): readonly (KvEntry & { readonly key: string })[] | Malformed {
  const parsed = parse(body, entriesSchema)
  if ('malformed' in parsed) return parsed
  const entries: (KvEntry & { readonly key: string })[] = []
  let last: string | null = null
  for (const entry of parsed) {
    if (!entry.Key.startsWith(prefix)) return { malformed: `malformed answer: asked for keys below ${prefix}, got ${entry.Key}` }
    if (last !== null && Buffer.compare(Buffer.from(last), Buffer.from(entry.Key)) >= (repeated === 'kept' ? 1 : 0)) return { malformed: `malformed answer: ${entry.Key} comes after ${last}` }
    last = entry.Key
    const decoded = withValue(entry, (value) => ({ key: entry.Key, value, version: entry.ModifyIndex }))
    if ('malformed' in decoded) return decoded
    entries.push(decoded)
  }
  return entries
}

/** Arrays, so that what is malformed is told from them by its field. */
function parse<T>(body: Uint8Array, schema: z.ZodType<T[]>): T[] | Malformed {
  let json: unknown
  try {
    json = JSON.parse(strictDecoder.decode(body))
  } catch (error) {
    return { malformed: `malformed answer: ${(error as Error).message}` }
  }
  const parsed = schema.safeParse(json)
  return parsed.success ? parsed.data : { malformed: `malformed answer: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}` }
}

/** What `entriesSchema` and `onlyEntry` would let through; null for anything else, which they have the words for. */
function soundEntry(body: Uint8Array, key: string): z.infer<typeof entrySchema> | null {
  if (!isUtf8(body)) return null
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
  } catch {
    return null
  }
  if (!Array.isArray(json) || json.length !== 1 || typeof json[0] !== 'object' || json[0] === null) return null
  const { Key, Value, ModifyIndex } = json[0] as Record<string, unknown>
  if (Key !== key || typeof Value !== 'string' && Value !== null || !Number.isSafeInteger(ModifyIndex) || (ModifyIndex as number) <= 0) return null
  return { Key: key, Value, ModifyIndex: ModifyIndex as number }
}

function onlyEntry<T extends z.infer<typeof entrySchema>>(body: Uint8Array, schema: z.ZodType<T[]>, key: string): T | Malformed {
  const parsed = parse(body, schema)
  if ('malformed' in parsed) return parsed
  if (parsed.length !== 1) return { malformed: `malformed answer: ${parsed.length} entries for one key` }
  const entry = parsed[0]!
  return entry.Key === key ? entry : { malformed: `malformed answer: asked for key ${key}, got ${entry.Key}` }
}

function withValue<T>({ Value }: { readonly Value: string | null }, make: (value: string) => T): T | Malformed {
  const bytes = Buffer.from(Value ?? '', 'base64')
  // Buffer skips over what is not base64; the way back shows whether it did.
  return bytes.toString('base64') === (Value ?? '') ? make(bytes.toString('utf8')) : { malformed: 'malformed answer: Value is not base64' }
}

/** The `true` or `false` of `PUT /v1/kv/<key>`, or null for anything else. */
export function decodeBoolean(body: Uint8Array): boolean | null {
  if (body.length <= 5) {
    const short = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1')
    if (short === 'true') return true
    if (short === 'false') return false
  }
  const text = decoder.decode(body).trim()
  return text === 'true' ? true : text === 'false' ? false : null
}
