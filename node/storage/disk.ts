/**
 * A flat directory of files, as a write-ahead log needs it. Two
 * implementations under one contract test: files of the operating system
 * (`file-disk.ts`), and memory with a crash that loses what was not synced
 * (the simulated environment's).
 */
export interface Disk {
  /** Names of all files, sorted. */
  list(): string[]
  /** The whole content. For recovery at start only: blocks. After a crash a file may end in zeros that nobody wrote. */
  read(name: string): Uint8Array
  /** `lengthBytes` from `offset` on, fewer only at the end of the file. Blocks, for as long as so few bytes take. */
  readAt(name: string, offset: number, lengthBytes: number): Uint8Array
  /** A new or existing file, opened to append at its end. The directory entry is durable on return. */
  openAppend(name: string): DiskFile
  /** Cuts the file to `sizeBytes`; durable on return. */
  truncate(name: string, sizeBytes: number): void
  /** Replaces or creates `name` with `data`, atomically and durable on return (write, sync, rename, sync directory). */
  replace(name: string, data: Uint8Array): void
  /** `to` becomes what `from` is, atomically and durable on return; what was to be kept of the content is synced before. */
  rename(from: string, to: string): void
  /** Durable on return. Absent is fine. */
  remove(name: string): void
}

/** An append-only handle. After an error every later call fails with it too: the state on disk is unknown. */
export interface DiskFile {
  readonly sizeBytes: number
  /** Appends after everything written before. Not durable until a later `sync` has answered. */
  write(data: Uint8Array): void
  /** fdatasync: calls back once all writes made before this call are durable, or with the error. Never calls back synchronously. */
  sync(done: (error: Error | null) => void): void
  close(): void
}
