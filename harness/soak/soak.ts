import { rmSync } from 'node:fs'
import { unreachable } from '../../node/base/assert.ts'
import { seededRandom } from '../../node/base/random.ts'
import type { CheckResult, Verdict } from '../checkers/verdict.ts'
import type { CliIo } from '../cli/io.ts'
import { exitCodeOfSignal, exitCodes } from '../cli/exit-codes.ts'
import type { PlanOptions } from '../plan/options.ts'
import type { RunEnd } from '../runner/prepared-run.ts'
import type { SoakOptions } from './soak-arguments.ts'

/** One run of a soak, as it ended. */
export interface SoakRun {
  readonly end: RunEnd
  /** Its directory, absolute. */
  readonly directory: string
  /** The command that runs it again. */
  readonly rerun: string
}

export interface SoakPorts {
  readonly io: CliIo
  /** Does one run. Rejects with UsageError where it cannot be done at all. */
  readonly run: (options: PlanOptions) => Promise<SoakRun>
  /** Monotonic. */
  readonly nowMs: () => number
}

/** How a run counts. `failed`: the run itself, so that nothing is known of the system. */
type Outcome = Verdict | 'failed'

interface Tally {
  readonly counts: Record<Outcome, number>
  readonly operations: { ok: number, fail: number, info: number }
  faults: number
  /** Of the slowest recovery after the last healing, and its seed. */
  slowest: { readonly tookMs: number, readonly seed: number } | null
  readonly reruns: string[]
}

/**
 * Many runs of one plan, one after another, each with a seed and a number of
 * members of its own: a line for each, and a summary. Returns the exit code of
 * the worst: `invalid` before a run that failed, that before `unknown`.
 */
export async function soak({ runs, firstSeed, memberCounts, keep, run }: SoakOptions, { io, run: perform, nowMs }: SoakPorts): Promise<number> {
  const tally: Tally = { counts: { valid: 0, invalid: 0, unknown: 0, failed: 0 }, operations: { ok: 0, fail: 0, info: 0 }, faults: 0, slowest: null, reruns: [] }
  const startedMs = nowMs()
  for (let n = 0; n < runs; n++) {
    const seed = (firstSeed + n) % 2 ** 32
    const members = memberCountOf(seed, memberCounts)
    const begunMs = nowMs()
    const done = await perform({ ...run, seed, members })
    if (done.end.kind === 'interrupted') {
      io.error(`interrupted: ${n} of ${runs} runs were done`)
      summarize(tally, (nowMs() - startedMs) / 1000, io)
      const signal = done.end.signal
      return signal in exitCodeOfSignal ? exitCodeOfSignal[signal as keyof typeof exitCodeOfSignal] : exitCodes.crashed
    }
    const outcome = count(tally, done.end, seed)
    io.print(`${`${n + 1}`.padStart(`${runs}`.length)}/${runs} seed ${seed}, ${members} members: ${lineOf(done.end)}; ${((nowMs() - begunMs) / 1000).toFixed(1)} s`)
    if (outcome === 'valid') {
      if (keep === 'failed') rmSync(done.directory, { recursive: true, force: true })
      continue
    }
    for (const line of whatIsWrong(done.end)) io.print(`    ${line}`)
    io.print(`    ${done.directory}`)
    tally.reruns.push(done.rerun)
  }
  summarize(tally, (nowMs() - startedMs) / 1000, io)
  return exitCodeOf(tally)
}

/** From the seed alone, so that a run's number of members is known from it. */
export function memberCountOf(seed: number, memberCounts: readonly number[]): number {
  return seededRandom(seed).split('members of the soak').pick(memberCounts)
}

function count(tally: Tally, end: RunEnd, seed: number): Outcome {
  if (end.kind !== 'judged') {
    tally.counts.failed++
    return 'failed'
  }
  const { verdict, counts, history, results } = end.outcome
  tally.counts[verdict]++
  for (const type of ['ok', 'fail', 'info'] as const) tally.operations[type] += counts[type]
  tally.faults += history.filter((event) => event.process === 'nemesis' && event.f.startsWith('start-')).length / 2
  const tookMs = recoveryMs(results)
  if (tookMs !== null && tookMs > (tally.slowest?.tookMs ?? -1)) tally.slowest = { tookMs, seed }
  return verdict
}

function recoveryMs(results: readonly CheckResult[]): number | null {
  const tookMs = results.find(({ checker }) => checker === 'recovery')?.details['tookMs']
  return typeof tookMs === 'number' ? tookMs : null
}

function lineOf(end: RunEnd): string {
  switch (end.kind) {
    case 'judged': {
      const { verdict, counts: { ok, fail, info }, results } = end.outcome
      const tookMs = recoveryMs(results)
      return `${verdict}; ${ok} ok, ${fail} fail, ${info} info; ${tookMs === null ? 'did not recover' : `recovered in ${(tookMs / 1000).toFixed(2)} s`}`
    }
    case 'interrupted': return `interrupted by ${end.signal}`
    case 'failed': return 'the run failed'
    default: return unreachable(end)
  }
}

function whatIsWrong(end: RunEnd): string[] {
  if (end.kind === 'failed') return [end.error.stack ?? end.error.message]
  if (end.kind === 'interrupted') return []
  return end.outcome.results.filter(({ verdict }) => verdict !== 'valid').flatMap(({ checker, verdict, summary, evidence }) =>
    [`${checker}: ${verdict}: ${summary}`, ...evidence.slice(0, 1).flatMap(({ title, explanation }) => [title, ...explanation.slice(0, 20)]).map((line) => `  ${line}`)])
}

function summarize({ counts, operations, faults, slowest, reruns }: Tally, tookS: number, io: CliIo): void {
  const total = Object.values(counts).reduce((sum, of) => sum + of, 0)
  io.print(`${total} runs in ${tookS.toFixed(0)} s: ${counts.valid} valid, ${counts.invalid} invalid, ${counts.unknown} unknown, ${counts.failed} failed; ` +
    `${operations.ok} operations ok, ${operations.fail} fail, ${operations.info} info; ${Math.round(faults)} faults; ` +
    (slowest === null ? 'no recovery was seen' : `slowest recovery ${(slowest.tookMs / 1000).toFixed(2)} s (seed ${slowest.seed})`))
  for (const rerun of reruns) io.print(`run it again: ${rerun}`)
}

function exitCodeOf({ counts }: Tally): number {
  if (counts.invalid > 0) return exitCodes.invalid
  if (counts.failed > 0) return exitCodes.crashed
  return counts.unknown > 0 ? exitCodes.unknown : exitCodes.valid
}
