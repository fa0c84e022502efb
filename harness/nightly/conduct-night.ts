import type { JobEnd } from '../explore/job.ts'
import { describeDuration } from './amounts.ts'
import { RunTimes } from './budget.ts'
import { cellName } from './matrix.ts'
import type { PlannedCell } from './preflight.ts'

/** One run of a night. */
export interface PlannedRun {
  readonly id: number
  readonly planned: PlannedCell
  readonly seed: number
}

/** How a run of a night went. */
export interface RunEnd {
  readonly run: PlannedRun
  readonly how:
    | { readonly kind: 'ended', readonly end: JobEnd }
    /** Not begun, or torn down; `begun` says which. */
    | { readonly kind: 'skipped', readonly why: string, readonly begun: boolean }
  /** 0 where it was not begun. */
  readonly tookS: number
}

export interface NightPlan {
  /** In the order of a round. Those that cannot be done here stand in it too. */
  readonly cells: readonly PlannedCell[]
  /** Each a round; a night goes through all cells with one before it takes the next. */
  readonly seeds: readonly number[]
  /** Rounds that are not begun once no run fits any more leave no trace: the seeds were as many as there is room for. */
  readonly openEnded: boolean
  /** From the start of the first run. */
  readonly budgetS: number
  /** Runs at once. Containers come one at a time, whatever else is on. */
  readonly jobs: number
}

export interface NightPorts {
  /** Does one; null: the night was told to end, and the run was torn down. Nothing is retried. */
  readonly perform: (run: PlannedRun) => Promise<JobEnd | null>
  /** Monotonic, of the night: 0 when it began. */
  readonly nowS: () => number
  /** Why the night was told to end, as words for a run that is on or was to come; null: it was not. */
  readonly stopped: () => string | null
  readonly onBegin: (run: PlannedRun, expectedS: number) => void
  readonly onEnd: (end: RunEnd) => void
}

/**
 * Goes through the matrix: seed by seed, and with each seed through all cells,
 * so that a budget that runs out has seen a bit of everything. A run that
 * cannot end within what is left of the budget is skipped, with that as its
 * reason; a shorter one behind it may still fit. Resolves when nothing is on any more.
 */
export async function conductNight(plan: NightPlan, ports: NightPorts, times: RunTimes = new RunTimes()): Promise<void> {
  const possible = plan.cells.filter(({ refused }) => refused === null)
  const containers = possible.filter(({ cell }) => cell.env === 'docker')
  const processes = possible.filter(({ cell }) => cell.env !== 'docker')
  const ids = counter()
  for (const planned of plan.cells) {
    if (planned.refused === null) continue
    // Not once for each of so many seeds as there may be room for.
    for (const seed of plan.openEnded ? plan.seeds.slice(0, 1) : plan.seeds) {
      ports.onEnd({ run: { id: ids(), planned, seed }, how: { kind: 'skipped', why: planned.refused, begun: false }, tookS: 0 })
    }
  }
  const lanes = [
    ...containers.length === 0 ? [] : [{ cells: containers, width: 1 }],
    ...processes.length === 0 ? [] : [{ cells: processes, width: containers.length === 0 ? plan.jobs : Math.max(1, plan.jobs - 1) }],
  ]
  await Promise.all(lanes.map(({ cells, width }) => {
    const queue = new Rounds(cells, plan, ids, (cell) => times.estimateS(toEstimate(cell)))
    return Promise.all(Array.from({ length: width }, () => work(queue, plan, ports, times)))
  }))
}

async function work(queue: Rounds, plan: NightPlan, ports: NightPorts, times: RunTimes): Promise<void> {
  for (;;) {
    const leftS = plan.budgetS - ports.nowS()
    const run = queue.next(ports.stopped() === null ? leftS : 0)
    if (run === null) return
    const skip = (why: string, begun: boolean, tookS: number) => ports.onEnd({ run, how: { kind: 'skipped', why, begun }, tookS })
    const stopped = ports.stopped()
    if (stopped !== null) {
      skip(`not begun: ${stopped}`, false, 0)
      continue
    }
    const refused = queue.refusalOf(run.planned)
    if (refused !== undefined) {
      skip(refused, false, 0)
      continue
    }
    const expectedS = times.estimateS(toEstimate(run.planned))
    if (expectedS > leftS) {
      skip(`the budget: it is expected to take ${describeDuration(expectedS)}, and ${describeDuration(Math.max(0, leftS))} were left`, false, 0)
      continue
    }
    ports.onBegin(run, expectedS)
    const beganS = ports.nowS()
    const end = await ports.perform(run)
    const tookS = ports.nowS() - beganS
    if (end === null) {
      skip(`torn down after ${describeDuration(tookS)}, without a verdict: ${ports.stopped() ?? 'the night was ended'}`, true, tookS)
      continue
    }
    if (end.kind === 'failed' && end.refused === true) {
      queue.refuse(run.planned, end.error)
      skip(end.error, false, tookS)
      continue
    }
    if (end.kind === 'judged') times.learn({ ...toEstimate(run.planned), tookS })
    ports.onEnd({ run, how: { kind: 'ended', end }, tookS })
  }
}

const toEstimate = ({ cell, timeLimitS }: PlannedCell) => ({ env: cell.env, workload: cell.workload, members: cell.members, timeLimitS })

/** The runs of some cells, in order; a round after the other. */
class Rounds {
  readonly #cells: readonly PlannedCell[]
  readonly #plan: NightPlan
  readonly #ids: () => number
  readonly #estimateS: (cell: PlannedCell) => number
  readonly #refused = new Map<string, string>()
  #round = -1
  #queue: PlannedRun[] = []

  constructor(cells: readonly PlannedCell[], plan: NightPlan, ids: () => number, estimateS: (cell: PlannedCell) => number) {
    this.#cells = cells
    this.#plan = plan
    this.#ids = ids
    this.#estimateS = estimateS
  }

  /** Null: there are none any more. */
  next(leftS: number): PlannedRun | null {
    if (this.#queue.length === 0) this.#begin(leftS)
    return this.#queue.shift() ?? null
  }

  #begin(leftS: number): void {
    const seed = this.#plan.seeds[this.#round + 1]
    if (seed === undefined) return
    const possible = this.#cells.filter((cell) => this.refusalOf(cell) === undefined)
    // The first round is told as a whole, and so is every one that was asked for.
    if (this.#plan.openEnded && this.#round >= 0 && !possible.some((cell) => this.#estimateS(cell) <= leftS)) return
    this.#round += 1
    this.#queue = (this.#plan.openEnded && this.#round > 0 ? possible : this.#cells).map((planned) => ({ id: this.#ids(), planned, seed }))
  }

  /** What the machine refused once it refuses with every seed. */
  refuse({ cell }: PlannedCell, why: string): void {
    this.#refused.set(cellName(cell), why)
  }

  refusalOf({ cell }: PlannedCell): string | undefined {
    return this.#refused.get(cellName(cell))
  }
}

function counter(): () => number {
  let count = 0
  return () => count++
}
