import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { brokenVerdicts, compareSubjects, regressions, type BrokenVerdict, type Comparison, type Regression } from '../../results/compare/comparison.ts'
import { renderComparison } from '../../results/compare/comparison-page.ts'
import { comparisonLines, comparisonMarkdown } from '../../results/compare/print-comparison.ts'
import { caseText } from '../../results/compare/align.ts'
import { percentText, quantity } from '../../results/compare/numbers.ts'
import { readSubjects } from '../../results/compare/read-subject.ts'
import { countsText, findingsText, wordsOf } from '../../results/compare/words.ts'
import { UsageError } from '../plan/usage-error.ts'
import { measuringFlags, type CompareFlags } from './compare-flags.ts'
import { exitCodes } from './exit-codes.ts'
import type { CliIo } from './io.ts'
import type { TestCommandPorts } from './test-command.ts'

/** `splitbrain compare`. Returns the exit code; throws UsageError. */
export async function runCompareCommand(records: readonly string[], flags: CompareFlags, rerun: readonly string[], ports: TestCommandPorts): Promise<number> {
  const { io, workingDirectory } = ports
  if (flags.json === true && flags.markdown === true) throw new UsageError('--json and --markdown both say what is printed: give one of them.')
  if (flags.members === undefined) {
    const useless = measuringFlags.find((name) => flags[name] !== undefined)
    if (useless !== undefined) throw new UsageError(`--${useless.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} is for measuring: give --members too, as --members 3,4,5.`)
    if (records.length < 2) throw new UsageError('Give two or more runs, benchmarks, nights or comparisons; or --members 3,4,5, to measure clusters of these sizes.')
    return compareRecords(records, flags, workingDirectory, io)
  }
  if (records.length > 0) throw new UsageError(`--members measures, and records are compared: give --members, or ${records.join(' ')}.`)
  if (flags.failIfWorse !== undefined) throw new UsageError('--fail-if-worse is for records: keep what --members measures, and compare it with an earlier one.')
  const { runCompareMembers } = await import('./compare-members.ts')
  return runCompareMembers(flags.members, flags, rerun, ports)
}

function compareRecords(places: readonly string[], flags: CompareFlags, workingDirectory: string, io: CliIo): number {
  const percent = flags.failIfWorse === undefined ? null : parsePercent(flags.failIfWorse)
  const comparison = compareSubjects(readSubjects(places.map((place) => resolve(workingDirectory, place))))
  const failing = percent === null ? [] : regressions(comparison, percent)
  const broken = percent === null ? [] : brokenVerdicts(comparison)
  if (flags.html !== undefined) writePage(resolve(workingDirectory, flags.html), renderComparison(comparison))
  if (flags.json === true) io.print(JSON.stringify(jsonOf(comparison, percent, failing, broken), null, 2))
  else if (flags.markdown === true) io.print(comparisonMarkdown(comparison).trimEnd())
  else for (const line of comparisonLines(comparison)) io.print(line)
  for (const one of failing) io.error(`worse by more than ${percent} %: ${describeRegression(one)}`)
  for (const one of broken) io.error(`worse: ${describeBroken(one)}`)
  return failing.length + broken.length > 0 ? exitCodes.invalid : exitCodes.valid
}

function writePage(file: string, html: string): void {
  try {
    writeFileSync(file, html)
  } catch (error) {
    throw new UsageError(`--html ${file} cannot be written: ${(error as Error).message}.`)
  }
}

/** `10%`, `10 %` or `10`. */
function parsePercent(text: string): number {
  const found = /^(\d+(?:\.\d+)?)\s*%?$/.exec(text.trim())
  if (found === null) throw new UsageError(`--fail-if-worse ${text}: give a percentage, as 10%.`)
  return Number(found[1])
}

function describeRegression({ row, subject, difference }: Regression): string {
  const its = caseText(row.case, new Set())
  const at = row.differences.indexOf(difference) + 1
  return `${row.metric}${its === '' ? '' : ` (${its})`} in ${subject.label}: ${percentText(difference.percent)}, ${quantity(row.spreads[0]!.median, row.unit)} → ${quantity(row.spreads[at]!.median, row.unit)}`
}

function describeBroken({ subject, before, after }: BrokenVerdict): string {
  return `the verdict of ${after.of} in ${subject.label}: ${countsText(before)} → ${countsText(after)}${findingsText(after)}`
}

function jsonOf(comparison: Comparison, percent: number | null, failing: readonly Regression[], broken: readonly BrokenVerdict[]) {
  const { subjects, rows, alone, divergences, warnings } = comparison
  return {
    subjects: subjects.map(({ label, place, kind, startedAt, about, verdicts, notes }) => ({ label, place, kind, startedAt, about, verdicts, notes })),
    warnings, divergences, rows, alone,
    words: wordsOf(comparison),
    failIfWorse: percent === null ? null : {
      percent,
      worse: failing.map(({ row, subject, difference }) => ({ metric: row.metric, case: row.case, in: subject.label, percent: difference.percent })),
      broken: broken.map(({ subject, before, after }) => ({ of: after.of, in: subject.label, before: before.counts, after: after.counts, findings: after.findings })),
    },
  }
}
