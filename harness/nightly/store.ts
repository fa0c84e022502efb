import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readNightRecord } from '../../results/nights/night-record.ts'
import { startName } from '../runner/run-directory.ts'
import type { StoredNight } from './retention.ts'

/** Where nights lie in a store. */
export const nightsOf = (store: string): string => join(store, 'nights')

/** A new directory for a night. Two may begin in the same millisecond. */
export function makeNightDirectory(store: string, startedAt: Date): string {
  mkdirSync(nightsOf(store), { recursive: true })
  for (let attempt = 1; ; attempt++) {
    const directory = join(nightsOf(store), attempt === 1 ? startName(startedAt) : `${startName(startedAt)}-${attempt}`)
    try {
      mkdirSync(directory)
      return directory
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** Every night of the store that has a record, the oldest first; of those that cannot be read, a sentence each. */
export function readNights(store: string): { readonly nights: readonly StoredNight[], readonly problems: readonly string[] } {
  const parent = nightsOf(store)
  const problems: string[] = []
  const nights = (existsSync(parent) ? readdirSync(parent, { withFileTypes: true }) : []).filter((entry) => entry.isDirectory()).flatMap(({ name }): StoredNight[] => {
    const file = join(parent, name, 'night.json')
    // A night that was killed, or is on now, has none yet.
    if (!existsSync(file)) return []
    try {
      return [{ file, record: readNightRecord(file) }]
    } catch (error) {
      problems.push((error as Error).message)
      return []
    }
  })
  return { problems, nights: nights.toSorted((a, b) => a.record.startedAt < b.record.startedAt ? -1 : a.record.startedAt > b.record.startedAt ? 1 : 0) }
}

/** By `cellName`: how many runs earlier nights did. */
export function runsBefore(nights: readonly StoredNight[], nameOf: (run: StoredNight['record']['runs'][number]) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { record } of nights) {
    for (const run of record.runs) {
      if (run.outcome !== 'skipped') counts.set(nameOf(run), (counts.get(nameOf(run)) ?? 0) + 1)
    }
  }
  return counts
}

/** What the directory of a night holds beside its record. */
export function writeNightFiles(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
}
