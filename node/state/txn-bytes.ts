/**
 * The bytes of a transaction (code 20; see `commands.ts` for what stands
 * before it), and of what came of it, which travels from the leader to the
 * member that was asked:
 *
 *     transaction  operations u32, each: kind u8 (1: kv)
 *                  verb text  key text  value bytes  flags u64  index u64  session text
 *                  or kind u8 (2: node, 3: service, 4: check)  the operation as JSON, text
 *     outcome      results u32, each: kind u8 (1: kv)
 *                  key text  value bytes  flags u64  create, modify, lock index u64
 *                  held u8  session text
 *                  or kind u8 (2, 3, 4)  the result as JSON, text
 *                  errors u32, each: op index u32  what text
 */
import { z } from 'zod'
import { ByteReader, ByteWriter, MalformedError } from './bytes.ts'
import { checkSchema, serviceSchema, textMapSchema } from './catalog-commands.ts'
import type { TxnError, TxnOperation, TxnOutcome, TxnResult } from './txn.ts'

export interface TxnCommand {
  readonly kind: 'txn'
  readonly operations: readonly TxnOperation[]
}

export const txnCode = 20
const kvKind = 1
const jsonKinds = { node: 2, service: 3, check: 4 } as const

const index = z.int().min(0)
const base = { verb: z.string(), index }
const node = z.object({ name: z.string(), id: z.string(), address: z.string(), taggedAddresses: textMapSchema, meta: textMapSchema })
const catalogOperation = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('node'), ...base, node }),
  z.object({ kind: z.literal('service'), ...base, node: z.string(), service: serviceSchema }),
  z.object({ kind: z.literal('check'), ...base, node: z.string(), check: checkSchema }),
])
const indexed = { createIndex: index, modifyIndex: index }
const catalogResult = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('node'), node: node.extend(indexed) }),
  z.object({ kind: z.literal('service'), service: serviceSchema.extend(indexed) }),
  z.object({ kind: z.literal('check'), check: checkSchema.extend({ ...indexed, node: z.string(), serviceName: z.string(), serviceTags: z.array(z.string()) }) }),
])

export function writeTxn(writer: ByteWriter, { operations }: TxnCommand): void {
  writer.u32(operations.length)
  for (const operation of operations) {
    if (operation.kind !== 'kv') {
      writer.u8(jsonKinds[operation.kind]).text(JSON.stringify(operation))
      continue
    }
    const { verb, key, value, flags, index, session } = operation
    writer.u8(kvKind).text(verb).text(key).bytes(value).u64(flags).count(index).text(session)
  }
}

/** Values are views. Throws MalformedError. */
export function readTxn(reader: ByteReader): TxnCommand {
  const operations: TxnOperation[] = []
  for (let left = reader.u32(); left > 0; left--) {
    const kind = reader.u8()
    if (kind > jsonKinds.check) throw new MalformedError(`an operation of kind ${kind} is unknown`)
    if (kind !== kvKind) {
      operations.push(parsed(kind, catalogOperation, reader.text()))
      continue
    }
    operations.push({
      kind: 'kv', verb: reader.text(), key: reader.text(), value: reader.bytes(), flags: reader.u64(), index: reader.count(), session: reader.text(),
    })
  }
  return { kind: 'txn', operations }
}

export function encodeTxnOutcome({ results, errors }: TxnOutcome): Uint8Array {
  const writer = new ByteWriter().u32(results.length)
  for (const result of results) {
    if (result.kind !== 'kv') {
      writer.u8(jsonKinds[result.kind]).text(JSON.stringify(result))
      continue
    }
    const { entry } = result
    writer.u8(kvKind).text(entry.key).bytes(entry.value).u64(entry.flags)
    writer.count(entry.createIndex).count(entry.modifyIndex).count(entry.lockIndex).u8(entry.session === null ? 0 : 1).text(entry.session ?? '')
  }
  writer.u32(errors.length)
  for (const { opIndex, what } of errors) writer.u32(opIndex).text(what)
  return writer.done()
}

/** Null for bytes that are none. */
export function decodeTxnOutcome(bytes: Uint8Array): TxnOutcome | null {
  try {
    return readOutcome(new ByteReader(bytes))
  } catch (error) {
    if (error instanceof MalformedError) return null
    throw error
  }
}

function readOutcome(reader: ByteReader): TxnOutcome {
  const results: TxnResult[] = []
  for (let left = reader.u32(); left > 0; left--) {
    const kind = reader.u8()
    if (kind !== kvKind) {
      results.push(parsed(kind, catalogResult, reader.text()))
      continue
    }
    const entry = {
      key: reader.text(), value: reader.bytes(), flags: reader.u64(),
      createIndex: reader.count(), modifyIndex: reader.count(), lockIndex: reader.count(),
    }
    const held = reader.u8() === 1
    const session = reader.text()
    results.push({ kind: 'kv', entry: { ...entry, session: held ? session : null } })
  }
  const errors: TxnError[] = []
  for (let left = reader.u32(); left > 0; left--) errors.push({ opIndex: reader.u32(), what: reader.text() })
  reader.end()
  return { results, errors }
}

/** The kind stands in the JSON too. Throws MalformedError. */
function parsed<T extends { readonly kind: keyof typeof jsonKinds }>(kind: number, schema: z.ZodType<T>, text: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new MalformedError('an operation of the catalog is no JSON')
  }
  const result = schema.safeParse(value)
  if (result.success && jsonKinds[result.data.kind] !== kind) throw new MalformedError(`an operation of kind ${kind} says that it is a ${result.data.kind}`)
  if (result.success) return result.data
  throw new MalformedError(`an operation of the catalog is malformed at ${result.error.issues[0]?.path.join('.') || 'its top'}`)
}
