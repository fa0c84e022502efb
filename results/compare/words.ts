import { caseText, commonParts } from './align.ts'
import { describeDivergence, type Claim, type ComparedRow, type Comparison, type Difference } from './comparison.ts'
import { listed, number, percentText, plural, quantity } from './numbers.ts'
import { samplesNeeded, significanceLevel } from './significance.ts'
import type { Subject, SubjectVerdict } from './subject.ts'

/** How the claims were come to; once below every table. */
export const method = `Beyond the spread: a two-sided Wilcoxon–Mann–Whitney rank test with p < ${significanceLevel} (exact for few samples), which takes ${samplesNeeded} samples of each at least; in brackets the middle 95 % of ratios of medians by bootstrap. Samples of one machine and one hour scatter less than machines and hours do.`

/** What got better, what got worse and what cannot be told, of each subject against the first; all of it from the numbers. */
export function wordsOf(comparison: Comparison): string[] {
  const { subjects, rows, divergences } = comparison
  return [
    ...sourceWords(comparison),
    ...subjects.slice(1).flatMap((subject, at) => [
      ...rows.length === 0 ? [`${subject.label} and ${subjects[0]!.label} have no metric of the same case in common: there is nothing to compare.`] : metricWords(comparison, at),
      ...verdictWords(subjects[0]!, subject),
    ]),
    ...rows.length > 0 && divergences.some(({ weight }) => weight === 'disturbing')
      ? [`Differences may come from what else is different: ${listed(divergences.filter(({ weight }) => weight === 'disturbing').map(({ name }) => name))}.`]
      : [],
  ]
}

function sourceWords({ divergences, subjects }: Comparison): string[] {
  const told = divergences.filter(({ weight }) => weight !== 'disturbing')
  return told.length === 0 ? [] : [`What was compared differs in ${told.map((one) => describeDivergence(one, subjects)).join('; ')}.`]
}

function metricWords({ rows, subjects }: Comparison, at: number): string[] {
  const label = subjects[at + 1]!.label
  const base = subjects[0]!.label
  const common = commonParts(rows)
  const of = (...claims: Claim[]) => rows.filter((row) => claims.includes(row.differences[at]!.claim))
  const told = (word: string, found: readonly ComparedRow[]) =>
    found.length === 0 ? [] : [`${word} in ${label} than in ${base}, beyond the spread: ${byMetric(found).map((its) => metricPhrase(its, at, common)).join('; ')}.`]
  const within = of('within the spread')
  const few = of('too few samples')
  return [
    ...told('Better', of('better')),
    ...told('Worse', of('worse')),
    ...told('Different', of('higher', 'lower')),
    ...within.length === 0 ? [] : [`Of ${plural(within.length, 'metric')} it cannot be told whether ${label} and ${base} differ: the difference is within the spread (${byMetric(within).map((its) => `${its[0]!.metric} ${rangeText(its, at)}`).join('; ')}).`],
    ...few.length === 0 ? [] : [fewWords(few, at, label, base, common)],
  ]
}

function fewWords(rows: readonly ComparedRow[], at: number, label: string, base: string, common: ReadonlySet<string>): string {
  const changed = rows.filter((row) => row.differences[at]!.percent !== 0)
  const seen = changed.length === 0 ? 'they are the same' : `seen: ${byMetric(changed).map((its) => metricPhrase(its, at, common)).join('; ')}`
  return `Nothing can be claimed of ${plural(rows.length, 'metric')} of ${label} and ${base}: there are too few samples (${sizes(rows)}; ${samplesNeeded} of each are needed); ${seen}.`
}

function sizes(rows: readonly ComparedRow[]): string {
  const counts = rows.flatMap(({ spreads }) => spreads.map(({ n }) => n))
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  return most === 1 ? 'single values' : least === most ? `${least} each` : `${least} to ${most}`
}

const byMetric = (rows: readonly ComparedRow[]) => [...Map.groupBy(rows, ({ metric }) => metric).values()]

/** One case in full; of several the range, and which of them is furthest. */
function metricPhrase(rows: readonly ComparedRow[], at: number, common: ReadonlySet<string>): string {
  const furthest = rows.reduce((most, row) => sizeOf(row.differences[at]!) > sizeOf(most.differences[at]!) ? row : most)
  const { metric, unit, spreads } = furthest
  const its = caseText(furthest.case, common)
  const example = `${percentText(furthest.differences[at]!.percent)}${its === '' ? '' : ` with ${its}`} (${quantity(spreads[0]!.median, unit)} → ${quantity(spreads[at + 1]!.median, unit)})`
  if (rows.length === 1) return `${metric} ${example}`
  return `${metric} in ${rows.length} cases, ${rangeText(rows, at)}, furthest ${example}`
}

/** `+1.2 %`, of several `−3.0 % to +5.1 %`. */
function rangeText(rows: readonly ComparedRow[], at: number): string {
  const percents = rows.map((row) => row.differences[at]!.percent).filter((percent) => percent !== null)
  const ends = [...new Set([percentText(percents.length === 0 ? null : Math.min(...percents)), percentText(percents.length === 0 ? null : Math.max(...percents))])]
  return ends.join(' to ')
}

const sizeOf = ({ percent }: Difference) => Math.abs(percent ?? Number.POSITIVE_INFINITY)

function verdictWords(base: Subject, other: Subject): string[] {
  const words: string[] = []
  for (const before of base.verdicts) {
    const after = other.verdicts.find(({ of }) => of === before.of)
    if (after === undefined) continue
    if (countsText(before) === countsText(after) && before.findings.length === 0 && after.findings.length === 0) continue
    words.push(`Verdict of ${before.of}: ${base.label} ${countsText(before)}${findingsText(before)}; ${other.label} ${countsText(after)}${findingsText(after)}.`)
  }
  const same = base.verdicts.filter(({ of }) => other.verdicts.some((one) => one.of === of)).length - words.length
  return same === 0 ? words : [...words, `${words.length === 0 ? 'All verdicts' : plural(same, 'further verdict')} of ${base.label} and ${other.label} ${words.length > 0 && same === 1 ? 'is' : 'are'} the same: ${sameText(base, other)}.`]
}

/** The sum over cells that are the same in both and have nothing to tell. */
function sameText(base: Subject, other: Subject): string {
  const sums: Record<string, number> = {}
  for (const before of base.verdicts) {
    const after = other.verdicts.find(({ of }) => of === before.of)
    if (after === undefined || countsText(before) !== countsText(after) || before.findings.length + after.findings.length > 0) continue
    for (const [verdict, count] of Object.entries(before.counts)) sums[verdict] = (sums[verdict] ?? 0) + count
  }
  return countsText({ of: '', counts: sums, findings: [] })
}

/** `valid`, or of several `4 valid, 1 invalid`. */
export function countsText({ counts }: SubjectVerdict): string {
  const entries = Object.entries(counts)
  if (entries.length === 1 && entries[0]![1] === 1) return entries[0]![0]
  return entries.map(([verdict, count]) => `${count} ${verdict}`).join(', ')
}

export function findingsText({ findings }: SubjectVerdict): string {
  return findings.length === 0 ? '' : ` (${findings.slice(0, 3).join('; ')}${findings.length > 3 ? `; ${number(findings.length - 3)} more` : ''})`
}
