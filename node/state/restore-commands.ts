/**
 * Commands that replace the whole state by an archived one, and their bytes
 * (codes 25 to 28; see `commands.ts` for what stands before them):
 *
 *     restore-begin    id text  archive index u64
 *     restore-records  id text  sequence u32  section text  count u32, records bytes
 *     restore-commit   id text  sequences u32
 *     restore-abort    id text
 */
import { unreachable } from '../base/assert.ts'
import { type ByteReader, type ByteWriter, MalformedError } from './bytes.ts'

export type RestoreCommand = RestoreBegin | RestoreRecords | RestoreCommit | RestoreAbort

/** From here on records come under `id`; what came of another restore before is void. */
export interface RestoreBegin {
  readonly kind: 'restore-begin'
  readonly id: string
  /** The index that the archived state had: later changes must have higher ones. */
  readonly archiveIndex: number
}

export interface RestoreRecords {
  readonly kind: 'restore-records'
  readonly id: string
  /** From 0, without gaps. */
  readonly sequence: number
  readonly section: string
  readonly records: readonly Uint8Array[]
}

/** All came: what was built takes the place of the state, at the index of this command. */
export interface RestoreCommit {
  readonly kind: 'restore-commit'
  readonly id: string
  /** How many restore-records there were. */
  readonly sequences: number
}

export interface RestoreAbort {
  readonly kind: 'restore-abort'
  readonly id: string
}

export const restoreCodes = { 'restore-begin': 25, 'restore-records': 26, 'restore-commit': 27, 'restore-abort': 28 } as const

export function writeRestoreCommand(writer: ByteWriter, command: RestoreCommand): void {
  writer.text(command.id)
  switch (command.kind) {
    case 'restore-begin': return void writer.count(command.archiveIndex)
    case 'restore-records':
      writer.u32(command.sequence).text(command.section).u32(command.records.length)
      for (const record of command.records) writer.bytes(record)
      return
    case 'restore-commit': return void writer.u32(command.sequences)
    case 'restore-abort': return
    default: return unreachable(command)
  }
}

/** Null: the code is none of these. Throws MalformedError. Records are views. */
export function readRestoreCommand(code: number, reader: ByteReader): RestoreCommand | null {
  switch (code) {
    case restoreCodes['restore-begin']: return { kind: 'restore-begin', id: reader.text(), archiveIndex: reader.count() }
    case restoreCodes['restore-records']: {
      const [id, sequence, section, count] = [reader.text(), reader.u32(), reader.text(), reader.u32()]
      const records: Uint8Array[] = []
      for (let i = 0; i < count; i++) records.push(reader.bytes())
      if (records.length === 0) throw new MalformedError('a restore without records')
      return { kind: 'restore-records', id, sequence, section, records }
    }
    case restoreCodes['restore-commit']: return { kind: 'restore-commit', id: reader.text(), sequences: reader.u32() }
    case restoreCodes['restore-abort']: return { kind: 'restore-abort', id: reader.text() }
    default: return null
  }
}
