import { existsSync, realpathSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { UsageError } from '../../harness/plan/usage-error.ts'
import { readBenchRecord } from '../bench/bench-record.ts'
import { readNightRecord } from '../nights/night-record.ts'
import { readRunSummary } from '../run-summary.ts'
import { measuredSubject } from './measured-subject.ts'
import { readMembersRecord } from './members-record.ts'
import { nightSubject } from './night-subject.ts'
import { runSubject } from './run-subject.ts'
import type { Subject } from './subject.ts'

/** Which file makes a directory what it is. */
const records: Readonly<Record<string, (label: string, file: string) => Subject>> = {
  'bench.json': (label, file) => measuredSubject(label, file, readBenchRecord(file)),
  'night.json': (label, file) => nightSubject(label, file, readNightRecord(file)),
  'compare.json': (label, file) => measuredSubject(label, file, readMembersRecord(file)),
}
const whatThereIs = 'the directory of a run, bench.json, night.json or compare.json, or the directory of one of these'

/** Reads all, in the order given. Throws UsageError where one is nothing that can be compared, or where they are of several kinds. */
export function readSubjects(places: readonly string[]): Subject[] {
  const subjects = places.map((place, at) => readSubject(labelOf(at), place))
  const kinds = [...new Set(subjects.map(({ kind }) => kind))]
  if (kinds.length > 1) {
    throw new UsageError(`These are of several kinds: ${subjects.map(({ place, kind }) => `${place} is a ${kind}`).join(', ')}. Give several of one kind.`)
  }
  return subjects
}

/** `A`, `B`, … `Z`, `A2`, `B2`, … */
function labelOf(at: number): string {
  const round = Math.floor(at / 26) + 1
  return `${String.fromCharCode(65 + at % 26)}${round === 1 ? '' : round}`
}

function readSubject(label: string, place: string): Subject {
  if (!existsSync(place)) throw new UsageError(`There is no ${place}. Give ${whatThereIs}.`)
  const real = realpathSync(place)
  const files = statSync(real).isDirectory() ? Object.keys(records).map((name) => join(real, name)).filter(existsSync) : [real]
  const file = files[0]
  if (file === undefined) {
    const run = readRunSummary(real)
    if (run === null) throw new UsageError(`${place} holds neither a run nor a record. Give ${whatThereIs}.`)
    return runSubject(label, run)
  }
  try {
    return reader(file)(label, file)
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message)
  }
}

/** By the file's name; one that was renamed is tried as each. */
function reader(file: string): (label: string, file: string) => Subject {
  const known = records[basename(file)]
  if (known !== undefined) return known
  return (label) => {
    for (const read of Object.values(records)) {
      try {
        return read(label, file)
      } catch {
        continue
      }
    }
    throw new UsageError(`${file} is no record that can be compared. Give ${whatThereIs}.`)
  }
}
