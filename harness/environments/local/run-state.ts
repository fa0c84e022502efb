/**
 * What a local run has on this machine, written down outside its own memory, so
 * that the next run can clear up after one that was killed with kill -9. Members
 * end by themselves then (`lifeline.ts`); this is for those that could not, and
 * for what lies on disk.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { currentOwner, isOwnerDead, processStartTime, type Owner } from '../owner.ts'

interface RunRecord {
  readonly runId: string
  readonly owner: Owner
  /** Holds what members leave; removed if its marker names this run. */
  readonly directory: string
}

interface ProcessRecord {
  readonly pid: number
  readonly startTime: string
}

const recordFile = 'owner.json'
const markerFile = 'splitbrain-run'
const processPrefix = 'process-'
/** A record is renamed into its place; a half-made one is left by a crash in between. */
const unfinishedPrefix = '.unfinished-'
const unfinishedAgeMsMax = 60 * 60 * 1000
const endDeadlineMs = 5_000

/** One folder for each user: what is recorded there is killed and removed, so only the user may write it. */
export function runStateRoot(parent = tmpdir()): string {
  const user = userInfo().uid
  return join(parent, user === -1 ? 'splitbrain-runs' : `splitbrain-runs-${user}`)
}

export class RunState {
  readonly #path: string
  /** For the members' files. */
  readonly directory: string

  private constructor(path: string, directory: string) {
    this.#path = path
    this.directory = directory
  }

  /**
   * Makes `directory`, for members' files, and records that it is this process's.
   * Throws if a run of this id exists.
   */
  static create(runId: string, directory: string, root = runStateRoot()): RunState {
    mkdirSync(root, { recursive: true, mode: 0o700 })
    requireOwn(root)
    const path = join(root, runId)
    const unfinished = join(root, `${unfinishedPrefix}${runId}-${process.pid}`)
    mkdirSync(unfinished, { mode: 0o700 })
    const record: RunRecord = { runId, owner: currentOwner(), directory }
    writeFileSync(join(unfinished, recordFile), JSON.stringify(record))
    renameSync(unfinished, path)
    mkdirSync(directory)
    writeFileSync(join(directory, markerFile), runId)
    return new RunState(path, directory)
  }

  /** To be called as soon as a process is there. */
  addProcess(pid: number): void {
    const record: ProcessRecord = { pid, startTime: processStartTime(pid) ?? 'ended' }
    writeFileSync(join(this.#path, `${processPrefix}${pid}`), JSON.stringify(record))
  }

  removeProcess(pid: number): void {
    rmSync(join(this.#path, `${processPrefix}${pid}`), { force: true })
  }

  /** Removes the members' files and the record. Idempotent. Processes must have ended. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 })
    rmSync(this.#path, { recursive: true, force: true })
  }
}

/**
 * Ends the members and removes the files of runs whose process is certainly
 * gone. A member is known by its number and its start time, never by its name. A
 * run that lives, or may live where this process cannot look, is not touched.
 */
export async function reapDeadRuns(say: (line: string) => void, root = runStateRoot()): Promise<void> {
  let names: string[]
  try {
    names = readdirSync(root)
    requireOwn(root)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  for (const name of names) {
    const path = join(root, name)
    if (name.startsWith(unfinishedPrefix)) {
      const stats = statSync(path, { throwIfNoEntry: false })
      if (stats !== undefined && Date.now() - stats.mtimeMs > unfinishedAgeMsMax) rmSync(path, { recursive: true, force: true })
      continue
    }
    const record = readJson<RunRecord>(join(path, recordFile))
    if (record === null || !isOwnerDead(record.owner)) continue
    const ended = record.owner.boot === currentOwner().boot ? await endProcesses(path) : 0
    if (readText(join(record.directory, markerFile)) === record.runId) rmSync(record.directory, { recursive: true, force: true })
    rmSync(path, { recursive: true, force: true })
    say(`removed what the dead run ${record.runId} left: ${ended} member processes, and ${record.directory}`)
  }
}

async function endProcesses(path: string): Promise<number> {
  const alive = readdirSync(path).filter((name) => name.startsWith(processPrefix))
    .map((name) => readJson<ProcessRecord>(join(path, name)))
    .filter((record) => record !== null)
    .filter(({ pid, startTime }) => startTime !== 'unknown' && processStartTime(pid) === startTime)
  for (const { pid } of alive) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  const endMs = performance.now() + endDeadlineMs
  while (alive.some(({ pid, startTime }) => processStartTime(pid) === startTime)) {
    if (performance.now() > endMs) throw new Error(`processes of a dead run do not end on kill -9: ${alive.map(({ pid }) => pid).join(', ')}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return alive.length
}

/** Somebody else's folder of the same name could make us kill and remove what they like. */
function requireOwn(root: string): void {
  const stats = statSync(root)
  const user = userInfo().uid
  if (user !== -1 && (stats.uid !== user || (stats.mode & 0o022) !== 0)) {
    throw new Error(`${root} belongs to another user or can be written by others; remove it, then start again.`)
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function readJson<T>(path: string): T | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch {
    return null // being made, or removed by another run that clears up too
  }
}
