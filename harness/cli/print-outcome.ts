import type { Judgement } from '../runner/judge.ts'
import type { CliIo } from './io.ts'

/** Enough to see what went wrong; the report has all of it. */
const evidenceLinesMax = 40

/** The verdict, a sentence of each checker, the evidence, where the report lies, and how to run it again. */
export function printOutcome(outcome: Judgement, where: { readonly report: string, readonly rerun: string }, io: CliIo): void {
  io.print('')
  printJudgement(outcome, io)
  io.print(`report: ${where.report}`)
  io.print(`run it again: ${where.rerun}`)
}

/** The verdict and what led to it. */
export function printJudgement(outcome: Judgement, io: CliIo): void {
  io.print(`verdict: ${outcome.verdict}`)
  for (const result of outcome.results) {
    const said = result.informational === true ? '' : result.notRun === true ? 'not run: ' : `${result.verdict}: `
    io.print(`  ${result.checker}: ${said}${result.summary}`)
    for (const note of result.notes ?? []) io.print(`    ${note}`)
    const lines = result.evidence.flatMap((evidence) => [evidence.title, ...evidence.explanation.map((line) => `  ${line}`)])
    for (const line of lines.slice(0, evidenceLinesMax)) io.print(`    ${line}`)
    if (lines.length > evidenceLinesMax) io.print(`    … ${lines.length - evidenceLinesMax} more lines in the report`)
  }
}
