import type { RunOutcome } from '../runner/run-test.ts'
import type { CliIo } from './io.ts'

/** Enough to see what went wrong; the report has all of it. */
const evidenceLinesMax = 40

/** The verdict, a sentence of each checker, the evidence, where the report lies, and how to run it again. */
export function printOutcome(outcome: RunOutcome, where: { readonly report: string, readonly rerun: string }, io: CliIo): void {
  io.print('')
  io.print(`verdict: ${outcome.verdict}`)
  for (const result of outcome.results) {
    io.print(`  ${result.checker}: ${result.notRun === true ? 'not run' : result.verdict}: ${result.summary}`)
    const lines = result.evidence.flatMap((evidence) => [evidence.title, ...evidence.explanation.map((line) => `  ${line}`)])
    for (const line of lines.slice(0, evidenceLinesMax)) io.print(`    ${line}`)
    if (lines.length > evidenceLinesMax) io.print(`    … ${lines.length - evidenceLinesMax} more lines in the report`)
  }
  io.print(`report: ${where.report}`)
  io.print(`run it again: ${where.rerun}`)
}
