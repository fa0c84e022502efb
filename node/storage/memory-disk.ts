/**
 * A Disk in memory for simulations and tests: time passes only through the
 * `after` it is given, and a crash loses what was not synced.
 */
import { invariant } from '../base/assert.ts'
import type { Random } from '../base/random.ts'
import type { Disk, DiskFile } from './disk.ts'
import { SyncQueue } from './sync-queue.ts'

export interface MemoryDiskOptions {
  /** Runs `task` once after `delayMs`, never at once. A `Scheduler`'s `after` fits. */
  readonly after: (delayMs: number, task: () => void) => unknown
  /** How long one sync takes. A function is asked for each. Default 0. */
  readonly syncLatencyMs?: number | (() => number)
}

export interface MemoryDisk extends Disk {
  /**
   * The machine loses power. Of each file stays what was synced, and with
   * `random` perhaps some of what was not: a part of the unsynced tail, in which
   * whole sectors may read as zeros, since pages reach a disk in any order.
   * Handles opened before are dead: their writes go nowhere and their syncs,
   * running ones too, never call back, as nobody is left to be called.
   * `keepsUnsynced`: only the process is gone, and the operating system still has it all.
   */
  crash(options: { readonly random: Random | null, readonly keepsUnsynced?: boolean }): void
  /** Bytes of `name` that a crash cannot take. */
  syncedBytes(name: string): number
}

const sectorBytes = 512

interface Content {
  /** May be longer than `sizeBytes`. */
  bytes: Uint8Array
  sizeBytes: number
  syncedBytes: number
}

export function memoryDisk(options: MemoryDiskOptions): MemoryDisk {
  const files = new Map<string, Content>()
  const latencyMs = () => typeof options.syncLatencyMs === 'function' ? options.syncLatencyMs() : options.syncLatencyMs ?? 0
  // Counts crashes; a handle of an earlier life is dead.
  let life = 0

  const existing = (name: string): Content => {
    const content = files.get(name)
    if (content === undefined) throw systemError('ENOENT', `no such file: ${name}`)
    return content
  }

  return {
    list: () => [...files.keys()].sort(),
    read: (name) => existing(name).bytes.slice(0, existing(name).sizeBytes),
    readAt: (name, offset, lengthBytes) => existing(name).bytes.slice(offset, Math.min(offset + lengthBytes, existing(name).sizeBytes)),
    openAppend: (name) => {
      const content = files.get(name) ?? { bytes: new Uint8Array(0), sizeBytes: 0, syncedBytes: 0 }
      files.set(name, content)
      const born = life
      return new MemoryFile(content, () => life === born, (task) => void options.after(latencyMs(), task))
    },
    truncate: (name, sizeBytes) => {
      const content = existing(name)
      content.sizeBytes = Math.min(content.sizeBytes, sizeBytes)
      content.syncedBytes = content.sizeBytes
    },
    replace: (name, data) => {
      files.set(name, { bytes: data.slice(), sizeBytes: data.length, syncedBytes: data.length })
    },
    rename: (from, to) => {
      files.set(to, existing(from))
      files.delete(from)
    },
    remove: (name) => {
      files.delete(name)
    },
    crash: ({ random, keepsUnsynced = false }) => {
      life++
      if (keepsUnsynced) return
      // Sorted, so that the draws do not depend on the order in which files were made.
      for (const name of [...files.keys()].sort()) files.set(name, afterCrash(files.get(name)!, random))
    },
    syncedBytes: (name) => existing(name).syncedBytes,
  }
}

class MemoryFile implements DiskFile {
  readonly #content: Content
  readonly #isAlive: () => boolean
  readonly #syncs: SyncQueue
  #closed = false

  constructor(content: Content, isAlive: () => boolean, later: (task: () => void) => void) {
    this.#content = content
    this.#isAlive = isAlive
    this.#syncs = new SyncQueue((done) => {
      const sizeBytes = content.sizeBytes
      later(() => {
        if (!isAlive()) return
        content.syncedBytes = Math.max(content.syncedBytes, Math.min(sizeBytes, content.sizeBytes))
        done(null)
      })
    })
  }

  get sizeBytes(): number {
    return this.#content.sizeBytes
  }

  write(data: Uint8Array): void {
    invariant(!this.#closed, () => 'write to a closed file')
    if (!this.#isAlive()) return
    const content = this.#content
    const sizeBytes = content.sizeBytes + data.length
    if (sizeBytes > content.bytes.length) {
      const grown = new Uint8Array(Math.max(sizeBytes, content.bytes.length * 2, 1024))
      grown.set(content.bytes.subarray(0, content.sizeBytes))
      content.bytes = grown
    }
    content.bytes.set(data, content.sizeBytes)
    content.sizeBytes = sizeBytes
  }

  sync(done: (error: Error | null) => void): void {
    invariant(!this.#closed, () => 'sync of a closed file')
    if (this.#isAlive()) this.#syncs.sync(done)
  }

  close(): void {
    this.#closed = true
  }
}

function afterCrash(content: Content, random: Random | null): Content {
  const { syncedBytes } = content
  const unsyncedBytes = content.sizeBytes - syncedBytes
  const keptBytes = syncedBytes + (random === null || unsyncedBytes === 0 ? 0 : random.between(0, unsyncedBytes + 1))
  // Not copied: the handles that could write into it are dead.
  const { bytes } = content
  if (random !== null && keptBytes > syncedBytes && random.chance(0.5)) punchHoles(bytes.subarray(0, keptBytes), syncedBytes, random)
  return { bytes, sizeBytes: keptBytes, syncedBytes: keptBytes }
}

/** Zeroes each sector behind `from` with an even chance; a sector that holds synced bytes was rewritten whole or not at all. */
function punchHoles(bytes: Uint8Array, from: number, random: Random): void {
  for (let start = Math.floor(from / sectorBytes) * sectorBytes; start < bytes.length; start += sectorBytes) {
    if (random.chance(0.5)) bytes.fill(0, Math.max(start, from), start + sectorBytes)
  }
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}
