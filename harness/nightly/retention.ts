import { existsSync, lstatSync, readdirSync, realpathSync, renameSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import type { NightRecord } from '../../results/nights/night-record.ts'
import { readRunSummary } from '../../results/run-summary.ts'

/** What is kept of old runs; what failed is kept in any case. Null: no limit. */
export interface Retention {
  readonly keepDays: number | null
  /** Of all runs of all nights together. */
  readonly keepBytes: number | null
}

/** A valid run of an earlier night. */
export interface OldRun {
  /** Relative to the store. */
  readonly directory: string
  readonly startedMs: number
  readonly bytes: number
}

/**
 * Which to remove: those that are too old, then the oldest until all fits.
 * @param keptBytes of what is not to be removed: failures, and tonight's runs
 */
export function choosePruned(runs: readonly OldRun[], { keepDays, keepBytes }: Retention, keptBytes: number, nowMs: number): OldRun[] {
  const oldestFirst = runs.toSorted((a, b) => a.startedMs - b.startedMs || (a.directory < b.directory ? -1 : 1))
  const pruned: OldRun[] = []
  let bytes = runs.reduce((sum, run) => sum + run.bytes, keptBytes)
  for (const run of oldestFirst) {
    const tooOld = keepDays !== null && nowMs - run.startedMs > keepDays * 86_400_000
    const tooMuch = keepBytes !== null && bytes > keepBytes
    if (!tooOld && !tooMuch) continue
    pruned.push(run)
    bytes -= run.bytes
  }
  return pruned
}

/** A night of the store: its record, and where that lies. */
export interface StoredNight {
  /** Absolute: `…/night.json`. */
  readonly file: string
  readonly record: NightRecord
}

export interface Pruning {
  readonly removed: readonly OldRun[]
  /** Of the nights' runs that are left. */
  readonly bytesLeft: number
  /** What could not be done, in sentences. */
  readonly problems: readonly string[]
  /** The nights with their records as they are now. */
  readonly nights: readonly StoredNight[]
}

/**
 * Removes valid runs of earlier nights, and takes their directories out of
 * those nights' records. Only what such a record names, what lies below the
 * store without any link on the way, and what says of itself that it is a
 * valid run is removed.
 */
export function prune(store: string, earlier: readonly StoredNight[], tonight: StoredNight, retention: Retention, nowMs: number): Pruning {
  const problems: string[] = []
  const valid: OldRun[] = []
  let keptBytes = 0
  for (const { record } of [...earlier, tonight]) {
    for (const { directory, outcome } of record.runs) {
      if (directory === null) continue
      const place = placeOf(store, directory)
      if (place === null) continue
      const bytes = bytesOf(place)
      const old = record !== tonight.record && outcome === 'valid' ? readRunSummary(place) : null
      if (old?.verdict === 'valid') valid.push({ directory, startedMs: Date.parse(old.startedAt), bytes })
      else keptBytes += bytes
    }
  }
  const removed = choosePruned(valid, retention, keptBytes, nowMs).filter(({ directory }) => {
    try {
      rmSync(join(store, directory), { recursive: true })
      tidy(dirname(join(store, directory)))
      return true
    } catch (error) {
      problems.push(`${directory} could not be removed: ${(error as Error).message}`)
      return false
    }
  })
  const gone = new Set(removed.map(({ directory }) => directory))
  const nights = earlier.map(({ file, record }): StoredNight => {
    if (!record.runs.some(({ directory }) => directory !== null && gone.has(directory))) return { file, record }
    const runs = record.runs.map((run) => run.directory !== null && gone.has(run.directory) ? { ...run, directory: null } : run)
    return { file, record: writeRecord(file, { ...record, runs }) }
  })
  const freed = removed.reduce((sum, { bytes }) => sum + bytes, 0)
  return { removed, problems, nights, bytesLeft: valid.reduce((sum, { bytes }) => sum + bytes, keptBytes) - freed }
}

/** Beside its place, and renamed into it: it is whole or it is the one before. */
export function writeRecord(file: string, record: NightRecord): NightRecord {
  const draft = join(dirname(file), '.night.json.draft')
  writeFileSync(draft, `${JSON.stringify(record, null, 2)}\n`)
  renameSync(draft, file)
  return record
}

/** A folder of runs of which one went, and the night around it: links to nowhere go too, and so does the folder once it is empty. Not while runs may begin in it. */
export function tidy(folder: string): void {
  for (const place of [folder, dirname(folder)]) {
    const latest = join(place, 'latest')
    if (lstatSync(latest, { throwIfNoEntry: false })?.isSymbolicLink() === true && !existsSync(latest)) unlinkSync(latest)
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder)
}

/** Absolute; null where it is not there, leads out of the store, or goes through a link. */
function placeOf(store: string, directory: string): string | null {
  try {
    const root = realpathSync(store)
    const place = join(root, directory)
    return place.startsWith(`${root}${sep}`) && realpathSync(place) === place && lstatSync(place).isDirectory() ? place : null
  } catch {
    return null
  }
}

function bytesOf(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .reduce((sum, entry) => sum + (entry.isFile() ? lstatSync(join(entry.parentPath, entry.name)).size : 0), 0)
}
