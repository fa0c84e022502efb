import { standIn } from '../environments/carried-faults.ts'
import { chooseEnvironment } from '../plan/choose-environment.ts'
import { memberNames } from '../plan/fault-options.ts'
import type { PlanOptions } from '../plan/options.ts'
import type { RunPlan } from '../plan/plan.ts'
import { rerunCommand } from '../plan/rerun.ts'
import { UsageError } from '../plan/usage-error.ts'
import { environmentFaults } from '../runner/fault-sources.ts'
import { planOf, type RunHost } from '../runner/prepared-run.ts'
import { requireCapabilities, requirePorts } from '../runner/run-test.ts'
import { systems } from '../systems/index.ts'
import { cellsOf, type Cell, type Matrix } from './matrix.ts'

/** A cell, and whether it can be done here at all. */
export interface PlannedCell {
  readonly cell: Cell
  /** Of the main phase; 0 where it was not even a plan. */
  readonly timeLimitS: number
  /** The sentence that says why it cannot be done; null: it can. */
  readonly refused: string | null
  /** For all its runs but for the seed. */
  readonly options: PlanOptions
  /** The command that does the run of a seed alone; null where there is no such run. */
  rerun(seed: number): string | null
}

export interface Surveyed {
  readonly cells: readonly PlannedCell[]
  /** For the person who watches: which environment `auto` came to, and why. */
  readonly notes: readonly string[]
}

export interface SurveyPorts {
  readonly host: RunHost
  readonly workingDirectory: string
  /** Finds, or fetches, the program of a system that is not ours. Rejects with a sentence. */
  readonly findProgram: (system: Cell['system']) => Promise<unknown>
}

/**
 * Goes through all combinations before anything is run: each gets its plan, or
 * the sentence that says why it cannot be done here. What only the machine
 * shows (a kernel without a module) is not seen yet; such a run is refused when
 * its environment is made, by the same sentences.
 */
export async function survey(matrix: Matrix, { host, workingDirectory, findProgram }: SurveyPorts): Promise<Surveyed> {
  const notes: string[] = []
  const envs: Cell['env'][] = []
  for (const asked of matrix.envs) {
    const { kind, why } = await chooseEnvironment(asked, host.dockerAvailability)
    if (asked === 'auto') notes.push(why)
    if (!envs.includes(kind)) envs.push(kind)
  }
  const cells = cellsOf(matrix, envs)
  // A planted bug that does not exist is nobody's combination: it is refused as a whole.
  if (matrix.options.mutant !== undefined) await host.loadMutant(matrix.options.mutant)
  const docker = envs.includes('docker') ? await host.dockerAvailability() : { available: true as const }
  const programs = new Map<Cell['system'], string>()
  for (const system of new Set(docker.available ? cells.filter(({ env }) => env === 'docker').map(({ system }) => system) : [])) {
    await findProgram(system).catch((error: unknown) => programs.set(system, `${system} cannot be had: ${(error as Error).message}`))
  }
  const lackOf = ({ env, system }: Cell): string | null => env !== 'docker' ? null
    : docker.available ? programs.get(system) ?? null : `Docker cannot be used: ${docker.reason}`
  return { notes, cells: cells.map((cell) => planCell(cell, matrix.options, lackOf(cell), host, workingDirectory)) }
}

function planCell(cell: Cell, shared: PlanOptions, lack: string | null, host: RunHost, directory: string): PlannedCell {
  const { workload, nemesis, members, system, env } = cell
  const options: PlanOptions = { ...shared, env, system, members, workload, nemesis: nemesis.length === 0 ? ['none'] : [...nemesis] }
  const planned = (seed: number): RunPlan => planOf({ ...options, seed }, env, host, directory)
  const rerun = (seed: number) => rerunCommand(planned(seed), host.workloads[workload]?.defaults)
  try {
    const plan = planned(0)
    const here = standIn(env, systems[system].deployment, memberNames(members), memberNames(members + environmentFaults(plan).spareCount).slice(members))
    const parts = { system: systems[system], workload: host.workloads[workload]!, nemeses: host.nemeses, say: () => {} }
    requirePorts(here, plan, parts)
    requireCapabilities(here, plan, parts)
    return { cell, options, timeLimitS: plan.timeLimitS, refused: lack, rerun }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return { cell, options, timeLimitS: 0, refused: error.message, rerun: () => null }
  }
}
