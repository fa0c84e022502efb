import { caseText, commonParts } from './align.ts'
import { type ComparedRow, type Comparison, type Difference } from './comparison.ts'
import { number, percentText, plural, spreadText } from './numbers.ts'
import type { Subject } from './subject.ts'
import { markdownTable, textTable } from './text-table.ts'
import { countsText, method, wordsOf } from './words.ts'

/** One for each subject: what it is. */
export function subjectLine({ label, about, startedAt, place, circumstances }: Subject): string {
  const commit = circumstances.find(({ weight }) => weight === 'source')?.value ?? 'none'
  return `${label}: ${about}; ${startedAt}${commit === 'none' ? '' : `, commit ${commit}`}; ${place}`
}

/** What all rows have in common, said once. */
export function commonText(rows: readonly ComparedRow[]): string {
  const names = commonParts(rows)
  return Object.entries(rows[0]?.case ?? {}).filter(([name]) => names.has(name)).map(([name, value]) => `${name} ${value}`).join(', ')
}

export function differenceText({ percent, claim, ratio, p }: Difference): string {
  if (p === null || ratio === null) return `${percentText(percent)}, ${claim}`
  return `${percentText(percent)} [×${number(ratio.low)} to ×${number(ratio.high)}], ${claim}`
}

/** Head and rows of the table of metrics. */
export function metricTable({ rows, subjects }: Comparison): { readonly head: string[], readonly rows: string[][] } {
  const common = commonParts(rows)
  const [base, ...others] = subjects
  return {
    head: ['metric', 'case', base!.label, ...others.flatMap(({ label }) => [label, `${label} to ${base!.label}`])],
    rows: rows.map(({ metric, case: its, unit, spreads, differences }) => [
      metric, caseText(its, common), spreadText(spreads[0]!, unit),
      ...differences.flatMap((difference, at) => [spreadText(spreads[at + 1]!, unit), differenceText(difference)]),
    ]),
  }
}

/** Of what at least one of them did: a night that was cut short skips much. */
export function verdictTable({ subjects }: Comparison): { readonly head: string[], readonly rows: string[][] } {
  const done = subjects.flatMap(({ verdicts }) => verdicts.filter(({ counts }) => Object.keys(counts).some((verdict) => verdict !== 'skipped')))
  const names = [...new Set(done.map(({ of }) => of))]
  return {
    head: ['verdict of', ...subjects.map(({ label }) => label)],
    rows: names.map((name) => [name, ...subjects.map(({ verdicts }) => {
      const its = verdicts.find(({ of }) => of === name)
      return its === undefined ? 'none' : countsText(its)
    })]),
  }
}

/** `answered (fault kill): only A`. */
export function aloneLines({ alone }: Comparison): string[] {
  return alone.map(({ metric, case: its, of }) => {
    const text = caseText(its, new Set())
    return `${metric}${text === '' ? '' : ` (${text})`}: only ${of.join(' and ')}`
  })
}

/** For a terminal. */
export function comparisonLines(comparison: Comparison): string[] {
  const table = metricTable(comparison)
  const verdicts = verdictTable(comparison)
  const common = commonText(comparison.rows)
  const alone = aloneLines(comparison)
  return [
    ...comparison.subjects.map(subjectLine),
    ...comparison.warnings.map((warning) => `warning: ${warning}`),
    '',
    ...common === '' ? [] : [`In all: ${common}.`],
    ...table.rows.length === 0 ? [] : [...textTable(table.head, table.rows), ''],
    ...verdicts.rows.length === 0 ? [] : [...textTable(verdicts.head, verdicts.rows), ''],
    ...alone.length === 0 ? [] : [`Not compared, because not all have it: ${plural(alone.length, 'metric')}: ${alone.slice(0, 6).join('; ')}${alone.length > 6 ? '; …' : ''}`, ''],
    ...wordsOf(comparison),
    ...table.rows.length === 0 ? [] : ['', method],
  ]
}

/** For a pull request: the words first. */
export function comparisonMarkdown(comparison: Comparison): string {
  const table = metricTable(comparison)
  const verdicts = verdictTable(comparison)
  const common = commonText(comparison.rows)
  const alone = aloneLines(comparison)
  const paragraphs = [
    `### Comparison of ${comparison.subjects.map(({ label }) => label).join(', ')}`,
    comparison.subjects.map((subject) => `- ${subjectLine(subject)}`).join('\n'),
    ...comparison.warnings.length === 0 ? [] : [comparison.warnings.map((warning) => `> **Warning:** ${warning}`).join('\n>\n')],
    wordsOf(comparison).map((sentence) => `- ${sentence}`).join('\n'),
    ...table.rows.length === 0 ? [] : [`${common === '' ? '' : `In all: ${common}.\n\n`}${markdownTable(table.head, table.rows).join('\n')}`],
    ...verdicts.rows.length === 0 ? [] : [markdownTable(verdicts.head, verdicts.rows).join('\n')],
    ...alone.length === 0 ? [] : [`Not compared, because not all have it:\n\n${alone.map((line) => `- ${line}`).join('\n')}`],
    ...table.rows.length === 0 ? [] : [`<sub>${method}</sub>`],
  ]
  return `${paragraphs.join('\n\n')}\n`
}
