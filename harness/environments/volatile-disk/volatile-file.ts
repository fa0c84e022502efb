import fs from 'node:fs'

/** The functions as Node.js gives them, taken before any is replaced. */
export const realFs = { ...fs }

/** What a program did to a file and has not synced. In order. */
type PendingOperation =
  | { readonly kind: 'write', readonly offset: number, readonly data: Buffer }
  | { readonly kind: 'truncate', readonly sizeBytes: number }

/**
 * One file (an inode, whatever its names) as a machine that can lose power has
 * it: what is synced is on disk, the rest in memory. The program sees both; who
 * comes after a power cut sees the disk.
 */
export class VolatileFile {
  /** Tells inodes apart, as `keyOf` does. */
  readonly key: string
  /** Descriptors that the program has open. */
  readonly descriptors = new Set<number>()
  #pending: PendingOperation[] = []
  #sizeBytes: number
  /**
   * Our own descriptor. Writes what is synced, independent of how the program
   * opened the file; and keeps the inode's number from being given to another
   * file while something is pending.
   */
  readonly #anchor: number

  /** @param path of the file, which exists */
  constructor(path: string) {
    this.#anchor = realFs.openSync(path, 'r+')
    const stats = realFs.fstatSync(this.#anchor)
    this.key = keyOf(stats)
    this.#sizeBytes = stats.size
  }

  /** As the program sees it. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get hasPending(): boolean {
    return this.#pending.length > 0
  }

  /** Keeps a copy: the program may reuse its buffer. */
  write(offset: number, data: Uint8Array): void {
    if (data.length === 0) return
    this.#pending.push({ kind: 'write', offset, data: Buffer.from(data) })
    this.#sizeBytes = Math.max(this.#sizeBytes, offset + data.length)
  }

  /** A file system may give back what was cut off, as long as the cut is not synced. */
  truncate(sizeBytes: number): void {
    this.#pending.push({ kind: 'truncate', sizeBytes })
    this.#sizeBytes = sizeBytes
  }

  /** The program has opened the file so that it was emptied on disk at once. */
  emptied(): void {
    this.#pending = []
    this.#sizeBytes = 0
  }

  /** Brings all that is pending to disk. The caller syncs a descriptor afterwards. Throws the system's errors. */
  flush(): void {
    while (this.#pending.length > 0) {
      const operation = this.#pending[0]!
      switch (operation.kind) {
        case 'write': {
          const { offset, data } = operation
          for (let done = 0; done < data.length;) done += realFs.writeSync(this.#anchor, data, done, data.length - done, offset + done)
          break
        }
        case 'truncate':
          realFs.ftruncateSync(this.#anchor, operation.sizeBytes)
          break
      }
      this.#pending.shift()
    }
  }

  /** Brings the first half of the oldest pending write to disk, and nothing else. */
  flushPart(): void {
    const operation = this.#pending[0]
    if (operation?.kind === 'write') realFs.writeSync(this.#anchor, operation.data, 0, Math.ceil(operation.data.length / 2), operation.offset)
  }

  /** The whole content as the program sees it. */
  content(): Buffer {
    // Replayed on a copy in memory; only a program that reads back what it has not synced pays for it.
    let content: Buffer = Buffer.alloc(realFs.fstatSync(this.#anchor).size)
    for (let done = 0; done < content.length;) {
      const count = realFs.readSync(this.#anchor, content, done, content.length - done, done)
      if (count === 0) break
      done += count
    }
    for (const operation of this.#pending) {
      const sizeBytes = operation.kind === 'truncate' ? operation.sizeBytes : Math.max(content.length, operation.offset + operation.data.length)
      if (sizeBytes !== content.length) {
        const resized = Buffer.alloc(sizeBytes)
        content.copy(resized)
        content = resized
      }
      if (operation.kind === 'write') operation.data.copy(content, operation.offset)
    }
    return content
  }

  /** Nobody can reach the file any more, or nothing about it is volatile. */
  get disposable(): boolean {
    return this.descriptors.size === 0 && (!this.hasPending || realFs.fstatSync(this.#anchor).nlink === 0)
  }

  close(): void {
    realFs.closeSync(this.#anchor)
  }
}

export function keyOf(stats: { dev: number | bigint, ino: number | bigint }): string {
  return `${stats.dev}:${stats.ino}`
}
