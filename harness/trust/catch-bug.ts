import { parseTestArguments } from '../cli/test-arguments.ts'
import type { JudgedJob } from '../explore/job.ts'
import { JobPool } from '../explore/job-pool.ts'
import type { Mutant } from '../mutants/mutant.ts'

/** What came of looking for a planted bug. */
export type Catch =
  | {
    readonly kind: 'caught'
    /** Of the run that caught it; runs before it did not. */
    readonly seed: number
    /** Checkers that said invalid. */
    readonly checkers: readonly string[]
    /** What the first of them said. */
    readonly summary: string
    readonly simulatedS: number
    readonly tookS: number
  }
  | { readonly kind: 'missed', readonly runs: number, readonly last: string }
  | { readonly kind: 'interrupted' }

/** A schedule meets a bug or it does not: so many are tried. */
export const seedsMax = 10

/**
 * Does the simulated run that a bug's entry names, seed after seed, until a
 * checker says invalid. In a process of its own: a bug is planted for good in
 * the process that loads it.
 */
export async function catchBug(bug: Mutant, store: string, seeds: number = seedsMax): Promise<Catch> {
  const { options } = await parseTestArguments(bug.runs.simulated)
  await using pool = new JobPool(1)
  let last = ''
  for (let seed = 1; seed <= seeds; seed++) {
    const end = await pool.run({ id: seed, options: { ...options, env: 'simulated', mutant: bug.name, seed, store }, keep: 'failures' })
    if (end === null) return { kind: 'interrupted' }
    if (end.kind === 'judged' && end.verdict === 'invalid') return caught(seed, end)
    last = end.kind === 'failed' ? `the run failed: ${end.error}` : `${end.verdict}${end.findings.map(({ checker, summary }) => `; ${checker}: ${summary}`).join('')}`
  }
  return { kind: 'missed', runs: seeds, last }
}

function caught(seed: number, { findings, simulatedS, tookS }: JudgedJob): Catch {
  const against = findings.filter(({ verdict }) => verdict === 'invalid')
  return { kind: 'caught', seed, checkers: against.map(({ checker }) => checker), summary: against[0]!.summary, simulatedS, tookS }
}

/** The part of the member that it is planted in: `raft`, `gossip`, `registry-node`. */
export function areaOf({ edits }: Mutant): string {
  return edits[0]!.file.split('/')[1]!.replace(/\.ts$/, '')
}
