/** The Disk of a real machine: files in one directory of the operating system. */
import {
  close, closeSync, constants, fdatasync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, readSync,
  renameSync, rmSync, writeFileSync, writev,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { invariant } from '../base/assert.ts'
import type { Disk, DiskFile } from './disk.ts'
import { SyncQueue } from './sync-queue.ts'

export { lockDirectory } from './directory-lock.ts'

/** Half-written replacements end in this; they are no files of the disk. */
const temporarySuffix = '.tmp'

export interface FileDiskOptions {
  /**
   * When a file must grow, it grows by this many zeros more, and the next writes
   * replace them: fdatasync then has no new size to record. Seen on ext4 with
   * 6 kB a sync: 350 µs in place of 600. 0: grow by what is written. Default 1 MiB.
   */
  readonly reserveBytes?: number
}

/**
 * The files of `directory`, which is created (with its parents) if absent.
 * Names that begin with a dot are left alone. Throws the operating system's
 * errors. Only one process may use a directory: see `lockDirectory`.
 */
export function fileDisk(directory: string, options: FileDiskOptions = {}): Disk {
  const root = resolve(directory)
  const zeros = Buffer.alloc(options.reserveBytes ?? 1024 * 1024)
  // Files that have more bytes than were written to them.
  const open = new Map<string, AppendFile>()
  makeDirectory(root)
  for (const name of readdirSync(root)) {
    // Left by a crash in the middle of `replace`, which has promised nothing.
    if (name.endsWith(temporarySuffix)) rmSync(join(root, name))
  }
  return {
    list: () => readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && !entry.name.endsWith(temporarySuffix))
      .map((entry) => entry.name)
      .sort(),
    read: (name) => {
      const content = readFileSync(pathOf(root, name))
      return content.subarray(0, open.get(name)?.flushedBytes ?? content.length)
    },
    readAt: (name, offset, lengthBytes) => withDescriptor(pathOf(root, name), 'r', (descriptor) => {
      const bytes = Buffer.alloc(lengthBytes)
      return bytes.subarray(0, readSync(descriptor, bytes, 0, lengthBytes, offset))
    }),
    openAppend: (name) => {
      const descriptor = openSync(pathOf(root, name), constants.O_RDWR | constants.O_CREAT, 0o600)
      syncDirectory(root)
      const file = new AppendFile(descriptor, zeros, () => {
        if (open.get(name) === file) open.delete(name)
      })
      open.set(name, file)
      return file
    },
    truncate: (name, sizeBytes) => withDescriptor(pathOf(root, name), 'r+', (descriptor) => {
      ftruncateSync(descriptor, sizeBytes)
      fsyncSync(descriptor)
    }),
    replace: (name, data) => {
      const path = pathOf(root, name)
      withDescriptor(path + temporarySuffix, 'w', (descriptor) => {
        writeFileSync(descriptor, data)
        fsyncSync(descriptor)
      })
      renameSync(path + temporarySuffix, path)
      syncDirectory(root)
    },
    rename: (from, to) => {
      renameSync(pathOf(root, from), pathOf(root, to))
      syncDirectory(root)
    },
    remove: (name) => {
      rmSync(pathOf(root, name), { force: true })
      syncDirectory(root)
    },
  }
}

/** Queues writes in memory; a sync hands them over with one gathered write, then fdatasync, both on the thread pool. */
class AppendFile implements DiskFile {
  readonly #descriptor: number
  readonly #zeros: Uint8Array
  readonly #onReleased: () => void
  #queued: Uint8Array[] = []
  // Invariant: flushed <= size, and flushed <= physical.
  #sizeBytes: number
  #flushedBytes: number
  #physicalBytes: number
  #closed = false
  #released = false
  readonly #syncs: SyncQueue

  constructor(descriptor: number, zeros: Uint8Array, onReleased: () => void) {
    this.#descriptor = descriptor
    this.#zeros = zeros
    this.#onReleased = onReleased
    this.#sizeBytes = this.#flushedBytes = this.#physicalBytes = fstatSync(descriptor).size
    this.#syncs = new SyncQueue((done) => this.#flush(done))
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Handed to the operating system, without the reserve behind. */
  get flushedBytes(): number {
    return this.#flushedBytes
  }

  write(data: Uint8Array): void {
    invariant(!this.#closed, () => 'write to a closed file')
    if (data.length > 0) this.#queued.push(data)
    this.#sizeBytes += data.length
  }

  sync(done: (error: Error | null) => void): void {
    invariant(!this.#closed, () => 'sync of a closed file')
    this.#syncs.sync(done)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#releaseWhenIdle()
  }

  #flush(done: (error: Error | null) => void): void {
    const chunks = this.#queued
    this.#queued = []
    const start = this.#flushedBytes
    this.#flushedBytes = this.#sizeBytes
    if (this.#sizeBytes > this.#physicalBytes) {
      this.#physicalBytes = this.#sizeBytes + this.#zeros.length
      if (this.#zeros.length > 0) chunks.push(this.#zeros)
    }
    writeAll(this.#descriptor, chunks, start, (writeError) => {
      if (writeError !== null) return this.#answer(done, writeError)
      fdatasync(this.#descriptor, (syncError) => this.#answer(done, syncError))
    })
  }

  #answer(done: (error: Error | null) => void, error: Error | null): void {
    done(error)
    this.#releaseWhenIdle()
  }

  /** Both a close and the answer that it waited for may come here, in either order. */
  #releaseWhenIdle(): void {
    if (!this.#closed || !this.#syncs.idle || this.#released) return
    this.#released = true
    // Not made durable: whoever reads after a crash finds zeros at the end, which `Disk` allows.
    if (this.#physicalBytes > this.#flushedBytes) ftruncateSync(this.#descriptor, this.#flushedBytes)
    close(this.#descriptor, () => {})
    this.#onReleased()
  }
}

/** A gathered write may stop short (disk full, a signal): goes on with the rest. */
function writeAll(descriptor: number, chunks: readonly Uint8Array[], position: number, done: (error: Error | null) => void): void {
  if (chunks.length === 0) return done(null)
  writev(descriptor, chunks, position, (error, writtenBytes) => {
    if (error !== null) return done(error)
    if (writtenBytes === 0) return done(new Error(`a write of ${chunks.length} chunks wrote nothing`))
    writeAll(descriptor, dropBytes(chunks, writtenBytes), position + writtenBytes, done)
  })
}

function dropBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  let left = count
  for (const chunk of chunks) {
    if (left < chunk.length) rest.push(chunk.subarray(left))
    left = Math.max(0, left - chunk.length)
  }
  return rest
}

function pathOf(root: string, name: string): string {
  invariant(/^[^./][^/]*$/.test(name), () => `${JSON.stringify(name)} is no plain file name`)
  return join(root, name)
}

function withDescriptor<T>(path: string, flags: string, use: (descriptor: number) => T): T {
  const descriptor = openSync(path, flags, 0o600)
  try {
    return use(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** A new name is durable only when its directory is. */
function syncDirectory(path: string): void {
  withDescriptor(path, 'r', fsyncSync)
}

function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) syncDirectory(dirname(made))
}
