/**
 * The bytes of a transaction (code 20; see `commands.ts` for what stands
 * before it), and of what came of it, which travels from the leader to the
 * member that was asked:
 *
 *     transaction  operations u32, each: kind u8 (1: kv)
 *                  verb text  key text  value bytes  flags u64  index u64  session text
 *     outcome      results u32, each: kind u8 (1: kv)
 *                  key text  value bytes  flags u64  create, modify, lock index u64
 *                  held u8  session text
 *                  errors u32, each: op index u32  what text
 */
import { ByteReader, ByteWriter, MalformedError } from './bytes.ts'
import type { TxnError, TxnOperation, TxnOutcome, TxnResult } from './txn.ts'

export interface TxnCommand {
  readonly kind: 'txn'
  readonly operations: readonly TxnOperation[]
}

export const txnCode = 20
const kvKind = 1

export function writeTxn(writer: ByteWriter, { operations }: TxnCommand): void {
  writer.u32(operations.length)
  for (const { verb, key, value, flags, index, session } of operations) {
    writer.u8(kvKind).text(verb).text(key).bytes(value).u64(flags).count(index).text(session)
  }
}

/** Values are views. Throws MalformedError. */
export function readTxn(reader: ByteReader): TxnCommand {
  const operations: TxnOperation[] = []
  for (let left = reader.u32(); left > 0; left--) {
    checkKind(reader)
    operations.push({
      kind: 'kv', verb: reader.text(), key: reader.text(), value: reader.bytes(), flags: reader.u64(), index: reader.count(), session: reader.text(),
    })
  }
  return { kind: 'txn', operations }
}

export function encodeTxnOutcome({ results, errors }: TxnOutcome): Uint8Array {
  const writer = new ByteWriter().u32(results.length)
  for (const { entry } of results) {
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
    checkKind(reader)
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

function checkKind(reader: ByteReader): void {
  const kind = reader.u8()
  if (kind !== kvKind) throw new MalformedError(`an operation of kind ${kind} is unknown`)
}
