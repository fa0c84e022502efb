import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TraceAppend } from '../../node/base/trace.ts'
import { untorn } from '../runner/check-members.ts'

/**
 * What a run reached, so that one that tested nothing is seen: counted from
 * what it left, not from what was planned.
 */
export interface Coverage {
  readonly operations: { readonly ok: number, readonly fail: number, readonly info: number }
  /** The highest that any member was in. */
  readonly terms: number
  /** Members that became leader. */
  readonly elections: number
  /** Starts of members beyond the first of each. */
  readonly restarts: number
  /** Snapshots that came from a leader and took the place of a follower's log. */
  readonly snapshotsInstalled: number
  /** Entries that a member had, and replaced by its leader's. */
  readonly truncations: number
  readonly membershipChanges: number
  /** By family: faults that were begun and proven. */
  readonly faults: Readonly<Record<string, number>>
}

type Counts = { -readonly [K in keyof Coverage]: Coverage[K] }

/** Reads a run's directory. Files that are not there count for nothing. */
export function readCoverage(directory: string): Coverage {
  const lines = (...path: string[]): string[] => {
    const file = join(directory, ...path)
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter((line) => line !== '') : []
  }
  const members = join(directory, 'members')
  return countCoverage({
    history: lines('history.jsonl'),
    faults: lines('faults.jsonl'),
    traces: existsSync(members) ? readdirSync(members).sort().map((member) => lines('members', member, 'raft-trace.jsonl')) : [],
  })
}

export interface CoverageSources {
  readonly history: readonly string[]
  readonly faults: readonly string[]
  /** Of each member. */
  readonly traces: readonly (readonly string[])[]
}

export function countCoverage({ history, faults, traces }: CoverageSources): Coverage {
  const coverage: Counts = { operations: countOperations(history), terms: 0, elections: 0, restarts: 0, snapshotsInstalled: 0, truncations: 0, membershipChanges: 0, faults: countFaults(faults) }
  coverage.membershipChanges = coverage.faults['membership'] ?? 0
  const elected = new Set<string>()
  for (const trace of traces) {
    let starts = 0
    let lastIndex = 0
    for (const written of trace) {
      const line = untorn(written)
      const kind = /"event":"([a-z-]+)"/.exec(line)?.[1]
      // By far most lines are entries that were applied.
      if (kind === undefined || kind === 'apply') continue
      const term = Number(/"term":(\d+)/.exec(line)?.[1] ?? 0)
      coverage.terms = Math.max(coverage.terms, term)
      if (kind === 'start') {
        starts += 1
        lastIndex = Number(/"lastIndex":(\d+)/.exec(line)?.[1] ?? 0)
      } else if (kind === 'append') {
        // A kill may have torn the last line.
        if (!line.endsWith('}')) continue
        const { first, terms } = JSON.parse(line) as Pick<TraceAppend, 'first' | 'terms'>
        if (first <= lastIndex) coverage.truncations += 1
        lastIndex = first - 1 + terms.reduce((sum, [, count]) => sum + count, 0)
      }
      if (kind === 'restore') coverage.snapshotsInstalled += 1
      else if (kind === 'transition' && line.includes('"role":"leader"')) elected.add(`${/"id":"([^"]*)"/.exec(line)?.[1]} ${term}`)
    }
    coverage.restarts += Math.max(0, starts - 1)
  }
  coverage.elections = elected.size
  return coverage
}

function countOperations(history: readonly string[]): Coverage['operations'] {
  const counts = { ok: 0, fail: 0, info: 0 }
  for (const line of history) {
    if (line.includes('"process":"nemesis"')) continue
    const type = /"type":"(ok|fail|info)"/.exec(line)?.[1] as keyof typeof counts | undefined
    if (type !== undefined) counts[type] += 1
  }
  return counts
}

function countFaults(records: readonly string[]): Coverage['faults'] {
  const counts: Record<string, number> = {}
  for (const line of records) {
    const { name, step, error } = JSON.parse(line) as { name: string, step: string, error: string | null }
    if (step === 'start' && error === null) counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** Why a run proves little, or null. */
export function emptiness({ operations, elections, faults }: Coverage, wantsFaults: boolean): string | null {
  if (operations.ok === 0) return 'no operation succeeded'
  if (elections === 0) return 'nobody was elected'
  if (wantsFaults && Object.keys(faults).length === 0) return 'no fault came about'
  return null
}
