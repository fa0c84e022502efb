/**
 * How a part of the state machine (a table) goes into a snapshot and comes out
 * of one. A snapshot is a list of named sections, one for each part; the parts
 * know their records, and nobody else looks inside.
 */
export interface SnapshotPart {
  /** Of the section: lower case, never changed once a version has written it. */
  readonly name: string
  /** Freezes the present state without copying it; the records are made a few at a time while commands go on being applied. */
  capture(): PartCapture
  /** Begins to build a state aside; what is there stays as it is until `finish`. */
  restore(): PartRestore
}

export interface PartCapture {
  /** Any number, of any length; the order is the part's own. They may be views of the state as it was: void after `release`. */
  readonly records: Iterator<Uint8Array>
  /** The records are all read, or not wanted any more. Must be called. */
  release(): void
}

export interface PartRestore {
  /** A record as the same part made it, perhaps in an earlier version; its bytes are the part's from here on, views of it may be kept. Throws RangeError with a sentence's half if it cannot be one. */
  add(record: Uint8Array): void
  /** All records were added: what was built takes the place of what was there, at once. */
  finish(): void
}
