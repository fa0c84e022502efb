import type { NightRecord, NightRun } from './night-record.ts'

export type NightOutcome = NightRun['outcome']

/** From what matters most to what matters least. */
export const outcomes = ['invalid', 'failed', 'unknown', 'valid', 'skipped'] as const satisfies readonly NightOutcome[]

export function countOutcomes(runs: readonly NightRun[]): Readonly<Record<NightOutcome, number>> {
  const counts = { invalid: 0, failed: 0, unknown: 0, valid: 0, skipped: 0 }
  for (const { outcome } of runs) counts[outcome] += 1
  return counts
}

/**
 * Of all runs together: invalid beats a run that failed, that beats unknown,
 * that beats valid. A night that did nothing is unknown, not valid.
 */
export function verdictOfNight({ runs }: Pick<NightRecord, 'runs'>): Exclude<NightOutcome, 'skipped'> {
  const counts = countOutcomes(runs)
  return outcomes.find((outcome) => outcome !== 'skipped' && counts[outcome] > 0) as Exclude<NightOutcome, 'skipped'> | undefined ?? 'unknown'
}
