/**
 * A restore of an archived state, as entries of the log: the records are built
 * into a state aside as they come, and the commit puts it into place, on every
 * member at the same index. A crash, a deposed leader or a client that goes
 * away in between leaves the state as it was.
 *
 * An archive may come from a cluster whose log went further than this one's.
 * Since what clients compare must grow, the state then counts from the
 * archive's index on: `indexOffset` is what an entry's index in the log is
 * behind the index that clients see.
 */
import { invariant } from '../base/assert.ts'
import { ByteReader, ByteWriter, MalformedError } from './bytes.ts'
import { readRestoreCommand, restoreCodes, writeRestoreCommand, type RestoreCommand, type RestoreRecords } from './restore-commands.ts'
import type { PartCapture, PartRestore, SnapshotPart } from './snapshot-part.ts'

/** A restore that has stood still for so many entries is given up: whoever sent it is gone. */
const idleEntriesMax = 100_000

interface Staged {
  readonly id: string
  readonly archiveIndex: number
  /** As they stood in the log: a snapshot that is taken meanwhile must hold them. */
  readonly commands: RestoreRecords[]
  readonly parts: ReadonlyMap<string, PartRestore>
  /** Of the entry that last brought something. */
  touchedIndex: number
}

export type RestoreResult =
  | { readonly kind: 'staged' }
  /** The state is another one. */
  | { readonly kind: 'replaced' }
  | { readonly kind: 'refused', readonly problem: string }

const staged: RestoreResult = { kind: 'staged' }

export class RestorePart implements SnapshotPart {
  readonly name = 'restore'
  /** Those whose state is replaced. */
  readonly #parts: readonly SnapshotPart[]
  #indexOffset = 0
  #staged: Staged | null = null

  constructor(parts: readonly SnapshotPart[]) {
    this.#parts = parts
  }

  /** The index that clients see, less the entry's in the log. Never falls. */
  get indexOffset(): number {
    return this.#indexOffset
  }

  /** Whether records of a restore are kept here. */
  get isStaged(): boolean {
    return this.#staged !== null
  }

  /** An entry is about to be applied. */
  advance(entryIndex: number): void {
    if (this.#staged !== null && entryIndex - this.#staged.touchedIndex > idleEntriesMax) this.#staged = null
  }

  apply(entryIndex: number, command: RestoreCommand): RestoreResult {
    if (command.kind === 'restore-begin') {
      this.#staged = this.#begin(entryIndex, command.id, command.archiveIndex)
      return staged
    }
    const current = this.#staged
    if (current === null || current.id !== command.id) return refused('this restore was given up, or another has taken its place')
    if (command.kind === 'restore-abort') {
      this.#staged = null
      return staged
    }
    if (command.kind === 'restore-records') {
      const problem = add(current, entryIndex, command)
      if (problem === null) return staged
      this.#staged = null
      return refused(problem)
    }
    this.#staged = null
    if (command.sequences !== current.commands.length) return refused(`${current.commands.length} pieces came of ${command.sequences}`)
    for (const part of current.parts.values()) part.finish()
    this.#indexOffset = Math.max(this.#indexOffset, current.archiveIndex - entryIndex)
    return { kind: 'replaced' }
  }

  #begin(entryIndex: number, id: string, archiveIndex: number): Staged {
    return { id, archiveIndex, commands: [], touchedIndex: entryIndex, parts: new Map(this.#parts.map((part) => [part.name, part.restore()])) }
  }

  /** The commands are immutable and only ever added: their number freezes them. */
  capture(): PartCapture {
    const offset = this.#indexOffset
    const current = this.#staged
    const count = current?.commands.length ?? 0
    const touchedIndex = current?.touchedIndex ?? 0
    const records = function* () {
      if (offset > 0) yield new ByteWriter().u8(recordKinds.offset).count(offset).done()
      if (current === null) return
      yield new ByteWriter().u8(recordKinds.staged).text(current.id).count(current.archiveIndex).count(touchedIndex).done()
      for (const command of current.commands.slice(0, count)) {
        const writer = new ByteWriter().u8(recordKinds.records)
        writeRestoreCommand(writer, command)
        yield writer.done()
      }
    }
    return { records: records(), release: () => {} }
  }

  restore(): PartRestore {
    let offset = 0
    let built: Staged | null = null
    return {
      add: (record) => {
        try {
          const reader = new ByteReader(record)
          switch (reader.u8()) {
            case recordKinds.offset:
              offset = reader.count()
              break
            case recordKinds.staged: {
              const [id, archiveIndex, touchedIndex] = [reader.text(), reader.count(), reader.count()]
              built = this.#begin(touchedIndex, id, archiveIndex)
              break
            }
            case recordKinds.records: {
              // The record may be a view of a whole block, which this one would keep alive.
              const command = readRestoreCommand(restoreCodes['restore-records'], reader)
              if (built === null) throw new RangeError('records of a restore that has not begun')
              const problem = add(built, built.touchedIndex, command as RestoreRecords)
              if (problem !== null) throw new RangeError(problem)
              break
            }
            default: throw new RangeError('a record of a restore that this version does not know')
          }
          reader.end()
        } catch (error) {
          throw error instanceof MalformedError ? new RangeError(error.message) : error
        }
      },
      finish: () => {
        this.#indexOffset = offset
        this.#staged = built
      },
    }
  }
}

const recordKinds = { offset: 1, staged: 2, records: 3 } as const

/** Returns what is wrong with them, or null. */
function add(to: Staged, entryIndex: number, command: RestoreRecords): string | null {
  if (command.sequence !== to.commands.length) return `piece ${command.sequence} came where ${to.commands.length} was expected`
  const part = to.parts.get(command.section)
  if (part === undefined) return `the section ${JSON.stringify(command.section)} is unknown; this member has ${[...to.parts.keys()].join(', ')}`
  invariant(to.touchedIndex <= entryIndex, () => `entry ${entryIndex} comes after ${to.touchedIndex}`)
  const records = copyTogether(command.records)
  try {
    for (const record of records) part.add(record)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return `section ${command.section}: ${error.message}`
  }
  to.commands.push({ ...command, records })
  to.touchedIndex = entryIndex
  return null
}

/** Of the records alone, in one piece: views would keep alive the whole message that they came in. */
function copyTogether(records: readonly Uint8Array[]): Uint8Array[] {
  const all = new Uint8Array(records.reduce((sum, record) => sum + record.length, 0))
  let offset = 0
  return records.map((record) => {
    all.set(record, offset)
    offset += record.length
    return all.subarray(offset - record.length, offset)
  })
}

function refused(problem: string): RestoreResult {
  return { kind: 'refused', problem }
}
