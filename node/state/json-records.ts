import { isUtf8 } from 'node:buffer'
import { z } from 'zod'

/** Records of a snapshot's section whose parts are many and small: JSON in UTF-8. */

export function encodeRecord(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

/**
 * `quick`: reads what is of the usual shape faster than the schema, and the
 * same; `undefined` for all else. Throws RangeError with what is wrong.
 */
export function decodeRecord<T>(bytes: Uint8Array, schema: z.ZodType<T>, quick: (value: unknown) => T | undefined = () => undefined): T {
  if (!isUtf8(bytes)) throw new RangeError('a record that is no UTF-8')
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch (error) {
    throw new RangeError(`a record that is no JSON: ${(error as Error).message}`)
  }
  const read = quick(value)
  if (read !== undefined) return read
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new RangeError(`a record that this version does not know: ${parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`)
}
