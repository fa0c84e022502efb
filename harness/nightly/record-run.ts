import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { NightRun } from '../../results/nights/night-record.ts'
import { readRunSummary, type RunSummary } from '../../results/run-summary.ts'
import type { PlannedRun, RunEnd } from './conduct-night.ts'
import { readElectionTimes } from './elections.ts'

/** Of what a checker shows first: enough to see what broke; the run's report has all of it. */
const evidenceLinesMax = 16

/** What a night's record says of a run: read from its directory, which may go afterwards. */
export function recordRun({ run, how, tookS }: RunEnd, store: string, nightDirectory: string): NightRun {
  const { planned: { cell, timeLimitS, rerun }, seed } = run
  const base = { ...cell, nemesis: [...cell.nemesis], seed, timeLimitS, tookS, rerun: rerun(seed) }
  const begun = how.kind === 'ended' || how.begun
  const directory = !begun ? null : how.kind === 'ended' && how.end.directory !== null ? how.end.directory : findDirectory(run, nightDirectory)
  const summary = directory === null ? null : readRunSummary(directory)
  const measured = {
    directory: directory === null ? null : relative(store, directory),
    throughputPerS: summary?.availability?.throughputPerS ?? null,
    answered: summary?.availability?.answered ?? null,
    withoutLeaderMs: summary?.availability?.withoutLeaderMs ?? null,
    electionMs: directory === null || how.kind === 'skipped' ? [] : readElectionTimes(directory),
  }
  if (how.kind === 'skipped') return { ...base, ...measured, outcome: 'skipped', why: how.why, findings: [] }
  const { end } = how
  switch (end.kind) {
    case 'failed': return { ...base, ...measured, outcome: 'failed', why: end.error, findings: findingsOf(summary) }
    case 'judged': return { ...base, ...measured, outcome: end.verdict, why: null, findings: findingsOf(summary) }
    default: return end satisfies never
  }
}

function findingsOf(summary: RunSummary | null): NightRun['findings'] {
  return (summary?.checkers ?? []).filter(({ verdict, informational }) => verdict !== 'valid' && !informational).map(({ checker, verdict, summary, evidence }) => {
    const lines = evidence.slice(0, 1).flatMap(({ title, explanation }) => [title, ...explanation]).flatMap((text) => text.split('\n')).filter((line) => line.trim() !== '')
    // The last line is what follows from those before.
    return { checker, verdict, summary, evidence: lines.length <= evidenceLinesMax ? lines : [...lines.slice(0, evidenceLinesMax - 2), '…', lines.at(-1)!] }
  })
}

/** Of a run whose process could not say it any more: by its plan. */
function findDirectory({ planned: { cell }, seed }: PlannedRun, nightDirectory: string): string | null {
  const parent = join(nightDirectory, cell.workload)
  let names: string[]
  try {
    names = readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name)
  } catch {
    return null
  }
  const same = (summary: RunSummary | null) => summary !== null && summary.seed === seed && summary.members === cell.members && summary.env === cell.env
    && summary.system === cell.system && (cell.nemesis.includes('all') || summary.nemesis.toSorted().join() === cell.nemesis.toSorted().join())
  return names.map((name) => join(parent, name)).find((directory) => same(readRunSummary(directory))) ?? null
}
