import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { readConfigFile } from '../plan/config-file.ts'
import { parsePlanOptions, type PlanOptions } from '../plan/options.ts'
import { UsageError } from '../plan/usage-error.ts'
import { parseDuration, parseSize } from './amounts.ts'
import { parseMatrixFile, parseNemeses, parseSeeds, resolveMatrix, words, type Matrix, type MatrixPart } from './matrix.ts'
import type { Retention } from './retention.ts'
import { parseWebhook } from './webhook.ts'

/** Flags as commander reads them. */
export interface NightlyFlags {
  readonly budget: string
  readonly matrix?: string
  readonly workloads?: string
  readonly nemeses?: string
  readonly members?: string
  readonly systems?: string
  readonly env?: string
  readonly seeds?: string
  readonly seed?: number
  readonly jobs?: number
  readonly keep: 'all' | 'failures'
  readonly keepDays?: number
  readonly keepSize?: string
  readonly junit?: string
  readonly tap?: string
  readonly json?: boolean
  readonly webhook?: string
  readonly webhookOn: 'failure' | 'always'
  readonly config?: string
  readonly store?: string
  /** Of each run. */
  readonly timeLimit?: number
  readonly rate?: number
  readonly interval?: number
  readonly intensity?: string
  readonly recoveryTimeout?: number
  readonly mutant?: string
}

/** What a night is, checked. */
export interface NightOptions {
  readonly matrix: Matrix
  readonly budgetS: number
  readonly jobs: number
  /** Of valid runs of this night. */
  readonly keep: 'all' | 'failures'
  readonly retention: Retention
  /** Null: nobody is told. */
  readonly webhook: { readonly url: URL, readonly on: 'failure' | 'always' } | null
  /** Absolute, as asked for by flags. */
  readonly junitFile: string | null
  readonly tapFile: string | null
  readonly json: boolean
  readonly store: string | null
}

/** A timer cannot wait longer, and nobody should. */
const budgetSMax = 14 * 86_400

const perRun = ['timeLimit', 'rate', 'interval', 'intensity', 'recoveryTimeout', 'mutant'] as const satisfies readonly (keyof NightlyFlags & keyof PlanOptions)[]

/** From flags, the matrix file, the config file and two variables of the environment. Throws UsageError. */
export function readNightOptions(
  flags: NightlyFlags, workingDirectory: string, known: { readonly workloads: readonly string[], readonly nemeses: readonly string[] }, variables: Readonly<Record<string, string | undefined>>,
): NightOptions {
  const config = readConfigFile(flags.config, workingDirectory)
  const file = flags.matrix === undefined ? {} : readMatrixFile(resolve(workingDirectory, flags.matrix))
  const said = [partOfFlags(flags, file), file, partOfConfig(config?.options ?? {})]
  const budgetS = parseDuration('--budget', flags.budget)
  if (budgetS > budgetSMax) throw new UsageError(`--budget ${flags.budget}: at most 14d.`)
  const { jobs = availableParallelism() } = flags
  if (!Number.isInteger(jobs) || jobs < 1) throw new UsageError(`--jobs ${jobs}: give a number of processes.`)
  if (flags.keepDays !== undefined && !(flags.keepDays >= 0)) throw new UsageError(`--keep-days ${flags.keepDays}: give a number of days.`)
  const webhook = flags.webhook ?? variables['SPLITBRAIN_WEBHOOK'] ?? ''
  const place = (named: string | undefined) => named === undefined ? null : resolve(workingDirectory, named)
  return {
    matrix: resolveMatrix(said, known), budgetS, jobs,
    keep: flags.keep,
    retention: { keepDays: flags.keepDays ?? null, keepBytes: flags.keepSize === undefined ? null : parseSize('--keep-size', flags.keepSize) },
    // A secret that is not set in CI is empty.
    webhook: webhook === '' ? null : { url: parseWebhook(webhook), on: flags.webhookOn },
    junitFile: place(flags.junit), tapFile: place(flags.tap), json: flags.json === true,
    store: flags.store ?? config?.options.store ?? null,
  }
}

function partOfFlags(flags: NightlyFlags, file: MatrixPart): MatrixPart {
  const options = parsePlanOptions(Object.fromEntries(perRun.flatMap((name) => flags[name] === undefined ? [] : [[name, flags[name]]])), 'The command line')
  const seeds = seedsOfFlags(flags, file)
  return {
    ...flags.workloads === undefined ? {} : { workloads: words(flags.workloads) },
    ...flags.nemeses === undefined ? {} : { nemeses: parseNemeses(flags.nemeses) },
    ...flags.members === undefined ? {} : { members: words(flags.members).map(Number) },
    ...flags.systems === undefined ? {} : { systems: words(flags.systems) as Matrix['systems'] },
    ...flags.env === undefined ? {} : { envs: words(flags.env).map(environment) },
    ...seeds === null ? {} : { seeds },
    options,
  }
}

function environment(name: string): Matrix['envs'][number] {
  const all = ['auto', 'docker', 'local', 'simulated'] as const
  const found = all.find((one) => one === name)
  if (found === undefined) throw new UsageError(`--env ${name}: there is no such thing; there are ${all.join(', ')}.`)
  return found
}

/** `--seed` alone moves where the counting begins, however many seeds the file wants. */
function seedsOfFlags({ seeds, seed }: NightlyFlags, file: MatrixPart): Matrix['seeds'] | null {
  if (seed !== undefined && !(Number.isInteger(seed) && seed >= 0 && seed <= 0xffff_ffff)) throw new UsageError(`--seed ${seed}: give a whole number from 0 to ${0xffff_ffff}.`)
  if (seeds !== undefined) return parseSeeds(seeds, seed ?? null)
  if (seed === undefined) return null
  if (file.seeds?.kind === 'listed') throw new UsageError(`--seed ${seed} says where counting begins, and the matrix file lists its seeds: give --seeds.`)
  return { kind: 'counted', count: file.seeds?.count ?? null, base: seed }
}

/** What a config file says of one run is the matrix's only value, where nobody says more. */
function partOfConfig({ workload, nemesis, members, system, env, seed, store: _store, progress: _progress, ...options }: PlanOptions): MatrixPart {
  return {
    ...workload === undefined ? {} : { workloads: [workload] },
    ...nemesis === undefined ? {} : { nemeses: [nemesis.join() === 'none' ? [] : nemesis.toSorted()] },
    ...members === undefined ? {} : { members: [members] },
    ...system === undefined ? {} : { systems: [system] },
    ...env === undefined ? {} : { envs: [env] },
    ...seed === undefined ? {} : { seeds: { kind: 'counted', count: null, base: seed } },
    options,
  }
}

function readMatrixFile(path: string): MatrixPart {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`--matrix ${path} cannot be read: ${(error as Error).message}.`)
  }
  return parseMatrixFile(text, `--matrix ${path}`)
}
