import type { SnapshotHead } from '../raft/snapshot.ts'
import type { PartRestore, SnapshotPart } from '../state/snapshot-part.ts'
import { readBlocks, SnapshotCorruptError } from '../storage/snapshot-format.ts'

export interface RestoredParts {
  readonly head: SnapshotHead
  /** Puts what was restored into place, all parts at once. */
  finish(): void
}

/** A block may have as many as a slow machine takes 10 ms for. */
const recordsPerStep = 50

/**
 * Builds the state of a snapshot aside, some records at a time: each `next` does
 * a little. Throws SnapshotCorruptError, also for a section that no part has: it
 * is of a newer version, and to leave it out would lose what clients stored.
 */
export function* restoreParts(
  file: string, readAt: (offset: number, lengthBytes: number) => Uint8Array, parts: readonly SnapshotPart[],
): Generator<undefined, RestoredParts> {
  // A part without a section restores as empty: the snapshot is older than it.
  const restores = new Map<string, PartRestore>(parts.map((part) => [part.name, part.restore()]))
  let head: SnapshotHead | null = null
  let section: { readonly name: string, readonly restore: PartRestore } | null = null
  for (const { block, offset } of readBlocks(file, readAt)) {
    switch (block.type) {
      case 'head':
        head = block.head
        break
      case 'section': {
        const restore = restores.get(block.name)
        if (restore === undefined) {
          throw new SnapshotCorruptError(file, offset, `the section ${JSON.stringify(block.name)} is unknown; this member has ${[...restores.keys()].join(', ')}`)
        }
        section = { name: block.name, restore }
        break
      }
      case 'records':
        if (section === null) throw new SnapshotCorruptError(file, offset, 'records stand before the first section')
        for (const [i, record] of block.records.entries()) {
          if (i % recordsPerStep === recordsPerStep - 1) yield undefined
          try {
            section.restore.add(record)
          } catch (error) {
            if (!(error instanceof RangeError)) throw error
            throw new SnapshotCorruptError(file, offset, `section ${section.name}: ${error.message}`)
          }
        }
        break
      case 'end':
        break
    }
    yield undefined
  }
  return { head: head!, finish: () => { for (const restore of restores.values()) restore.finish() } }
}

/** The whole of it, blocking: for a start. */
export function restoreNow(file: string, readAt: (offset: number, lengthBytes: number) => Uint8Array, parts: readonly SnapshotPart[]): RestoredParts {
  const steps = restoreParts(file, readAt, parts)
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value
}
