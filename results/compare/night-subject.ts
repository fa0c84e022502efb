import type { Measurement } from '../bench/bench-record.ts'
import type { NightRecord, NightRun } from '../nights/night-record.ts'
import { disturbing, sourceCircumstance, type Subject, type SubjectVerdict } from './subject.ts'

/** A night: what its runs measured, those together that differ only in their seeds. */
export function nightSubject(label: string, place: string, night: NightRecord): Subject {
  const cells = Map.groupBy(night.runs, (run) => JSON.stringify(cellOf(run)))
  const done = night.runs.filter(({ outcome }) => outcome !== 'skipped')
  return {
    label, place,
    kind: 'night',
    startedAt: night.startedAt,
    about: `a night of ${done.length} runs in ${cells.size} ${cells.size === 1 ? 'cell' : 'cells'}`,
    circumstances: [
      // Runs side by side take each other's time.
      ...disturbing({ 'runs at a time': night.jobs, ...night.versions }),
      { name: 'budget (s)', value: String(night.budgetS), weight: 'plan' },
      sourceCircumstance(night.git),
    ],
    measurements: [...cells.values()].flatMap(measurementsOf),
    // However long they were: a verdict is one of what was done, not of how long.
    verdicts: [...Map.groupBy(night.runs, cellName)].map(([of, runs]) => verdictOf(of, runs)),
    notes: done.length < night.runs.length ? [`${night.runs.length - done.length} of ${night.runs.length} runs were skipped`] : [],
  }
}

function cellOf({ workload, nemesis, members, system, env, timeLimitS }: NightRun): Measurement['case'] {
  return { workload, nemesis: nemesis.join('+') || 'none', members, system, env, timeLimitS }
}

function cellName(run: NightRun): string {
  const { workload, nemesis, members, system, env } = cellOf(run)
  return `${workload}, ${nemesis === 'none' ? 'no faults' : nemesis}, ${members} members of ${system}, ${env}`
}

function measurementsOf(runs: readonly NightRun[]): Measurement[] {
  const of = (metric: string, unit: string, better: Measurement['better'], samples: readonly (number | null)[]): Measurement[] => {
    const known = samples.filter((sample) => sample !== null)
    return known.length === 0 ? [] : [{ case: cellOf(runs[0]!), metric, unit, better, samples: known }]
  }
  return [
    ...of('throughput', '/s', 'higher', runs.map((run) => run.throughputPerS)),
    ...of('answered', '%', 'higher', runs.map(({ answered }) => answered === null ? null : answered * 100)),
    ...of('time without a leader', 'ms', 'lower', runs.map((run) => run.withoutLeaderMs)),
    ...of('election', 'ms', 'lower', runs.flatMap((run) => run.electionMs)),
  ]
}

function verdictOf(of: string, runs: readonly NightRun[]): SubjectVerdict {
  const counts: Record<string, number> = {}
  for (const { outcome } of runs) counts[outcome] = (counts[outcome] ?? 0) + 1
  return {
    of, counts,
    findings: runs.flatMap(({ seed, findings, outcome, why }) => [
      ...findings.map(({ checker, summary }) => `seed ${seed}: ${checker}: ${summary}`),
      ...outcome === 'failed' && why !== null ? [`seed ${seed}: failed: ${why}`] : [],
    ]),
  }
}
