import { parseTestArguments } from '../cli/test-arguments.ts'
import { membersMax } from '../plan/defaults.ts'
import type { PlanOptions } from '../plan/options.ts'
import { UsageError } from '../plan/usage-error.ts'

/** What a soak does, besides what each of its runs does. */
export interface SoakOptions {
  readonly runs: number
  /** Of the first run; each further run has the next. */
  readonly firstSeed: number
  /** Drawn from by each run's seed. */
  readonly memberCounts: readonly number[]
  /** Whose directories stay: of all runs, or of those that are not valid. */
  readonly keep: 'all' | 'failed'
  readonly run: PlanOptions
  readonly config: string | undefined
}

export const soakDefaults = { runs: 100, seed: 1, members: '3,4,5,7', keep: 'failed' } as const

const usage = 'A soak takes --runs N, --members N[,N…], --seed N (of the first run), --keep all or failed, and whatever `splitbrain test` takes.'

/**
 * The command line of a soak: its own flags, and those of `splitbrain test`.
 * @throws UsageError, or commander's error for a flag that nobody knows
 */
export async function parseSoakArguments(args: readonly string[]): Promise<SoakOptions> {
  const own = new Map<string, string>()
  const rest: string[] = []
  for (let at = 0; at < args.length; at++) {
    const [flag, inline] = args[at]!.split('=', 2) as [string, string | undefined]
    if (!ownFlags.has(flag)) {
      rest.push(args[at]!)
      continue
    }
    const value = inline ?? args[++at]
    if (value === undefined) throw new UsageError(`${flag} needs a value. ${usage}`)
    own.set(flag, value)
  }
  const { options, config } = await parseTestArguments(rest)
  const keep = own.get('--keep') ?? soakDefaults.keep
  if (keep !== 'all' && keep !== 'failed') throw new UsageError(`--keep ${keep} is neither all nor failed. ${usage}`)
  return {
    runs: whole('--runs', own.get('--runs') ?? soakDefaults.runs, 1, 1_000_000),
    firstSeed: whole('--seed', own.get('--seed') ?? soakDefaults.seed, 0, 0xffff_ffff),
    memberCounts: (own.get('--members') ?? soakDefaults.members).split(',').map((text) => whole('--members', text, 1, membersMax)),
    keep,
    run: options,
    config,
  }
}

const ownFlags: ReadonlySet<string> = new Set(['--runs', '--members', '--seed', '--keep'])

function whole(flag: string, text: string | number, min: number, max: number): number {
  const value = Number(text)
  if (String(text).trim() === '' || !Number.isInteger(value) || value < min || value > max) throw new UsageError(`${flag} ${text} is no whole number from ${min} to ${max}. ${usage}`)
  return value
}
