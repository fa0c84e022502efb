/**
 * Replaces functions of `node:fs` so that a disk below one directory is full,
 * read-only or slow, while the process runs. Independent of the program's own
 * code; what it does not cover (streams, file handles of `fs.promises`) throws
 * while there is trouble, because silence would hide it.
 */
import fs from 'node:fs'
import type { PathLike } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { constants } from 'node:os'
import { resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DiskTrouble } from '../capabilities.ts'

type Args = any[]
type Callback = (error: Error | null, ...results: unknown[]) => void
type Functions = Record<string, (...args: Args) => unknown>

/** By descriptor; adds bytes. */
const descriptorWrites = ['write', 'writev', 'ftruncate'] as const
/** By path; adds bytes. */
const pathWrites = ['writeFile', 'appendFile', 'mkdir'] as const
/** By path; a full disk allows them. */
const pathChanges = ['rename', 'rm', 'unlink', 'rmdir', 'truncate'] as const
const syncs = ['fsync', 'fdatasync'] as const
const uncovered = ['createWriteStream', 'copyFile', 'copyFileSync', 'cp', 'cpSync'] as const
const uncoveredPromises = ['open', 'writeFile', 'appendFile', 'truncate', 'copyFile', 'cp', 'rename', 'rm', 'mkdir'] as const

const writeFlags = fs.constants.O_WRONLY | fs.constants.O_RDWR

export class TroubledDisk {
  readonly #prefix: string
  readonly #descriptors = new Set<number>()
  #troubles: readonly DiskTrouble[] = []

  /** @param path the directory */
  constructor(path: string) {
    this.#prefix = resolve(path) + sep
  }

  set(troubles: readonly DiskTrouble[]): void {
    this.#troubles = troubles
  }

  /** From now on, for every importer in this process. */
  install(): void {
    const real = { ...fs } as unknown as Functions
    const patched: Functions = {}
    for (const name of descriptorWrites) this.#both(patched, real, name, (args) => this.#descriptors.has(args[0]) ? this.#writeError(name) : null)
    for (const name of pathWrites) this.#both(patched, real, name, (args) => this.#holds(args[0]) ? this.#writeError(name) : null)
    for (const name of pathChanges) this.#both(patched, real, name, (args) => this.#holds(args[0]) ? this.#changeError(name) : null)
    for (const name of syncs) this.#slow(patched, real, name)
    this.#opening(patched, real)
    for (const name of uncovered) patched[name] = this.#refusing(`fs.${name}`, real[name]!)
    const promises = fs.promises as unknown as Functions
    for (const name of uncoveredPromises) promises[name] = this.#refusing(`fs.promises.${name}`, promises[name]!.bind(promises))
    Object.assign(fs, patched)
    syncBuiltinESMExports()
  }

  /** `name` and `nameSync`. */
  #both(patched: Functions, real: Functions, name: string, errorOf: (args: Args) => Error | null): void {
    patched[`${name}Sync`] = (...args) => {
      const error = errorOf(args)
      if (error !== null) throw error
      return real[`${name}Sync`]!(...args)
    }
    patched[name] = (...args) => {
      const error = errorOf(args)
      if (error === null) return real[name]!(...args)
      setImmediate(() => (args.at(-1) as Callback)(error))
    }
  }

  #slow(patched: Functions, real: Functions, name: string): void {
    const syncMs = (descriptor: number) => !this.#descriptors.has(descriptor) ? 0
      : this.#troubles.reduce((sum, trouble) => sum + (trouble.kind === 'slow' ? trouble.syncMs : 0), 0)
    patched[`${name}Sync`] = (descriptor: number) => {
      const waitMs = syncMs(descriptor)
      if (waitMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs)
      return real[`${name}Sync`]!(descriptor)
    }
    patched[name] = (descriptor: number, done: Callback) => {
      const waitMs = syncMs(descriptor)
      if (waitMs === 0) return real[name]!(descriptor, done)
      setTimeout(() => real[name]!(descriptor, done), waitMs)
    }
  }

  #opening(patched: Functions, real: Functions): void {
    const errorOf = (path: PathLike, flags: string | number | undefined) => {
      if (!this.#holds(path)) return null
      if (this.#has('read-only') && writes(flags)) return systemError('EROFS', 'open', String(path))
      if (this.#has('full') && writes(flags) && !(real['existsSync']!(path) as boolean)) return systemError('ENOSPC', 'open', String(path))
      return null
    }
    const opened = (descriptor: number, path: PathLike) => { if (this.#holds(path)) this.#descriptors.add(descriptor) }
    patched['openSync'] = (path: PathLike, flags?: string | number, mode?: number) => {
      const error = errorOf(path, flags)
      if (error !== null) throw error
      const descriptor = real['openSync']!(path, flags, mode) as number
      opened(descriptor, path)
      return descriptor
    }
    patched['open'] = (path: PathLike, ...rest: Args) => {
      const done = rest.at(-1) as (error: Error | null, descriptor?: number) => void
      const error = errorOf(path, rest.length > 1 ? rest[0] : undefined)
      if (error !== null) return void setImmediate(() => done(error))
      return real['open']!(path, ...rest.slice(0, -1), (failed: Error | null, descriptor: number) => {
        if (failed === null) opened(descriptor, path)
        done(failed, descriptor)
      })
    }
    patched['closeSync'] = (descriptor: number) => {
      this.#descriptors.delete(descriptor)
      return real['closeSync']!(descriptor)
    }
    patched['close'] = (descriptor: number, ...rest) => {
      this.#descriptors.delete(descriptor)
      return real['close']!(descriptor, ...rest)
    }
  }

  #refusing(name: string, real: (...args: Args) => unknown): (...args: Args) => unknown {
    return (...args) => {
      if (this.#troubles.length > 0 && args.slice(0, 2).some((arg) => this.#holds(arg))) throw new Error(`${name}: the troubled disk does not cover it; use descriptors (fs.openSync, fs.write, fs.fdatasync).`)
      return real(...args)
    }
  }

  #writeError(call: string): Error | null {
    return this.#has('read-only') ? systemError('EROFS', call) : this.#has('full') ? systemError('ENOSPC', call) : null
  }

  #changeError(call: string): Error | null {
    return this.#has('read-only') ? systemError('EROFS', call) : null
  }

  #has(kind: DiskTrouble['kind']): boolean {
    return this.#troubles.some((trouble) => trouble.kind === kind)
  }

  #holds(target: unknown): boolean {
    if (typeof target === 'number') return this.#descriptors.has(target)
    if (!(typeof target === 'string' || target instanceof URL || Buffer.isBuffer(target))) return false
    return (resolve(target instanceof URL ? fileURLToPath(target) : target.toString()) + sep).startsWith(this.#prefix)
  }
}

function writes(flags: string | number | undefined): boolean {
  return typeof flags === 'number' ? (flags & (writeFlags | fs.constants.O_CREAT)) !== 0 : /[wa+]/.test(flags ?? 'r')
}

const texts = { EROFS: 'read-only file system', ENOSPC: 'no space left on device' } as const

/** As Node.js makes it. */
function systemError(code: keyof typeof texts, syscall: string, path?: string): Error {
  const message = `${code}: ${texts[code]}, ${syscall}${path === undefined ? '' : ` '${path}'`}`
  return Object.assign(new Error(message), { code, errno: -constants.errno[code], syscall, ...path === undefined ? {} : { path } })
}
