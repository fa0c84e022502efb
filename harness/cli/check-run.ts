import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { judgeRun } from '../runner/judge-run.ts'
import type { RunHost } from '../runner/prepared-run.ts'
import { readRun } from '../runner/stored-run.ts'
import { exitCodes } from './exit-codes.ts'
import type { CliIo } from './io.ts'
import { printJudgement } from './print-outcome.ts'

export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/**
 * `splitbrain check RUN-DIRECTORY`: judges a stored run again as the run itself
 * was judged, by its own workload. Prints the same results and returns the same
 * exit code; throws UsageError.
 */
export async function runCheckOfRun(directory: string, { json }: { readonly json: boolean }, host: Pick<RunHost, 'workloads' | 'checkMembers'>, io: CliIo): Promise<number> {
  const path = resolve(directory)
  const run = readRun(path, host.workloads, host.checkMembers)
  for (const note of run.notes) io.error(`${join(path, 'history.jsonl')}: ${note}`)
  const judgement = await judgeRun(run)
  if (json) io.print(JSON.stringify({ directory: path, ...judgement }, null, 2))
  else printJudgement(judgement, io)
  return exitCodes[judgement.verdict]
}
