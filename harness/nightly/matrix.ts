import { z } from 'zod'
import { membersMax } from '../plan/defaults.ts'
import { planOptionsSchema, type PlanOptions } from '../plan/options.ts'
import { systemNames, type SystemName } from '../plan/plan.ts'
import { UsageError } from '../plan/usage-error.ts'

/** What a night goes through: every combination of these, each with every seed. */
export interface Matrix {
  readonly workloads: readonly string[]
  /** Each a set of families that strike together; empty: none. */
  readonly nemeses: readonly (readonly string[])[]
  readonly members: readonly number[]
  readonly systems: readonly SystemName[]
  /** `auto` is resolved once, for the whole night. */
  readonly envs: readonly NonNullable<PlanOptions['env']>[]
  readonly seeds: Seeds
  /** For all runs, beside what the matrix itself says. */
  readonly options: PlanOptions
  /** Combinations that are wanted in no night: all that is named must agree. */
  readonly exclude: readonly Exclusion[]
}

/** `count` null: as many as the budget has room for. `base` null: drawn from the date. */
export type Seeds =
  | { readonly kind: 'listed', readonly seeds: readonly number[] }
  | { readonly kind: 'counted', readonly count: number | null, readonly base: number | null }

/** One combination, without a seed. */
export interface Cell {
  readonly workload: string
  readonly nemesis: readonly string[]
  readonly members: number
  readonly system: SystemName
  readonly env: 'simulated' | 'local' | 'docker'
}

type Listed = Pick<Matrix, 'workloads' | 'nemeses' | 'members' | 'systems' | 'envs' | 'seeds'>

/** A part of a matrix, as flags, a file or the config file say it. */
export type MatrixPart = { readonly [Key in keyof Matrix]?: Matrix[Key] }

/**
 * What a first user gets: every workload under faults that differ in kind, on
 * a cluster that loses one member and on one that can lose two.
 */
export const matrixDefaults: Omit<Listed, 'workloads'> = {
  nemeses: [['partition'], ['kill'], ['clock', 'pause'], ['delay', 'loss']],
  members: [3, 5],
  systems: ['registry'],
  envs: ['auto'],
  seeds: { kind: 'counted', count: null, base: null },
}

/** Each has a line in the record for every combination. */
const seedsMax = 10_000
/** They are put in order by comparing each with each. */
const cellsMax = 2000

const seed = z.int().min(0).max(0xffff_ffff)
const nemesisSet = z.union([z.array(z.string().min(1)), z.string().min(1).transform((text) => text.split('+'))]).transform(families)
const exclusion = z.strictObject({ workload: z.string(), nemesis: nemesisSet, members: z.int(), system: z.enum(systemNames), env: z.enum(['docker', 'local', 'simulated']) }).partial()
  .refine((named) => Object.keys(named).length > 0, 'an exclusion that names nothing would leave out everything')
export type Exclusion = Readonly<z.infer<typeof exclusion>>

/** What the matrix itself says of each run, and what is not of a run at all. */
const matrixOnly = { workload: true, nemesis: true, members: true, system: true, env: true, seed: true, store: true, progress: true } as const

const fileSchema = z.strictObject({
  workloads: z.array(z.string()).min(1),
  nemeses: z.array(nemesisSet).min(1),
  members: z.array(z.int()).min(1),
  systems: z.array(z.enum(systemNames)).min(1),
  envs: z.array(z.enum(['auto', 'docker', 'local', 'simulated'])).min(1),
  /** How many, or which. */
  seeds: z.union([z.int().min(1).max(seedsMax), z.array(seed).min(1)]),
  /** Of the first, where `seeds` is a number. */
  seed,
  options: planOptionsSchema.omit(matrixOnly).strict(),
  exclude: z.array(exclusion),
}).partial()

/** `kill+pause` and `pause+kill` are the same set; `none` is the empty one. */
function families(names: readonly string[]): readonly string[] {
  return names.length === 1 && names[0] === 'none' ? [] : names.map((name) => name.trim()).toSorted()
}

/** Of a matrix file. Throws UsageError. */
export function parseMatrixFile(text: string, origin: string): MatrixPart {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${origin} is not JSON: ${(error as Error).message}.`)
  }
  const parsed = fileSchema.safeParse(value)
  if (!parsed.success) throw new UsageError(`${origin} is no matrix:\n${z.prettifyError(parsed.error)}\nThere are ${Object.keys(fileSchema.shape).join(', ')}.`)
  const { seeds, seed: base, ...rest } = parsed.data
  if (Array.isArray(seeds) && base !== undefined) throw new UsageError(`${origin}: seeds are listed, so there is no first one to count from: leave out "seed".`)
  if (seeds === undefined && base === undefined) return rest
  return { ...rest, seeds: Array.isArray(seeds) ? { kind: 'listed', seeds } : { kind: 'counted', count: seeds ?? null, base: base ?? null } }
}

/** `partition,kill+pause,none`: commas between sets, `+` between families that strike together. */
export function parseNemeses(text: string): readonly (readonly string[])[] {
  return words(text).map((set) => families(set.split('+')))
}

/** `1,2,3` are these; `5` is how many. Throws UsageError. */
export function parseSeeds(text: string, base: number | null): Seeds {
  const numbers = words(text).map(Number)
  const listed = text.includes(',')
  if (numbers.length === 0 || !numbers.every((number) => Number.isInteger(number) && number >= (listed ? 0 : 1) && number <= (listed ? 0xffff_ffff : seedsMax))) {
    throw new UsageError(`--seeds ${text}: give how many, as 5 and at most ${seedsMax}, or which, as 1,2,3 (one alone: 7,).`)
  }
  if (!listed) return { kind: 'counted', count: numbers[0]!, base }
  if (base !== null) throw new UsageError('--seed says where counting begins, and --seeds lists them: give one of the two.')
  return { kind: 'listed', seeds: numbers }
}

export const words = (text: string): string[] => text.split(',').map((word) => word.trim()).filter((word) => word !== '')

/** What flags say wins over the file, that over the config file, that over the defaults. Throws UsageError where a name or number does not exist at all. */
export function resolveMatrix(parts: readonly MatrixPart[], known: { readonly workloads: readonly string[], readonly nemeses: readonly string[] }): Matrix {
  const said: MatrixPart = Object.assign({}, ...parts.toReversed())
  const options = Object.assign({}, ...parts.toReversed().map((part) => part.options ?? {})) as PlanOptions
  const matrix: Matrix = { workloads: known.workloads, ...matrixDefaults, exclude: [], ...said, options }
  const nemeses = matrix.nemeses.map((set) => set.join('+') || 'none')
  for (const [what, values] of Object.entries({ workloads: matrix.workloads, nemeses, members: matrix.members, systems: matrix.systems, envs: matrix.envs, ...matrix.seeds.kind === 'listed' ? { seeds: matrix.seeds.seeds } : {} })) {
    if (values.length === 0) throw new UsageError(`The matrix has no ${what}.`)
    const twice = values.find((value, at) => values.indexOf(value as never) !== at)
    if (twice !== undefined) throw new UsageError(`The matrix has ${what} ${twice} twice.`)
  }
  requireKnown('workload', matrix.workloads, known.workloads)
  requireKnown('nemesis', matrix.nemeses.flat(), [...known.nemeses, 'all', 'none'])
  requireKnown('system', matrix.systems, systemNames)
  for (const count of matrix.members) if (!Number.isInteger(count) || count < 1 || count > membersMax) throw new UsageError(`The matrix has members ${count}: a cluster has 1 to ${membersMax}.`)
  return matrix
}

function requireKnown(what: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new UsageError(`The matrix has ${what} ${unknown}: there is no such thing; there are ${known.join(', ')}.`)
}

/** All combinations, in the order in which they are said; not those that are excluded. Throws UsageError. */
export function cellsOf({ workloads, nemeses, members, systems, exclude }: Pick<Matrix, 'workloads' | 'nemeses' | 'members' | 'systems' | 'exclude'>, envs: readonly Cell['env'][]): Cell[] {
  const count = workloads.length * nemeses.length * members.length * systems.length * envs.length
  if (count > cellsMax) throw new UsageError(`The matrix has ${count} combinations: at most ${cellsMax}. No night gets through so many; name fewer of something.`)
  return envs.flatMap((env) => systems.flatMap((system) => members.flatMap((count) => nemeses.flatMap((nemesis) => workloads.map((workload): Cell => ({ workload, nemesis, members: count, system, env }))))))
    .filter((cell) => !exclude.some((named) => isExcluded(cell, named)))
}

function isExcluded(cell: Cell, { workload, nemesis, members, system, env }: Exclusion): boolean {
  return (workload ?? cell.workload) === cell.workload && (members ?? cell.members) === cell.members && (system ?? cell.system) === cell.system
    && (env ?? cell.env) === cell.env && (nemesis ?? cell.nemesis).join('+') === cell.nemesis.join('+')
}

/** Days since 1970 apart by so many seeds: two nights share none, and one date always has the same. */
const seedsPerDay = 100_000

/** A night's first seed by its date. */
export function seedOfDate(startedAt: Date): number {
  return Math.floor(startedAt.getTime() / 86_400_000) * seedsPerDay % 2 ** 32
}

/** Rounds where nobody says how many: more seeds of the same are for `explore`. */
const openEndedRoundsMax = 20

/** The seeds themselves; open-ended: those that the budget has no room for are not missed. */
export function seedsOf({ seeds }: Pick<Matrix, 'seeds'>, startedAt: Date): { readonly seeds: readonly number[], readonly openEnded: boolean } {
  if (seeds.kind === 'listed') return { seeds: seeds.seeds, openEnded: false }
  const first = seeds.base ?? seedOfDate(startedAt)
  return { openEnded: seeds.count === null, seeds: Array.from({ length: seeds.count ?? openEndedRoundsMax }, (_, at) => (first + at) % 2 ** 32) }
}

/** The same text for the same combination, over nights. */
export const cellName = ({ workload, nemesis, members, system, env }: Pick<Cell, 'workload' | 'nemesis' | 'members' | 'env'> & { readonly system: string }): string =>
  `${workload}, ${nemesis.join('+') || 'no faults'}, ${members} ${members === 1 ? 'member' : 'members'} of ${system}, ${env}`
