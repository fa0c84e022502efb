import { plainLine, replayOf, whatBroke } from './failures.ts'
import type { NightRecord } from './night-record.ts'
import { verdictOfNight, type NightOutcome } from './outcomes.ts'

/** A night, and where it lies. */
export interface PagedNight {
  readonly record: NightRecord
  /** Of its files, relative to the page. */
  readonly directory: string
}

/** What the page's script works with. Nights and runs from the oldest to the newest. */
export interface NightsData {
  readonly nights: readonly PageNight[]
  readonly runs: readonly PageRun[]
  /** Nights that were left out so that the page stays readable. */
  readonly nightsLeftOut: number
}

export interface PageNight {
  /** ISO 8601. */
  readonly startedAt: string
  readonly directory: string
  readonly verdict: NightOutcome
  readonly tookS: number
  readonly budgetS: number
  readonly commit: string | null
}

export interface PageRun {
  /** Position of its night. */
  readonly night: number
  readonly workload: string
  /** `kill+pause`, or `none`. */
  readonly nemesis: string
  readonly members: number
  readonly system: string
  readonly env: string
  readonly seed: number
  readonly outcome: NightOutcome
  readonly tookS: number
  readonly throughputPerS: number | null
  readonly answered: number | null
  readonly electionMs: readonly number[]
  /** Its report, relative to the page; null where it was never drawn, or is gone. */
  readonly report: string | null
  /** What broke, or why it was skipped; empty for a valid one. */
  readonly what: string
  readonly evidence: readonly string[]
  readonly replay: string | null
}

/** A browser turns over so many rows at once without making one wait. */
const runsMax = 20_000

/** @param nights the oldest first */
export function nightsData(nights: readonly PagedNight[], storeName: string): NightsData {
  const kept: PagedNight[] = []
  let runs = 0
  for (const night of nights.toReversed()) {
    runs += night.record.runs.length
    if (kept.length > 0 && runs > runsMax) break
    kept.unshift(night)
  }
  return {
    nightsLeftOut: nights.length - kept.length,
    nights: kept.map(({ record, directory }) => ({
      startedAt: record.startedAt, directory, verdict: verdictOfNight(record), tookS: record.tookS, budgetS: record.budgetS, commit: record.git?.commit.slice(0, 7) ?? null,
    })),
    runs: kept.flatMap(({ record }, night) => record.runs.map((run) => pageRun(run, night, storeName))),
  }
}

function pageRun(run: NightRecord['runs'][number], night: number, storeName: string): PageRun {
  const { workload, nemesis, members, system, env, seed, outcome, tookS, throughputPerS, answered, electionMs, directory } = run
  const bad = outcome !== 'valid' && outcome !== 'skipped'
  const { what, evidence } = bad ? whatBroke(run) : { what: plainLine(run.why ?? ''), evidence: [] }
  return {
    night, workload, nemesis: nemesis.join('+') || 'none', members, system, env, seed, outcome, tookS: rounded(tookS),
    throughputPerS: throughputPerS === null ? null : rounded(throughputPerS), answered, electionMs: electionMs.map(rounded),
    // The page lies in the folder of the nights, and so does the run.
    report: directory?.startsWith('nights/') && (outcome === 'valid' || outcome === 'invalid' || outcome === 'unknown') ? `${directory.slice('nights/'.length)}/report.html` : null,
    what, evidence, replay: bad ? replayOf(run, storeName) : null,
  }
}

const rounded = (value: number) => Number(value.toPrecision(4))
