import { cellName } from '../../harness/nightly/matrix.ts'
import { shellWord } from '../../harness/plan/flag-values.ts'
import type { NightRecord, NightRun } from './night-record.ts'
import { countOutcomes, outcomes, verdictOfNight } from './outcomes.ts'

const lineLengthMax = 240

/** What somebody must look at, the worst first. */
export function failuresOf({ runs }: Pick<NightRecord, 'runs'>): NightRun[] {
  const bad = ['invalid', 'failed', 'unknown']
  return runs.filter(({ outcome }) => bad.includes(outcome)).toSorted((a, b) => bad.indexOf(a.outcome) - bad.indexOf(b.outcome))
}

/** `register, partition, 3 members of registry, simulated, seed 7`. */
export const titleOf = (run: NightRun): string => `${cellName(run)}, seed ${run.seed}`

export interface WhatBroke {
  /** The checker and its sentence, or why the run itself failed. */
  readonly what: string
  /** Two lines at most, each as long as a terminal bears. */
  readonly evidence: readonly string[]
}

/** In short; without control characters. */
export function whatBroke(run: NightRun): WhatBroke {
  const [worst, ...others] = run.findings.toSorted((a, b) => rank(a.verdict) - rank(b.verdict))
  const cause = (run.why ?? '').split('\n').map((line) => line.trim()).filter((line) => line !== '')
  if (run.outcome === 'failed' || worst === undefined) {
    const [what = 'there is no cause on record', ...rest] = cause
    return { what: plainLine(run.outcome === 'failed' ? `the run itself failed: ${what}` : what), evidence: rest.slice(0, 2).map(plainLine) }
  }
  // What the sentence says already is no evidence for it. The last line of the rest is what follows from all of it.
  const own = worst.evidence.filter((line) => !worst.summary.includes(line.trim()))
  // A checker that shows nothing of its own: then what else was not valid.
  const evidence = own.length > 0 ? own : others.map(({ checker, summary }) => `${checker}: ${summary}`)
  const two = evidence.length <= 2 ? evidence : [evidence[0]!, evidence.at(-1)!]
  return { what: plainLine(`${worst.checker}: ${worst.summary}`), evidence: two.map((line) => plainLine(line.trim())) }
}

const rank = (verdict: string) => ['invalid', 'unknown', 'valid'].indexOf(verdict)

/**
 * The command that replays it. A simulation comes from its options alone;
 * elsewhere the recorded faults are done again at their times, which the run's
 * directory has. Null where neither is known.
 * @param store as the reader would name it
 */
export function replayOf({ outcome, env, directory, rerun }: NightRun, store: string): string | null {
  const recorded = directory !== null && env !== 'simulated' && outcome !== 'failed'
  return recorded ? `npx splitbrain replay ${shellWord(`${store}/${directory}`)}` : rerun
}

/** One line that a terminal shows as it is: no control characters, no more than it bears. */
export function plainLine(text: string): string {
  const visible = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => character === '\t' || character === '\n' ? ' ' : `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`).toWellFormed()
  return visible.length <= lineLengthMax ? visible : `${visible.slice(0, lineLengthMax - 1).toWellFormed()}…`
}

/** `Night of 2026-11-21 02:00 UTC: invalid. 40 runs: 1 invalid, 38 valid, 1 skipped`. */
export function headline(record: NightRecord): string {
  const counts = countOutcomes(record.runs)
  const parts = outcomes.filter((outcome) => counts[outcome] > 0).map((outcome) => `${counts[outcome]} ${outcome}`)
  return `Night of ${record.startedAt.slice(0, 16).replace('T', ' ')} UTC: ${verdictOfNight(record)}. ${record.runs.length} runs: ${parts.join(', ') || 'none'}`
}

/** What was skipped, by its reason: numbers in it aside, so that a budget that ran out is one reason. */
export function skippedByReason({ runs }: Pick<NightRecord, 'runs'>): { readonly reason: string, readonly runs: readonly NightRun[] }[] {
  const skipped = runs.filter(({ outcome }) => outcome === 'skipped')
  const groups = Map.groupBy(skipped, ({ why }) => (why ?? 'no reason').replace(/^the budget:.*$/s, 'the budget had no room left').replace(/^torn down after [^,]*/, 'torn down'))
  return [...groups].map(([reason, runs]) => ({ reason, runs }))
}
