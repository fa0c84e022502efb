import { unreachable } from '../../../node/base/assert.ts'
import type { Random } from '../../../node/base/random.ts'
import type { Disk, DiskFile } from '../../../node/storage/disk.ts'
import type { DiskTrouble } from '../environment.ts'

/**
 * A disk with what may be wrong with it while a process uses it, as the real
 * storage meets it: what is appended waits in memory until a sync hands it to
 * the operating system, so that a full disk or a read-only one shows at the
 * sync, perhaps after a part was written; whole-file changes fail at once.
 */
export class TroubledDisk implements Disk {
  readonly #disk: Disk
  readonly #random: Random
  readonly #after: (delayMs: number, task: () => void) => unknown
  readonly #troubles = new Set<DiskTrouble>()

  constructor(disk: Disk, random: Random, after: (delayMs: number, task: () => void) => unknown) {
    this.#disk = disk
    this.#random = random
    this.#after = after
  }

  /** Begins; returns what ends it. */
  trouble(trouble: DiskTrouble): () => void {
    const one = { ...trouble }
    this.#troubles.add(one)
    return () => void this.#troubles.delete(one)
  }

  list(): string[] {
    return this.#disk.list()
  }

  read(name: string): Uint8Array {
    return this.#disk.read(name)
  }

  readAt(name: string, offset: number, lengthBytes: number): Uint8Array {
    return this.#disk.readAt(name, offset, lengthBytes)
  }

  openAppend(name: string): DiskFile {
    if (this.failure !== null && !this.#disk.list().includes(name)) throw this.failure
    if (this.#has('read-only')) throw this.failure!
    return new TroubledFile(this.#disk.openAppend(name), this, this.#random, this.#after)
  }

  truncate(name: string, sizeBytes: number): void {
    this.#refuseIfReadOnly()
    this.#disk.truncate(name, sizeBytes)
  }

  replace(name: string, data: Uint8Array): void {
    if (this.failure !== null) throw this.failure
    this.#disk.replace(name, data)
  }

  rename(from: string, to: string): void {
    this.#refuseIfReadOnly()
    this.#disk.rename(from, to)
  }

  remove(name: string): void {
    this.#refuseIfReadOnly()
    this.#disk.remove(name)
  }

  /** Why nothing can be written, or null. */
  get failure(): Error | null {
    if (this.#has('read-only')) return systemError('EROFS', 'read-only file system')
    if (this.#has('full')) return systemError('ENOSPC', 'no space left on device')
    return null
  }

  /** What a sync takes on top. */
  get syncMs(): number {
    let syncMs = 0
    for (const one of this.#troubles) {
      switch (one.kind) {
        case 'slow': syncMs = Math.max(syncMs, one.syncMs); break
        case 'full':
        case 'read-only': break
        default: unreachable(one)
      }
    }
    return syncMs
  }

  #has(kind: DiskTrouble['kind']): boolean {
    for (const one of this.#troubles) if (one.kind === kind) return true
    return false
  }

  #refuseIfReadOnly(): void {
    if (this.#has('read-only')) throw this.failure!
  }
}

class TroubledFile implements DiskFile {
  readonly #file: DiskFile
  readonly #disk: TroubledDisk
  readonly #random: Random
  readonly #after: (delayMs: number, task: () => void) => unknown
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #failed: Error | null = null
  #runningSyncs = 0
  #closed = false

  constructor(file: DiskFile, disk: TroubledDisk, random: Random, after: (delayMs: number, task: () => void) => unknown) {
    this.#file = file
    this.#disk = disk
    this.#random = random
    this.#after = after
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes + this.#waitingBytes
  }

  write(data: Uint8Array): void {
    // Straight on while all is well: a crash may then tear it, as it may what waits in the operating system.
    if (this.#disk.failure === null && this.#waiting.length === 0) return this.#file.write(data)
    this.#waiting.push(data)
    this.#waitingBytes += data.length
  }

  /** After a failure all fail, as `SyncQueue` has it. */
  sync(done: (error: Error | null) => void): void {
    const { failure, syncMs } = this.#disk
    if (this.#failed === null && this.#waiting.length > 0) {
      if (failure === null) {
        this.#writeWaiting()
      } else {
        this.#failed = failure
        this.#writePart()
      }
    }
    if (this.#failed !== null) return void this.#after(syncMs, () => done(this.#failed))
    if (syncMs === 0) return this.#file.sync(done)
    this.#runningSyncs++
    this.#after(syncMs, () => {
      this.#file.sync(done)
      this.#runningSyncs--
      if (this.#closed && this.#runningSyncs === 0) this.#file.close()
    })
  }

  /** What was asked for before is still synced. */
  close(): void {
    this.#closed = true
    if (this.#runningSyncs === 0) this.#file.close()
  }

  #writeWaiting(): void {
    for (const data of this.#waiting) this.#file.write(data)
    this.#waiting = []
    this.#waitingBytes = 0
  }

  /** A disk that fills up takes a part. */
  #writePart(): void {
    if ((this.#disk.failure as NodeJS.ErrnoException).code !== 'ENOSPC') return
    const first = this.#waiting[0]!
    this.#file.write(first.subarray(0, this.#random.between(0, first.length + 1)))
  }
}

/** As Node's: that it comes of a system call is how the member tells it from a bug of its own. */
function systemError(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${message}, write`), { code, syscall: 'write' })
}
