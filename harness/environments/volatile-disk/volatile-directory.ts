import { constants } from 'node:fs'
import type { PathLike } from 'node:fs'
import { resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keyOf, realFs, VolatileFile } from './volatile-file.ts'

/** What a program has opened below the directory. */
export interface OpenFile {
  readonly file: VolatileFile
  /** Opened to append: every write goes to the end, whatever position it names. */
  readonly append: boolean
  /** Where the next read or write without a position goes. */
  position: number
}

/** All files below one directory that are open or have something pending. */
export class VolatileDirectory {
  readonly #prefix: string
  readonly #files = new Map<string, VolatileFile>()
  readonly #open = new Map<number, OpenFile>()

  constructor(path: string) {
    this.#prefix = resolve(path) + sep
  }

  contains(path: PathLike): boolean {
    const text = path instanceof URL ? fileURLToPath(path) : path.toString()
    return (resolve(text) + sep).startsWith(this.#prefix)
  }

  /** A descriptor that has just been opened. Directories and other things than files are left alone. */
  opened(descriptor: number, path: PathLike, flags: string | number | undefined): void {
    if (!this.contains(path)) return
    const stats = realFs.fstatSync(descriptor)
    if (!stats.isFile()) return
    const bits = flagBits(flags)
    let file = this.#files.get(keyOf(stats))
    if (file === undefined) {
      if ((bits & (constants.O_WRONLY | constants.O_RDWR)) === 0) return // only read, and nothing pending
      this.#sweep()
      file = new VolatileFile(path instanceof URL ? fileURLToPath(path) : path.toString())
      this.#files.set(file.key, file)
    }
    if ((bits & constants.O_TRUNC) !== 0) file.emptied()
    file.descriptors.add(descriptor)
    this.#open.set(descriptor, { file, append: (bits & constants.O_APPEND) !== 0, position: 0 })
  }

  /** Undefined: not ours. */
  of(descriptor: number): OpenFile | undefined {
    return this.#open.get(descriptor)
  }

  closing(descriptor: number): void {
    const open = this.#open.get(descriptor)
    if (open === undefined) return
    this.#open.delete(descriptor)
    open.file.descriptors.delete(descriptor)
    if (open.file.disposable) this.#forget(open.file)
  }

  /** The file with something pending that these numbers belong to. */
  pendingOf(stats: { dev: number | bigint, ino: number | bigint }): VolatileFile | undefined {
    const file = this.#files.get(keyOf(stats))
    return file?.hasPending === true ? file : undefined
  }

  get isQuiet(): boolean {
    return this.#files.size === 0
  }

  /** What an operating system does that goes on after a program has ended. */
  flushAll(): void {
    for (const file of this.#files.values()) file.flush()
  }

  /** A power cut in the middle of writing back: of each file's first unsynced write a part has reached the disk. */
  tearLast(): void {
    for (const file of this.#files.values()) file.flushPart()
  }

  /** Files that were closed unsynced and have been removed since. */
  #sweep(): void {
    for (const file of this.#files.values()) if (file.disposable) this.#forget(file)
  }

  #forget(file: VolatileFile): void {
    this.#files.delete(file.key)
    file.close()
  }
}

/** Flags as `open` takes them: a number, or `r+`, `a`, `wx`, … */
function flagBits(flags: string | number | undefined): number {
  if (typeof flags === 'number') return flags
  const text = flags ?? 'r'
  const access = text.includes('+') ? constants.O_RDWR : text.startsWith('r') ? constants.O_RDONLY : constants.O_WRONLY
  return access | (text.startsWith('a') ? constants.O_APPEND : 0) | (text.startsWith('w') ? constants.O_TRUNC : 0)
}
