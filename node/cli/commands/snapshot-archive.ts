import { readArchive } from '../../archive/read-archive.ts'

export interface SnapshotFacts {
  readonly id: string
  /** Bytes of the state. */
  readonly size: number | bigint
  readonly index: number | bigint
  readonly term: number | bigint
  readonly version: number | bigint
}

/** What a snapshot's archive says of itself, all sums checked. Rejects with a sentence. */
export async function readSnapshot(archive: Buffer): Promise<SnapshotFacts> {
  // Nothing of the state is kept, so that its size is of no concern.
  const { ID, Size, Index, Term, Version } = await readArchive(archive.length === 0 ? [] : [archive], () => {}, { stateBytesMax: Number.POSITIVE_INFINITY })
  return { id: ID, size: Size, index: Index, term: Term, version: Version }
}
