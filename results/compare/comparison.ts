import { unreachable } from '../../node/base/assert.ts'
import { spreadOf, type Spread } from '../bench/spread.ts'
import { align, type AlignedRow, type Alignment, type Divergence } from './align.ts'
import { canTell, rankTestP, ratioOfMedians, significanceLevel, type Ratio } from './significance.ts'
import type { Subject, SubjectVerdict } from './subject.ts'

/** What can be said of a difference to the first. */
export type Claim =
  | 'better' | 'worse'
  /** Beyond the spread, of what is neither good nor bad. */
  | 'higher' | 'lower'
  | 'within the spread'
  /** So few that no difference could be beyond the spread. */
  | 'too few samples'

export interface Difference {
  readonly claim: Claim
  /** Null where the first's median is zero, or where there are too few samples. */
  readonly ratio: Ratio | null
  /** Of medians, to the first; 0 where both are zero, null where only the first's is. */
  readonly percent: number | null
  /** Of the rank test; null where there are too few samples. */
  readonly p: number | null
  /** How much worse, in per cent of the first; below 0 where it is better, null where it is neither. */
  readonly worsePercent: number | null
}

export interface ComparedRow extends AlignedRow {
  readonly spreads: readonly Spread[]
  /** To the first; one fewer than subjects. */
  readonly differences: readonly Difference[]
}

export interface Comparison {
  readonly subjects: readonly Subject[]
  readonly rows: readonly ComparedRow[]
  readonly alone: Alignment['alone']
  readonly divergences: readonly Divergence[]
  /** What disturbs it, and what must be known of its parts; each a sentence. */
  readonly warnings: readonly string[]
}

/** Two subjects or more, of one kind. The same subjects give the same comparison. */
export function compareSubjects(subjects: readonly Subject[]): Comparison {
  const { rows, alone, divergences } = align(subjects)
  return {
    subjects, alone, divergences,
    rows: rows.map((row) => ({
      ...row,
      spreads: row.samples.map(spreadOf),
      differences: row.samples.slice(1).map((samples) => differenceOf(row, row.samples[0]!, samples)),
    })),
    warnings: [
      ...divergences.filter(({ weight }) => weight === 'disturbing').map((divergence) => describeDivergence(divergence, subjects)),
      ...notesOf(subjects),
    ],
  }
}

/** Each note once, with all whose it is. */
function notesOf(subjects: readonly Subject[]): string[] {
  const notes = subjects.flatMap(({ label, notes }) => notes.map((note) => ({ label, note })))
  return [...Map.groupBy(notes, ({ note }) => note)].map(([note, its]) => `${its.map(({ label }) => label).join(' and ')}: ${note}`)
}

export function differenceOf({ better }: Pick<AlignedRow, 'better'>, base: readonly number[], other: readonly number[]): Difference {
  const from = spreadOf(base).median
  const to = spreadOf(other).median
  const percent = from === 0 ? (to === 0 ? 0 : null) : (to - from) / Math.abs(from) * 100
  const tellable = canTell(base.length, other.length)
  const p = tellable ? rankTestP(base, other) : null
  return {
    p, percent,
    ratio: tellable ? ratioOfMedians(base, other) : null,
    worsePercent: worsePercentOf(better, percent, to - from),
    // Where medians are equal the rank test may still see other shapes: that is neither better nor worse.
    claim: p === null ? 'too few samples' : p >= significanceLevel || from === to ? 'within the spread' : directionOf(better, to > from),
  }
}

function directionOf(better: AlignedRow['better'], rose: boolean): Claim {
  switch (better) {
    case 'higher': return rose ? 'better' : 'worse'
    case 'lower': return rose ? 'worse' : 'better'
    case null: return rose ? 'higher' : 'lower'
    default: return unreachable(better)
  }
}

/** From nothing to something is more than any per cent. */
function worsePercentOf(better: AlignedRow['better'], percent: number | null, change: number): number | null {
  if (better === null) return null
  const size = percent ?? Math.sign(change) * Number.POSITIVE_INFINITY
  return better === 'lower' ? size : 0 - size
}

/** Worse beyond the spread, and by more than so many per cent: why `--fail-if-worse` fails. */
export interface Regression {
  readonly row: ComparedRow
  readonly subject: Subject
  readonly difference: Difference
}

export function regressions({ rows, subjects }: Comparison, percent: number): Regression[] {
  return rows.flatMap((row) => row.differences.flatMap((difference, at): Regression[] =>
    difference.claim === 'worse' && difference.worsePercent! > percent ? [{ row, difference, subject: subjects[at + 1]! }] : []))
}

/** What broke that had not been broken in the first: why `--fail-if-worse` fails at any percentage. */
export interface BrokenVerdict {
  readonly subject: Subject
  readonly before: SubjectVerdict
  readonly after: SubjectVerdict
}

/**
 * Invalid runs, and runs that failed, where the first had runs of the same kind
 * and none such. How many of some seeds are invalid tells nothing, and unknown
 * says something of the machine too: neither is a regression.
 */
export function brokenVerdicts({ subjects: [base, ...others] }: Comparison): BrokenVerdict[] {
  return others.flatMap((subject) => subject.verdicts.flatMap((after): BrokenVerdict[] => {
    const before = base!.verdicts.find(({ of }) => of === after.of)
    // Where nothing was done the first time, nothing is known of it.
    if (before === undefined || !Object.keys(before.counts).some((verdict) => verdict !== 'skipped' && verdict !== 'no verdict')) return []
    const broke = ['invalid', 'failed'].some((verdict) => count(after, verdict) > 0 && count(before, verdict) === 0)
    return broke ? [{ subject, before, after }] : []
  }))
}

const count = ({ counts }: SubjectVerdict, verdict: string) => counts[verdict] ?? 0

/** `kernel: A 6.1, B and C 6.12`. */
export function describeDivergence({ name, values }: Divergence, subjects: readonly Subject[]): string {
  const groups = Map.groupBy(subjects, (_, at) => values[at] ?? null)
  return `${name}: ${[...groups].map(([value, its]) => `${its.map(({ label }) => label).join(' and ')} ${value ?? 'none'}`).join(', ')}`
}
