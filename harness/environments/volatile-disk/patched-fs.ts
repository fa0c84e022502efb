/**
 * Replaces functions of `node:fs` so that files below one directory lose, on
 * kill -9, exactly what was not synced: written bytes wait in this process's
 * memory until fsync or fdatasync. Independent of the program's own code, so it
 * also shows a program that forgets to sync.
 *
 * Assumed to survive a power cut at once, as with a journal that writes in
 * order: creating, renaming and removing a file, and emptying it while opening.
 * Ways to write that are not covered here throw: silence would hide them.
 */
import fs from 'node:fs'
import type { BigIntStats, PathLike, Stats } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { OpenFile, VolatileDirectory } from './volatile-directory.ts'
import { realFs, type VolatileFile } from './volatile-file.ts'

// The functions of node:fs are overloaded beyond what is of use here; what goes
// through unchanged keeps its arguments as they are.
type Args = any[]
type Callback = (error: Error | null, ...results: unknown[]) => void
type Functions = Record<string, (...args: Args) => unknown>

/** From now on, for every importer in this process. */
export function makeVolatile(directory: VolatileDirectory): void {
  const patches = { ...descriptorPatches(directory), ...pathPatches(directory) }
  Object.assign(fs, patches, withCallbacks(patches, directory), refusals(directory))
  syncBuiltinESMExports()
}

/** `name` with a callback for each `nameSync`: the same effect, answered later. What is not ours goes to the real function. */
function withCallbacks(patches: Functions, directory: VolatileDirectory): Functions {
  const later: Functions = {}
  for (const [nameSync, patch] of Object.entries(patches)) {
    const name = nameSync.replace(/Sync$/, '') as keyof typeof realFs
    const real = realFs[name] as Functions[string]
    later[name] = (...args) => {
      const [target] = args
      const ours = typeof target === 'number' ? directory.of(target) !== undefined : directory.contains(target)
      const done = args.at(-1) as Callback
      if (!ours || typeof done !== 'function') return real(...args)
      try {
        // These are for the disk to take its time over; nothing else waits for it.
        if (name === 'fsync' || name === 'fdatasync') directory.of(target)!.file.flush()
        if (name === 'close') directory.closing(target)
        if (name === 'fsync' || name === 'fdatasync' || name === 'close') return real(...args)
        // Third, what Node.js hands back besides: the buffer or the buffers that were given.
        const result = patch(...args.slice(0, -1))
        setImmediate(() => done(null, result, args[1]))
      } catch (error) {
        setImmediate(() => done(error as Error))
      }
    }
  }
  return later
}

function descriptorPatches(directory: VolatileDirectory): Functions {
  /** `ours` for a descriptor below the directory, else the real function. */
  const either = (name: keyof typeof realFs, ours: (open: OpenFile, ...args: Args) => unknown) =>
    (descriptor: number, ...args: Args) => {
      const open = directory.of(descriptor)
      return open === undefined ? (realFs[name] as Functions[string])(descriptor, ...args) : ours(open, ...args)
    }
  return {
    writeSync: either('writeSync', (open, data, ...rest) => {
      const { bytes, position } = writeArguments(data, rest)
      return write(open, bytes, position)
    }),
    writevSync: either('writevSync', (open, chunks: readonly NodeJS.ArrayBufferView[], position) => {
      return write(open, Buffer.concat(chunks.map(bytesOf)), position)
    }),
    readSync: either('readSync', (open, buffer, ...rest) => {
      const options = typeof rest[0] === 'object' && rest[0] !== null ? rest[0] : { offset: rest[0], length: rest[1], position: rest[2] }
      return read(open, bytesOf(buffer), options)
    }),
    readvSync: either('readvSync', (open, buffers: readonly NodeJS.ArrayBufferView[], position) => {
      let count = 0
      for (const buffer of buffers) count += read(open, bytesOf(buffer), { position: typeof position === 'number' ? position + count : null })
      return count
    }),
    ftruncateSync: either('ftruncateSync', ({ file }, sizeBytes = 0) => file.truncate(sizeBytes)),
    fstatSync: (descriptor: number, options) => seenSize(directory, realFs.fstatSync(descriptor, options) as Stats),
    closeSync: (descriptor: number) => {
      directory.closing(descriptor)
      realFs.closeSync(descriptor)
    },
    fsyncSync: (descriptor: number) => {
      directory.of(descriptor)?.file.flush()
      realFs.fsyncSync(descriptor)
    },
    fdatasyncSync: (descriptor: number) => {
      directory.of(descriptor)?.file.flush()
      realFs.fdatasyncSync(descriptor)
    },
  }
}

function pathPatches(directory: VolatileDirectory): Functions {
  const openSync = (path: PathLike, flags?: string | number, mode?: number) => {
    const descriptor = realFs.openSync(path, flags ?? 'r', mode)
    directory.opened(descriptor, path, flags)
    return descriptor
  }
  const wholeFile = (name: 'writeFileSync' | 'appendFileSync', defaultFlag: string) => (target: PathLike | number, data: any, options?: any) => {
    const { encoding, mode, flag, flush } = typeof options === 'string' ? { encoding: options } as any : options ?? {}
    if (typeof target === 'number' ? directory.of(target) === undefined : !directory.contains(target)) return realFs[name](target, data, options)
    const bytes = typeof data === 'string' ? Buffer.from(data, encoding ?? 'utf8') : bytesOf(data)
    const descriptor = typeof target === 'number' ? target : openSync(target, flag ?? defaultFlag, mode ?? 0o666)
    try {
      write(directory.of(descriptor)!, bytes, null)
      if (flush === true) fs.fsyncSync(descriptor)
    } finally {
      if (typeof target !== 'number') fs.closeSync(descriptor)
    }
  }
  return {
    openSync,
    writeFileSync: wholeFile('writeFileSync', 'w'),
    appendFileSync: wholeFile('appendFileSync', 'a'),
    readFileSync: (target: PathLike | number, options?: any) => {
      const pending = directory.isQuiet ? undefined : pendingAt(directory, target)
      if (pending === undefined) return realFs.readFileSync(target, options)
      const open = typeof target === 'number' ? directory.of(target) : undefined
      const content = pending.content().subarray(open?.position ?? 0)
      if (open !== undefined) open.position += content.length
      const encoding = typeof options === 'string' ? options : options?.encoding
      return typeof encoding === 'string' ? content.toString(encoding as BufferEncoding) : content
    },
    truncateSync: (path: PathLike, sizeBytes = 0) => {
      if (!directory.contains(path)) return realFs.truncateSync(path, sizeBytes)
      const descriptor = openSync(path, 'r+')
      directory.of(descriptor)!.file.truncate(sizeBytes)
      fs.closeSync(descriptor)
    },
    statSync: (path: PathLike, options) => seenSize(directory, realFs.statSync(path, options) as Stats),
    lstatSync: (path: PathLike, options) => seenSize(directory, realFs.lstatSync(path, options) as Stats),
  }
}

/** Ways around this file. */
function refusals(directory: VolatileDirectory): Functions {
  const refuse = (name: string, real: (...args: Args) => unknown) => (...args: Args) => {
    const path = args.slice(0, 2).find((arg) => (typeof arg === 'string' || arg instanceof URL || Buffer.isBuffer(arg)) && directory.contains(arg))
    if (path === undefined) return real(...args)
    throw new Error(`fs.${name} of ${String(path)}: the volatile disk does not cover it; use descriptors (fs.openSync, fs.write, fs.fdatasync).`)
  }
  const refused: Functions = {}
  for (const name of ['createWriteStream', 'copyFile', 'copyFileSync', 'cp', 'cpSync', 'link', 'linkSync'] as const) {
    refused[name] = refuse(name, realFs[name] as Functions[string])
  }
  const promises = fs.promises as unknown as Functions
  for (const name of ['open', 'writeFile', 'appendFile', 'truncate', 'copyFile', 'cp', 'link']) {
    promises[name] = refuse(`promises.${name}`, promises[name]!.bind(promises))
  }
  return refused
}

function write(open: OpenFile, bytes: Uint8Array, position: unknown): number {
  const explicit = typeof position === 'number' || typeof position === 'bigint'
  const offset = open.append ? open.file.sizeBytes : explicit ? Number(position) : open.position
  open.file.write(offset, bytes)
  if (!explicit) open.position = offset + bytes.length
  return bytes.length
}

function read(open: OpenFile, buffer: Buffer, options: { offset?: number, length?: number, position?: unknown }): number {
  const target = buffer.subarray(options.offset ?? 0, options.length === undefined ? undefined : (options.offset ?? 0) + options.length)
  const explicit = (typeof options.position === 'number' && options.position >= 0) || typeof options.position === 'bigint'
  const from = explicit ? Number(options.position) : open.position
  const count = open.file.content().copy(target, 0, from)
  if (!explicit) open.position = from + count
  return count
}

/** `write(fd, text, position?, encoding?)`, `write(fd, buffer, offset?, length?, position?)` or `write(fd, buffer, {offset, length, position})`. */
function writeArguments(data: any, rest: Args): { bytes: Uint8Array, position: unknown } {
  if (typeof data === 'string') return { bytes: Buffer.from(data, rest[1] ?? 'utf8'), position: rest[0] }
  const [offset = 0, length, position] = typeof rest[0] === 'object' && rest[0] !== null ? [rest[0].offset, rest[0].length, rest[0].position] : rest
  const bytes = bytesOf(data)
  return { bytes: bytes.subarray(offset, typeof length === 'number' ? offset + length : undefined), position }
}

function bytesOf(data: NodeJS.ArrayBufferView): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

function pendingAt(directory: VolatileDirectory, target: PathLike | number): VolatileFile | undefined {
  if (typeof target === 'number') {
    const file = directory.of(target)?.file
    return file?.hasPending === true ? file : undefined
  }
  const stats = directory.contains(target) ? realFs.statSync(target, { throwIfNoEntry: false }) : undefined
  return stats === undefined ? undefined : directory.pendingOf(stats)
}

/** The file's numbers with the size that the program has made. */
function seenSize(directory: VolatileDirectory, stats: Stats | BigIntStats | undefined): unknown {
  const file = stats === undefined || directory.isQuiet ? undefined : directory.pendingOf(stats)
  if (file !== undefined) stats!.size = typeof stats!.size === 'bigint' ? BigInt(file.sizeBytes) : file.sizeBytes
  return stats
}
