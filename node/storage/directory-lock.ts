/**
 * A pid file that keeps two processes out of one data directory. Node.js has no
 * `flock`, so the file says who holds it, and a holder that no longer lives is
 * replaced. A pid alone is not enough: in a container every run of the member
 * may be pid 1. Where the kernel tells it, the start time of the process is
 * kept too.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export interface DirectoryLock {
  /** Removes the lock file. Safe to call twice. */
  release(): void
}

/** The directory belongs to a process that lives. The message says which and what to do. */
export class DirectoryLockedError extends Error {
  override readonly name = 'DirectoryLockedError'
}

interface Holder {
  readonly pid: number
  /** Of the process, in the kernel's ticks with its boot id; null where `/proc` does not tell. */
  readonly started: string | null
}

const lockFileName = '.lock'
/** What this process holds: the file alone cannot tell our own lock from that of a dead process with our pid. */
const heldHere = new Set<string>()

/**
 * Locks `directory`, creating it if absent. Throws DirectoryLockedError while
 * another live process, or this one, holds it. Does not see processes of other
 * machines or of other pid namespaces that share the directory. Two processes
 * that take over the same stale lock at the same instant are told apart by
 * reading it back, which leaves a gap of microseconds.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const root = resolve(directory)
  const path = join(root, lockFileName)
  mkdirSync(root, { recursive: true, mode: 0o700 })
  const self: Holder = { pid: process.pid, started: startedAt(process.pid) }
  if (heldHere.has(root)) throw lockedError(root, self)
  const text = JSON.stringify(self)
  if (!createExclusively(path, text)) {
    const holder = readHolder(path)
    if (holder !== null && isLive(holder, self)) throw lockedError(root, holder)
    const own = `${path}.${process.pid}.tmp`
    writeFileSync(own, text, { mode: 0o600 })
    renameSync(own, path)
    const winner = readHolder(path)
    if (winner === null || winner.pid !== self.pid) throw lockedError(root, winner ?? self)
  }
  heldHere.add(root)
  return {
    release: () => {
      if (!heldHere.delete(root)) return
      rmSync(path, { force: true })
    },
  }
}

function createExclusively(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Null if the file is gone or unreadable as ours: a crash may have left it empty. */
function readHolder(path: string): Holder | null {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof parsed !== 'object' || parsed === null) return null
    const { pid, started } = parsed as Partial<Holder>
    if (!Number.isSafeInteger(pid) || pid! < 1) return null
    return { pid: pid!, started: typeof started === 'string' ? started : null }
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function isLive(holder: Holder, self: Holder): boolean {
  // Our pid, but not ours: left by a process that had the same one.
  if (holder.pid === self.pid) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const started = startedAt(holder.pid)
  return holder.started === null || started === null || holder.started === started
}

/** Boot id and start time in ticks since boot; tells a process from a later one with the same pid. */
function startedAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field, the command's name, may hold spaces and parentheses.
    const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    return `${bootId}/${afterName[19]}`
  } catch {
    return null
  }
}

function lockedError(root: string, holder: Holder): DirectoryLockedError {
  return new DirectoryLockedError(`The data directory ${root} is in use by process ${holder.pid}. `
    + `Stop that process, or give this one another -data-dir. If no such member runs, delete ${join(root, lockFileName)}.`)
}
